# The experiments of tests/src/faults. Sourced by scripts/faults and scripts/test, with $target set.

# need_fault_packages: what they break Florin with.
need_fault_packages() {
  need_packages cc=build-essential initdb=postgresql strace=strace faketime=faketime pgbouncer=pgbouncer
}

# build_faults: builds a server with fail points, and the experiments.
build_faults() {
  local locked=()
  [[ -z ${CI:-} ]] || locked=(--locked)
  cargo build ${locked[@]+"${locked[@]}"} --package florin --package florin-tests --all-features --bins
}

# run_experiments: runs experiments, by the arguments of the program.
run_experiments() {
  FLORIN_BIN=$target/debug/florin "$target/debug/faults" "$@"
}

# drive_faults: about a tenth of each, some minutes in all. FAULTS_SEED sets another seed.
drive_faults() {
  step "faults" run_experiments --divide "${FAULTS_DIVIDE:-10}" --seed "${FAULTS_SEED:-20251121}" --no-controls
  step "controls of faults" run_experiments races failover adversary --only-controls
}
