-- Creates and charges payments: the documented example, by the test method that always succeeds.
-- The environment says where (BENCH_PATH) and whether each answer is checked to be a 201 (BENCH_CHECK).

package.path = os.getenv("BENCH_SCRIPTS") .. "/?.lua;" .. package.path
local report = require("report")

wrk.method = "POST"
wrk.path = os.getenv("BENCH_PATH")
wrk.headers["authorization"] = "Bearer " .. os.getenv("FLORIN_KEY")
wrk.headers["content-type"] = "application/json"
wrk.body = [[{
  "amount": 1000,
  "currency": "USD",
  "payment_method_id": "pm_test_success",
  "description": "Payment for order #12345",
  "metadata": {
    "order_id": "12345",
    "customer_id": "cust_abc123"
  }
}]]

if os.getenv("BENCH_CHECK") == "yes" then
  report.check_status(201)
end
