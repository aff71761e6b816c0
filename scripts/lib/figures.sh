# Figures by name, one per round, and what they come to. Sourced by scripts/bench.

missed=0   # targets that were not reached

# record NAME VALUE
record() {
  printf '%s %s\n' "$1" "$2" >>"$work/figures"
}

# median NAME, largest NAME: of what was recorded; empty when nothing was.
median() {
  values_of "$1" | awk '{ v[NR] = $1 } END { if (NR) print (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2) }'
}

largest() {
  values_of "$1" | tail -n 1
}

values_of() {
  awk -v name="$1" '$1 == name { print $2 }' "$work/figures" | sort -g
}

# row LABEL FORMAT UNIT_DIVISOR VALUE...: a line of the table, with a dash for what was not measured.
row() {
  local label=$1 format=$2 divisor=$3 value
  shift 3
  printf '%-42s' "$label"
  for value in "$@"; do
    if [[ -z $value ]]; then
      printf '%14s' -
    else
      awk -v value="$value" -v divisor="$divisor" -v format="$format" 'BEGIN { printf "%14s", sprintf(format, value / divisor) }'
    fi
  done
  printf '\n'
}

# target LABEL VALUE OVER RELATION BOUND: one line with a mark, where VALUE / OVER is compared with the bound.
# Says nothing where a figure is missing.
target() {
  local label=$1 value=$2 over=$3 relation=$4 bound=$5
  [[ -n $value && -n $over ]] || return 0
  awk -v label="$label" -v value="$value" -v over="$over" -v relation="$relation" -v bound="$bound" 'BEGIN {
    ratio = value / over
    reached = relation == ">=" ? ratio >= bound : relation == "<=" ? ratio <= bound : ratio < bound
    printf "%-7s %-52s %9.3f  (%s %s)\n", reached ? "ok" : "MISSED", label, ratio, relation, bound
    exit !reached
  }' || missed=$((missed + 1))
}
