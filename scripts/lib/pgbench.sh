# The same rows in the same two transactions, written by PostgreSQL's own benchmark. Sourced by scripts/bench.

pgbench_clients=(4 16 32 64)
pgbench_scripts=(statements cte)
pgbench_template=""   # a database with the schema, the sandbox tenant and one payment

# prepare_pgbench: makes the template and takes from it what the scripts can't make: the ids of the tenant, and the
# snapshot of a payment as Florin writes it with each event.
prepare_pgbench() {
  new_database postgres
  start_server "$database_url"
  call POST /v1/payments '{"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success",
    "description": "Payment for order #12345", "metadata": {"order_id": "12345", "customer_id": "cust_abc123"}}' >/dev/null
  stop_group "$server"
  pgbench_template=${database_url##*/}
  pgbench_tenant=$(run_sql "$pgbench_template" --command="SELECT tenant_id FROM payments")
  pgbench_snapshot=$(run_sql "$pgbench_template" --command="SELECT snapshot FROM events ORDER BY sequence DESC LIMIT 1")
  check_pgbench
}

# check_pgbench: refuses to compare with scripts that don't write what Florin writes.
check_pgbench() {
  local script expected written
  expected=$(shape_of "$pgbench_template")
  for script in "${pgbench_scripts[@]}"; do
    run_pgbench "$script" 2 1 >/dev/null
    run_sql bench_pgbench --command="DELETE FROM counters WHERE slot < 1000"
    written=$(shape_of bench_pgbench)
    [[ $written == "$expected" ]] || die "pgbench_$script.sql writes $written for a payment, and Florin $expected"
  done
}

# shape_of DATABASE: rows per payment, what they tell, and which counters they moved.
shape_of() {
  run_sql "$1" <<'SQL'
SELECT
  (SELECT count(*) FROM attempts)::float / count(*) AS attempts,
  (SELECT string_agg(DISTINCT status, ',') FROM attempts) AS attempt_statuses,
  (SELECT count(*) FROM events)::float / count(*) AS events,
  (SELECT string_agg(DISTINCT type, ',' ORDER BY type) FROM events) AS event_types,
  (SELECT string_agg(name, ',' ORDER BY name) FROM (SELECT name FROM counters GROUP BY name HAVING sum(total) > 0) c) AS counters,
  string_agg(DISTINCT state, ',') AS states
FROM payments
SQL
}

# run_pgbench SCRIPT CLIENTS SECONDS: prints payments a second, on a fresh copy of the template.
run_pgbench() {
  local output
  run_sql postgres --command="DROP DATABASE IF EXISTS bench_pgbench WITH (FORCE)" 2>/dev/null
  run_sql postgres --command="CREATE DATABASE bench_pgbench TEMPLATE $pgbench_template"
  # Each client adds to a counter row of its own, as each of Florin's writers does.
  run_sql bench_pgbench --command="INSERT INTO counters (tenant_id, livemode, name, slot, total)
    SELECT DISTINCT tenant_id, livemode, name, 1000 + client, 0
    FROM counters CROSS JOIN generate_series(0, $2 - 1) client"
  settle
  # Planning a prepared statement again brings nothing here, and Florin's connections don't do it either.
  output=$(PGOPTIONS='-c plan_cache_mode=force_generic_plan' "$(postgres_programs)/pgbench" --no-vacuum --protocol=prepared --client="$2" --jobs="$threads" --time="$3" \
    --define=n=0 --define=start="$(date +%s%6N)" --define=tenant="$pgbench_tenant" --define=snapshot="$pgbench_snapshot" \
    --file="$BENCH_SCRIPTS/pgbench_$1.sql" \
    --host=127.0.0.1 --port="$postgres_port" --username=florin bench_pgbench 2>&1) || die "pgbench failed: $output"
  sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$output"
}
