-- Reads payments by id, one after the other from the file of ids that BENCH_IDS names.

package.path = os.getenv("BENCH_SCRIPTS") .. "/?.lua;" .. package.path
require("report")

local requests = {}
local position = 0

-- Requests are built once, so that wrk spends its time on sending them.
function init()
  local headers = { ["authorization"] = "Bearer " .. os.getenv("FLORIN_KEY") }
  for id in io.lines(os.getenv("BENCH_IDS")) do
    table.insert(requests, wrk.format("GET", "/v1/payments/" .. id, headers))
  end
  assert(#requests > 0, "there are no ids to read")
end

function request()
  position = position % #requests + 1
  return requests[position]
end
