# A PostgreSQL server of the session's own: a free port, a temporary folder, the superuser `florin`
# without a password, reachable from this machine only.

postgres_home=""
postgres_url=""     # of the database `postgres`; whoever connects may make databases of their own

# postgres_programs: prints the folder of the newest PostgreSQL's server programs, or nothing.
postgres_programs() {
  local initdb
  initdb=$({ compgen -G '/usr/lib/postgresql/*/bin/initdb' || true; } | sort --version-sort | tail -n 1)
  [[ -n $initdb ]] || initdb=$(command -v initdb || true)
  [[ -z $initdb ]] || dirname "$initdb"
}

# PostgreSQL refuses to run as root; its package has made a user for it.
as_postgres_user() {
  if ((EUID == 0)); then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

# start_postgres SETTING...: each setting is one `name=value` of postgresql.conf.
start_postgres() {
  local programs setting options
  programs=$(postgres_programs)
  postgres_port=$(free_port)
  postgres_home=$work/postgres
  mkdir "$postgres_home"
  ((EUID != 0)) || chown postgres "$postgres_home"
  on_session_end+=(stop_postgres)

  options="-p $postgres_port -k $postgres_home -c listen_addresses=127.0.0.1"
  for setting in "$@"; do
    options+=" -c $setting"
  done
  (
    cd /
    as_postgres_user "$programs/initdb" --pgdata="$postgres_home/data" --username=florin --auth=trust \
      --encoding=UTF8 --no-locale --no-sync >"$work/initdb.log" 2>&1 || { cat "$work/initdb.log" >&2; exit 1; }
    as_postgres_user "$programs/pg_ctl" --pgdata="$postgres_home/data" --log="$postgres_home/log" \
      --options="$options" --wait --timeout=60 start >/dev/null || { cat "$postgres_home/log" >&2; exit 1; }
  ) || die "PostgreSQL did not start"
  postgres_url=postgres://florin@127.0.0.1:$postgres_port/postgres
}

stop_postgres() {
  [[ -d $postgres_home/data ]] || return 0
  (cd / && as_postgres_user "$(postgres_programs)/pg_ctl" --pgdata="$postgres_home/data" --mode=immediate --wait stop) \
    >/dev/null 2>&1
}

# run_sql DATABASE [psql's options]...: runs SQL and prints bare values.
run_sql() {
  local database=$1
  shift
  "$(postgres_programs)/psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 \
    --host=127.0.0.1 --port="$postgres_port" --username=florin --dbname="$database" "$@"
}
