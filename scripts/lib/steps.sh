# Named steps with their output, their time and their outcome, and a summary of them. Sourced by scripts/test.

logs=""       # the folder of the steps' outputs
outcomes=()   # one line of the summary per step
failed=()     # the names of the steps that failed

# step NAME COMMAND...: runs the command, shows and keeps its output, and notes how it went.
# A failure does not end the script, so that one run shows all that is wrong.
step() {
  local name=$1 began=$SECONDS status=0
  shift
  say "$name"
  start shown_and_kept "$logs/${name// /-}.log" "$@"
  finish "$started" || status=$?
  if ((status == 0)); then
    note_outcome ok "$name" "$((SECONDS - began))"
  else
    note_outcome FAILED "$name" "$((SECONDS - began))"
  fi
}

shown_and_kept() {
  local log=$1
  shift
  "$@" 2>&1 | tee "$log"
}

# note_outcome ok|FAILED NAME SECONDS
note_outcome() {
  outcomes+=("$(printf '%-7s %-26s %5d s' "$@")")
  [[ $1 == ok ]] || failed+=("$2")
}

# print_summary LOG: the steps, and the sum of the closing lines of cargo's test runs in the log, where there is one.
# The last line has the plain form that tools which watch the build read.
print_summary() {
  say summary
  printf '%s\n' "${outcomes[@]}"
  [[ -e $1 ]] || return 0
  awk '
    /test result: / {
      for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^failed/) failed += $(i - 1)
      }
    }
    END { printf "\n%d passed, %d failed\n", passed, failed }' "$1"
}
