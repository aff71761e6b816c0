# Florin's servers under load, each with a database of its own. Sourced by scripts/bench.

connections=64
threads=2
databases_made=0
export FLORIN_KEY=sk_test_1234567890abcdefghijklmnop
export FLORIN_RATE_LIMIT_PER_MINUTE=0 FLORIN_RATE_LIMIT_PER_SECOND=0 FLORIN_LOG=warn
# The million that is copied is from 2024; to remove its old events would be measured as well.
export FLORIN_EVENT_RETENTION_DAYS=3650
export BENCH_SCRIPTS=$PWD/scripts/bench.d

# new_database sqlite|postgres: leaves the address of an empty database in $database_url.
new_database() {
  local name
  databases_made=$((databases_made + 1))
  name=bench_$databases_made
  if [[ $1 == sqlite ]]; then
    database_url=sqlite://$work/$name.db
  else
    run_sql postgres --command="CREATE DATABASE $name"
    database_url=${postgres_url%/*}/$name
  fi
}

drop_database() {
  if [[ $1 == sqlite:* ]]; then
    rm -f "${1#sqlite://}"*
  else
    run_sql postgres --command="DROP DATABASE ${1##*/} WITH (FORCE)"
  fi
}

# start_server URL [NAME=VALUE...]: starts Florin on it; $server is its process and $base_url its address.
start_server() {
  local url=$1 port log
  shift
  port=$(free_port)
  log=$work/server.log
  base_url=http://127.0.0.1:$port
  start logged "$log" env FLORIN_SANDBOX_BOOKS="$work/$port.books" "$@" \
    "$FLORIN_BIN" dev --listen "127.0.0.1:$port" --database-url "$url"
  server=$started
  wait_until_ready "$base_url/readyz" "$server" "$log" || die "Florin did not start on $url"
}

start_echo() {
  local port log=$work/echo.log
  port=$(free_port)
  base_url=http://127.0.0.1:$port
  start logged "$log" env FLORIN_LISTEN="127.0.0.1:$port" "$echo_server"
  server=$started
  wait_until_ready "$base_url/readyz" "$server" "$log" || die "the echo server did not start"
}

# call METHOD PATH [BODY]: one request, with the sandbox key; fails when the answer is not a success.
call() {
  curl --silent --show-error --fail --request "$1" --header "authorization: Bearer $FLORIN_KEY" \
    ${3:+--header "content-type: application/json" --data "$3"} "$base_url$2"
}

succeeded_payments() {
  call GET '/v1/payments?status=succeeded&limit=1' | grep -o '"total_count":[0-9]*' | cut -d : -f 2
}

# load SCRIPT SECONDS: runs wrk and leaves its figures in $requests, $rate, $p50 and $p99. A single answer
# that is not a success ends the bench, because figures of errors are worse than none.
load() {
  local output microseconds unexpected
  output=$(wrk --threads "$threads" --connections "$connections" --duration "$2s" --timeout 10s \
    --script "$BENCH_SCRIPTS/$1.lua" "$base_url")
  read -r requests microseconds p50 p99 unexpected < <(sed -n 's/^result //p' <<<"$output") \
    || die "wrk printed no result: $output"
  ((unexpected == 0)) || { cat "$work"/*.log >&2; die "$unexpected of $requests answers to $1 were unexpected: $output"; }
  rate=$(awk -v requests="$requests" -v microseconds="$microseconds" 'BEGIN { print requests * 1e6 / microseconds }')
}

# load_payments SECONDS: creates payments. Warming up, wrk checks that each answer is a 201. In the run that
# counts that would cost a tenth of a core, so there the database has to hold a succeeded payment for each answer.
load_payments() {
  local before after
  export BENCH_PATH=/v1/payments
  BENCH_CHECK=yes load create "$warm_up"
  before=$(succeeded_payments)
  load create "$1"
  after=$(succeeded_payments)
  ((after - before >= requests && after - before <= requests + 2 * connections)) \
    || die "wrk counted $requests answers, but $((after - before)) payments succeeded"
}

load_echo() {
  export BENCH_PATH=/echo
  BENCH_CHECK=yes load create "$warm_up"
  load create "$1"
}

# load_reads SECONDS: reads the newest thousand payments by id.
load_reads() {
  local page cursor="" pages=0
  export BENCH_IDS=$work/ids
  : >"$BENCH_IDS"
  while ((pages++ < 10)); do
    page=$(call GET "/v1/payments?limit=100${cursor:+&starting_after=$cursor}")
    { grep -o '"id":"pay_[^"]*"' <<<"$page" || true; } | cut -d '"' -f 4 >>"$BENCH_IDS"
    cursor=$(tail -n 1 "$BENCH_IDS")
  done
  load get "$warm_up"
  load get "$1"
}

# peak_memory PROCESS: in bytes.
peak_memory() {
  awk '/^VmHWM:/ { print $2 * 1024 }' "/proc/$1/status"
}

# settle: writes out what earlier runs left behind, so that no run pays for another.
settle() {
  run_sql postgres --command=CHECKPOINT
  sync
}
