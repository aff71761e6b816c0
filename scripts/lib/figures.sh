# Figures by name, one per round, and what they come to. Sourced by scripts/bench.

missed=0   # targets that were not reached

# record NAME VALUE
record() {
  printf '%s %s\n' "$1" "$2" >>"$work/figures"
}

# median NAME, largest NAME: of what was recorded; empty when nothing was.
median() {
  values_of "$1" | middle
}

# middle: the median of the sorted numbers on standard input.
middle() {
  awk '{ v[NR] = $1 } END { if (NR) print (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2) }'
}

largest() {
  values_of "$1" | tail -n 1
}

values_of() {
  recorded "$1" | sort -g
}

recorded() {
  awk -v name="$1" '$1 == name { print $2 }' "$work/figures"
}

# median_ratio NAME OVER: of what was recorded of the two in the same round; empty when nothing was.
median_ratio() {
  paste <(recorded "$1") <(recorded "$2") | awk 'NF == 2 { print $1 / $2 }' | sort -g | middle
}

in_megabytes() {
  awk 'NF { print $1 / 1e6 }' <<<"$1"
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

# target LABEL VALUE RELATION BOUND: one line with a mark. Says nothing where the figure is missing.
target() {
  local label=$1 value=$2 relation=$3 bound=$4
  [[ -n $value ]] || return 0
  awk -v label="$label" -v value="$value" -v relation="$relation" -v bound="$bound" 'BEGIN {
    reached = relation == ">=" ? value >= bound : relation == "<=" ? value <= bound : value < bound
    printf "%-7s %-52s %9.3f  (%s %s)\n", reached ? "ok" : "MISSED", label, value, relation, bound
    exit !reached
  }' || missed=$((missed + 1))
}
