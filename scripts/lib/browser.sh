# Tests in a browser, against a sandbox server of its own. Sourced by scripts/test and scripts/screenshots.

# prepare_browser: installs what steers the browser, once for each list of pinned packages, and copies the tests beside
# it, because JavaScript looks for packages beside the script.
prepare_browser() {
  local pins=tests/browser/package-lock.json
  chromium=$(command -v chromium)
  browser_tests=$target/browser-$(cksum <"$pins" | cut -d ' ' -f 1)
  if [[ ! -e $browser_tests/complete ]]; then
    say "installing playwright and axe"
    rm -rf "$browser_tests"
    mkdir -p "$browser_tests"
    cp tests/browser/package.json "$pins" "$browser_tests"
    npm ci --prefix "$browser_tests" --ignore-scripts --no-audit --no-fund --loglevel=error
    touch "$browser_tests/complete"
  fi
  rm -f "$browser_tests"/*.mjs
  cp tests/browser/*.mjs "$browser_tests"
}

# drive_browser: runs the tests one file after the other, then the server's own verification of what they left.
drive_browser() {
  browser_sandbox browser || return 0
  step "browser" timeout 900 node --test --test-concurrency=1 --test-reporter=spec "$browser_tests"/*.test.mjs
  end_sandbox browser
}

# browser_sandbox NAME [ARGUMENT...]: starts a sandbox for browsers, and tells programs in JavaScript about it. Payers of
# the tests name addresses of their own, since tries are counted by address; endpoints are on this machine.
browser_sandbox() {
  export FLORIN_TRUSTED_PROXIES=127.0.0.1 FLORIN_WEBHOOK_LOOPBACK=true
  FLORIN_CREDENTIALS_KEY=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
  export FLORIN_CREDENTIALS_KEY
  local status=0
  start_sandbox "$@" || status=$?
  export SANDBOX_URL=$sandbox_url SANDBOX_KEY=$sandbox_key SANDBOX_LOG=$sandbox_log CHROMIUM=$chromium
  return "$status"
}
