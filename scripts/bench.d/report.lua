-- Loaded by the other scripts: checks the status of each answer where it is asked to, and prints one line that
-- scripts/bench reads: result REQUESTS MICROSECONDS P50 P99 UNEXPECTED (times in microseconds).

local report = {}
local threads = {}

-- Counts answers whose status is not `expected`. This costs wrk some microseconds an answer, because it hands over
-- headers and body as well; so it is left out where that would make the figure to be beaten smaller.
function report.check_status(expected)
  unexpected = 0
  response = function(status)
    if status ~= expected then
      unexpected = unexpected + 1
    end
  end
end

function setup(thread)
  table.insert(threads, thread)
end

function done(summary, latency)
  local errors = summary.errors
  local bad = errors.connect + errors.read + errors.write + errors.timeout
  local checked = 0
  for _, thread in ipairs(threads) do
    checked = checked + (thread:get("unexpected") or 0)
  end
  -- Without a check of our own, wrk's count of statuses from 400 on is what there is.
  bad = bad + math.max(checked, errors.status)
  print(string.format("result %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), bad))
end

return report
