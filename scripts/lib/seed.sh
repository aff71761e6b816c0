# Databases with many payments in them, made by SQL. Sourced by scripts/bench.
#
# One payment is made through the API; its rows are then copied under new ids, and the counters multiplied. So this
# needs to know the schema's names of ids, and nothing else of it.

# seed_payments COUNT: fills $database_url, on which a server runs, with that many payments beside its own one.
seed_payments() {
  local count=$1
  call POST /v1/payments '{"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success"}' >/dev/null
  stop_group "$server"
  sql_before_seeding | run_sql_on_database
  copy_rows payments "$count" id='seed_id(n)'
  copy_rows attempts "$count" id='seed_id(n)' payment_id='seed_id(n)'
  copy_rows transactions "$count" id='seed_id(n)' payment_id='seed_id(n)'
  copy_rows events "$count" id='seed_id(n * 16 + sequence)' object_id='seed_id(n)'
  printf 'UPDATE counters SET total = total * (%d + 1);' "$count" | run_sql_on_database
  sql_after_seeding | run_sql_on_database
}

# copy_rows TABLE COUNT COLUMN=EXPRESSION...: copies all rows of the table that many times, with these columns made
# anew for the nth copy.
copy_rows() {
  local table=$1 count=$2 names column made expressions
  shift 2
  names=$(columns_of "$table")
  expressions=,$names,
  for made in "$@"; do
    column=${made%%=*}
    expressions=${expressions/,$column,/,${made#*=},}
  done
  expressions=${expressions#,}
  run_sql_on_database <<SQL
INSERT INTO $table ($names)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $count)
SELECT ${expressions%,} FROM numbers CROSS JOIN $table;
SQL
}

columns_of() {
  if [[ $database_url == sqlite:* ]]; then
    printf "SELECT group_concat(name) FROM pragma_table_info('%s');" "$1"
  else
    printf "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = '%s';" "$1"
  fi | run_sql_on_database
}

# seed_id(n): the nth of a row of version 7 UUIDs from 2024, in ascending order. SQLite's is made in sqlite.py.
sql_before_seeding() {
  [[ $database_url != sqlite:* ]] || return 0
  cat <<'SQL'
CREATE FUNCTION seed_id(n bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT decode(lpad(to_hex(1704067200000 + n), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'), 'hex')
$$;
SQL
}

sql_after_seeding() {
  if [[ $database_url == sqlite:* ]]; then
    printf 'PRAGMA wal_checkpoint(TRUNCATE);'
  else
    printf 'DROP FUNCTION seed_id;\nVACUUM ANALYZE;\n'
  fi
}

run_sql_on_database() {
  if [[ $database_url == sqlite:* ]]; then
    python3 "$BENCH_SCRIPTS/sqlite.py" "${database_url#sqlite://}"
  else
    # The copies' parents are copied as well, so foreign keys need no check of each row.
    PGOPTIONS='-c session_replication_role=replica' run_sql "${database_url##*/}"
  fi
}
