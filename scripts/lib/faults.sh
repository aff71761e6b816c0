# The experiments of tests/src/faults. Sourced by scripts/faults and scripts/test, with $target set.

# need_fault_packages: what they break Florin with.
need_fault_packages() {
  need_packages cc=build-essential initdb=postgresql strace=strace faketime=faketime pgbouncer=pgbouncer
}

# build_faults: builds the experiments, and a server with fail points in a place of its own, so that no test takes it for
# the real one. Names them in $faults_program and FLORIN_BIN.
build_faults() {
  local locked=()
  [[ -z ${CI:-} ]] || locked=(--locked)
  cargo build ${locked[@]+"${locked[@]}"} --package florin --all-features
  mkdir -p "$target/faults"
  cp "$target/debug/florin" "$target/faults/florin"
  cargo build ${locked[@]+"${locked[@]}"} --package florin-tests --bin faults
  faults_program=$target/debug/faults
  export FLORIN_BIN=$target/faults/florin
}

# run_some_faults: about a tenth of each, some minutes in all. FAULTS_SEED sets another seed.
run_some_faults() {
  build_faults
  "$faults_program" --divide "${FAULTS_DIVIDE:-10}" --seed "${FAULTS_SEED:-20251121}" --no-controls
  "$faults_program" races failover adversary --only-controls
}
