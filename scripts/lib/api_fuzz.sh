# schemathesis against a sandbox server of its own. Sourced by scripts/test.

sandbox_key=sk_test_1234567890abcdefghijklmnop

# prepare_schemathesis: makes its virtual environment, once for each list of pinned packages.
prepare_schemathesis() {
  local pins=tests/schemathesis/requirements.txt home
  home=$target/schemathesis-$(cksum <"$pins" | cut -d ' ' -f 1)
  schemathesis=$home/bin/schemathesis
  [[ ! -e $home/complete ]] || return 0
  say "installing schemathesis"
  rm -rf "$home"
  "$(python_with_venv)" -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins"
  touch "$home/complete"
}

# fuzz_api: runs all checks, then the server's own verification of the database that they left.
fuzz_api() {
  local port server log=$logs/fuzzed-server.log
  local seed=${SCHEMATHESIS_SEED:-20251106}
  port=$(free_port)
  export FLORIN_DATABASE_URL=sqlite://$work/fuzzed.db FLORIN_SANDBOX_BOOKS=$work/fuzzed.books
  export FLORIN_RATE_LIMIT_PER_MINUTE=0 FLORIN_RATE_LIMIT_PER_SECOND=0 FLORIN_LOG=warn
  # pm_test_timeout takes as long as the processor may, and schemathesis waits for 10 seconds only.
  export FLORIN_PROCESSOR_TIMEOUT_SECONDS=1
  start logged "$log" "$FLORIN_BIN" dev --listen "127.0.0.1:$port" --database-url "$FLORIN_DATABASE_URL"
  server=$started
  if ! wait_until_ready "http://127.0.0.1:$port/readyz" "$server" "$log"; then
    note_outcome FAILED "server for schemathesis" 0
    return 0
  fi

  printf 'schemathesis with seed %s (SCHEMATHESIS_SEED sets another)\n' "$seed"
  export FLORIN_KEY=$sandbox_key FLORIN_HOOKS=$PWD/tests/schemathesis/hooks.py
  step "schemathesis" timeout 900 "$schemathesis" --config-file tests/schemathesis/schemathesis.toml \
    run "http://127.0.0.1:$port/openapi.json" --seed "$seed" --no-color
  step "no panic in the server" no_panic "$server" "$log"
  stop_group "$server"
  step "verify after schemathesis" "$FLORIN_BIN" verify
}

no_panic() {
  kill -0 -- "-$1" || { printf 'the server has ended\n'; return 1; }
  ! grep -n -A 5 'panicked at' "$2"
}
