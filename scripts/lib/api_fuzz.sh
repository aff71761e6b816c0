# schemathesis against a sandbox server of its own. Sourced by scripts/test.

# prepare_schemathesis: makes its virtual environment, once for each list of pinned packages.
prepare_schemathesis() {
  make_venv schemathesis tests/schemathesis/requirements.txt
  schemathesis=$venv/bin/schemathesis
}

# fuzz_api: runs all checks, then the server's own verification of the database that they left.
fuzz_api() {
  local seed=${SCHEMATHESIS_SEED:-20251106}
  start_sandbox schemathesis || return 0
  printf 'schemathesis with seed %s (SCHEMATHESIS_SEED sets another)\n' "$seed"
  export FLORIN_KEY=$sandbox_key FLORIN_HOOKS=$PWD/tests/schemathesis/hooks.py
  step "schemathesis" timeout 900 "$schemathesis" --config-file tests/schemathesis/schemathesis.toml \
    run "$sandbox_url/openapi.json" --seed "$seed" --no-color
  end_sandbox schemathesis
}
