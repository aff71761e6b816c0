# Flexprice's SDKs against the facade of a sandbox server of its own. Sourced by scripts/test.

# prepare_flexprice: installs both SDKs, once for each list of pinned packages.
prepare_flexprice() {
  local pins=tests/flexprice/package-lock.json
  make_venv flexprice tests/flexprice/requirements.txt
  flexprice_python=$venv/bin/python
  flexprice_javascript=$target/flexprice-javascript-$(cksum <"$pins" | cut -d ' ' -f 1)
  [[ ! -e $flexprice_javascript/complete ]] || return 0
  say "installing flexprice for JavaScript"
  rm -rf "$flexprice_javascript"
  mkdir -p "$flexprice_javascript"
  cp tests/flexprice/package.json "$pins" "$flexprice_javascript"
  npm ci --prefix "$flexprice_javascript" --ignore-scripts --no-audit --no-fund --loglevel=error
  touch "$flexprice_javascript/complete"
}

# drive_flexprice: runs each SDK's tests, then the server's own verification of the database that they left.
drive_flexprice() {
  start_sandbox flexprice || return 0
  export SANDBOX_URL=$sandbox_url SANDBOX_KEY=$sandbox_key
  step "flexprice for Python" timeout 120 "$flexprice_python" tests/flexprice/python_sdk.py
  # JavaScript looks for packages beside the script.
  cp tests/flexprice/javascript_sdk.mjs "$flexprice_javascript"
  step "flexprice for JavaScript" timeout 120 node --test "$flexprice_javascript/javascript_sdk.mjs"
  end_sandbox flexprice
}
