# A sandbox server of its own for tests that call it from outside. Sourced by scripts/test.

sandbox_key=sk_test_1234567890abcdefghijklmnop

# start_sandbox NAME [ARGUMENT...]: starts `florin dev` with these arguments on an empty SQLite database, which
# $FLORIN_DATABASE_URL then names. Leaves its address in $sandbox_url, its process group in $sandbox and its log in
# $sandbox_log. Notes a failure when it does not start.
start_sandbox() {
  local name=$1 port
  shift
  port=$(free_port)
  sandbox_url=http://127.0.0.1:$port
  sandbox_log=$logs/$name-server.log
  export FLORIN_DATABASE_URL=sqlite://$work/$name.db FLORIN_SANDBOX_BOOKS=$work/$name.books
  export FLORIN_RATE_LIMIT_PER_MINUTE=0 FLORIN_RATE_LIMIT_PER_SECOND=0 FLORIN_LOG=warn
  # pm_test_timeout takes as long as the processor may, and clients wait for 10 seconds only.
  export FLORIN_PROCESSOR_TIMEOUT_SECONDS=1
  start logged "$sandbox_log" "$FLORIN_BIN" dev --listen "127.0.0.1:$port" --database-url "$FLORIN_DATABASE_URL" \
    "$@"
  sandbox=$started
  if ! wait_until_ready "$sandbox_url/readyz" "$sandbox" "$sandbox_log"; then
    note_outcome FAILED "server for $name" 0
    return 1
  fi
}

# end_sandbox NAME: looks for panics, ends the server, and has it verify the database that the test left.
end_sandbox() {
  step "no panic after $1" no_panic "$sandbox" "$sandbox_log"
  stop_group "$sandbox"
  step "verify after $1" "$FLORIN_BIN" verify
}

no_panic() {
  kill -0 -- "-$1" || { printf 'the server has ended\n'; return 1; }
  ! grep -n -A 5 'panicked at' "$2"
}
