# localstripe, which plays Stripe for the connector's tests. Sourced by scripts/test.

# prepare_localstripe: makes its virtual environment, once for each list of pinned packages.
prepare_localstripe() {
  make_venv localstripe tests/localstripe/requirements.txt
  localstripe_python=$venv/bin/python
}

# start_localstripe: starts it empty, and leaves its address in FLORIN_TEST_LOCALSTRIPE_URL for the tests.
start_localstripe() {
  local port log=$logs/localstripe.log
  port=$(free_port)
  start logged "$log" "$localstripe_python" tests/localstripe/serve.py "$port"
  wait_until_ready "http://127.0.0.1:$port/js.stripe.com/v3/" "$started" "$log" || die "localstripe did not start"
  export FLORIN_TEST_LOCALSTRIPE_URL=http://127.0.0.1:$port
}
