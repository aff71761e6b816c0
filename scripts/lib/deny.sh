# cargo-deny, which looks at what Florin is built with. Sourced by scripts/test.

# prepare_deny: installs the program, once for each pinned version: a build of it would take minutes.
prepare_deny() {
  make_venv deny tests/deny/requirements.txt
  deny=$venv/bin/cargo-deny
}

# check_dependencies: licences, bans and sources by deny.toml. Known vulnerabilities by the database that is on this
# machine, because a machine that builds may have no network; without one that is said, and nothing fails.
check_dependencies() {
  local databases=${CARGO_HOME:-$HOME/.cargo}/advisory-dbs
  "$deny" --all-features check licenses bans sources
  if compgen -G "$databases/*/" >/dev/null; then
    "$deny" --offline --all-features check --disable-fetch advisories
  else
    say "known vulnerabilities were not looked for: there is no database of them here (\`${deny#"$PWD"/} fetch db\` gets it)"
  fi
}
