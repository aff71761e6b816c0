# The example receivers of webhooks, with the libraries that verify them. Sourced by scripts/test.

# prepare_webhooks: installs both libraries, once for each list of pinned packages, and tells the tests where they are.
prepare_webhooks() {
  local folder=examples/webhooks installed
  make_venv webhooks "$folder/requirements.txt"
  export FLORIN_TEST_WEBHOOKS_PYTHON=$venv/bin/python
  installed=$target/webhooks-javascript-$(cksum <"$folder/package-lock.json" | cut -d ' ' -f 1)
  if [[ ! -e $installed/complete ]]; then
    say "installing standardwebhooks for JavaScript"
    rm -rf "$installed"
    mkdir -p "$installed"
    cp "$folder/package.json" "$folder/package-lock.json" "$installed"
    npm ci --prefix "$installed" --ignore-scripts --no-audit --no-fund --loglevel=error
    touch "$installed/complete"
  fi
  # JavaScript looks for packages beside the script.
  cp "$folder/receiver.mjs" "$installed"
  export FLORIN_TEST_WEBHOOKS_JAVASCRIPT=$installed/receiver.mjs
}
