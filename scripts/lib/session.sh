# One session of a script: a temporary folder, the processes started in it, and the end of both,
# however the script ends. Sourced by scripts/test and scripts/bench; expects bash in strict mode.

work=""             # the temporary folder, removed at the end
running=()          # process groups still to be ended
on_session_end=()   # functions called first when the session ends

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

say() {
  printf '\n== %s\n' "$*"
}

# begin_session PARENT: makes the temporary folder under PARENT and sets the traps.
# The folder is passable for other users, because PostgreSQL may run as its own one.
begin_session() {
  work=$(mktemp -d -p "$1" florin.XXXXXX)
  chmod 711 "$work"
  trap end_session EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

end_session() {
  local status=$? callback group
  trap '' INT TERM HUP
  trap - EXIT
  for callback in ${on_session_end[@]+"${on_session_end[@]}"}; do
    "$callback" || true
  done
  for group in ${running[@]+"${running[@]}"}; do
    stop_group "$group"
  done
  [[ -z $work ]] || rm -rf "$work"
  exit "$status"
}

# start COMMAND...: starts it in a process group of its own, and leaves the group's id in $started.
# A group of its own lets one kill end all that the command started (cargo leaves its tests behind).
start() {
  set -m
  "$@" </dev/null &
  started=$!
  set +m
  running+=("$started")
}

# logged LOG COMMAND...: becomes the command, with its output in the log.
logged() {
  local log=$1
  shift
  exec "$@" >"$log" 2>&1
}

# finish GROUP: waits for the command's end and gives its status.
finish() {
  local status=0
  wait "$1" 2>/dev/null || status=$?
  forget "$1"
  return "$status"
}

# stop_group GROUP: asks the group to end, and ends it after ten seconds if it does not.
stop_group() {
  local tries=0
  kill -TERM -- "-$1" 2>/dev/null || true
  while kill -0 -- "-$1" 2>/dev/null && ((tries++ < 100)); do
    sleep 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
  forget "$1"
}

forget() {
  local group kept=()
  for group in ${running[@]+"${running[@]}"}; do
    [[ $group == "$1" ]] || kept+=("$group")
  done
  running=(${kept[@]+"${kept[@]}"})
}

# free_port: prints a port on which nobody listens, below the range from which the kernel
# gives ports to clients.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  printf '%s\n' "$port"
}

# wait_until_ready URL GROUP LOG: waits up to 30 seconds for a 200. Fails, and shows the log, when it does not
# come or when the process ends before.
wait_until_ready() {
  local tries=0
  until curl --silent --fail --output /dev/null --max-time 2 "$1"; do
    if ! kill -0 -- "-$2" 2>/dev/null || ((tries++ >= 300)); then
      cat "$3" >&2
      printf 'error: %s did not become ready\n' "$1" >&2
      return 1
    fi
    sleep 0.1
  done
}
