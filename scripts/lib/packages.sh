# Installing what a script needs from Debian's packages, only where it is missing.

# need_packages COMMAND=PACKAGE...: installs the package of each command that is not there.
need_packages() {
  local pair missing=() as_root=()
  for pair in "$@"; do
    command_exists "${pair%%=*}" || missing+=("${pair#*=}")
  done
  ((${#missing[@]})) || return 0

  command -v apt-get >/dev/null || die "please install: ${missing[*]} (there is no apt-get here to do it)"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "please install: ${missing[*]} (there is no sudo here to do it)"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  ${as_root[@]+"${as_root[@]}"} apt-get update --quiet
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get install --quiet --yes --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"
}

# The programs of PostgreSQL, pgbouncer and haproxy are outside the search path on Debian, and Python's venv and fonts are
# no commands.
command_exists() {
  case $1 in
    initdb) [[ -n $(postgres_programs) ]] ;;
    python3-venv) [[ -n $(python_with_venv) ]] ;;
    japanese-font) [[ -n $(fc-list :lang=ja 2>/dev/null) ]] ;;
    pgbouncer | haproxy) [[ -x /usr/sbin/$1 ]] ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# python_with_venv: prints the first Python from 3.10 on that can make virtual environments.
python_with_venv() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
}

# make_venv NAME PINS: makes a virtual environment with the pinned packages, once for each list of them, and leaves its
# folder in $venv.
make_venv() {
  venv=$target/$1-$(cksum <"$2" | cut -d ' ' -f 1)
  [[ ! -e $venv/complete ]] || return 0
  say "installing $1 for Python"
  rm -rf "$venv"
  "$(python_with_venv)" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"
  touch "$venv/complete"
}
