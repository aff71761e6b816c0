-- Counts one more, unless that would be more than one of the windows allows; then none counts it.
--
-- KEYS: one hash for each window, all with the same hash tag.
-- ARGV: slots to a window; then for each window its limit, and its length in microseconds.
-- Gives back 1 or 0, and for each window what is left, and in how many microseconds there will be more.
--
-- A hash is a queue of slots in which something was admitted: `s7` is the number of the slot at place 7, and `c7` how
-- much was admitted in it. `head` is the first place, `tail` the first free one, `sum` all that counts.
local slots = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local function read(key, place)
  local entry = redis.call('HMGET', key, 's' .. place, 'c' .. place)
  return tonumber(entry[1] or 0), tonumber(entry[2] or 0)
end

local windows = {}
local admitted = 1
for index, key in ipairs(KEYS) do
  local window = { key = key, limit = tonumber(ARGV[2 * index]), length = tonumber(ARGV[2 * index + 1]), now = now }
  window.width = window.length / slots
  window.slot = math.floor(now / window.width)
  local kept = redis.call('HMGET', key, 'sum', 'head', 'tail')
  window.sum, window.head, window.tail = tonumber(kept[1] or 0), tonumber(kept[2] or 0), tonumber(kept[3] or 0)
  if window.tail > window.head then
    window.newest = read(key, window.tail - 1)
    if window.newest > window.slot + slots then
      -- The clock has gone back by more than the window: better forgotten than never over.
      redis.call('DEL', key)
      window.sum, window.head, window.tail, window.newest = 0, 0, 0, nil
    elseif window.newest > window.slot then
      window.slot = window.newest
      window.now = window.slot * window.width
    end
  end
  while window.head < window.tail do
    local slot, count = read(key, window.head)
    if slot + slots >= window.slot then
      break
    end
    redis.call('HDEL', key, 's' .. window.head, 'c' .. window.head)
    window.sum = window.sum - count
    window.head = window.head + 1
    window.changed = true
  end
  if window.sum >= window.limit then
    admitted = 0
  end
  windows[index] = window
end

local answer = { admitted }
for _, window in ipairs(windows) do
  if admitted == 1 then
    if window.newest == window.slot and window.tail > window.head then
      redis.call('HINCRBY', window.key, 'c' .. (window.tail - 1), 1)
    else
      redis.call('HSET', window.key, 's' .. window.tail, window.slot, 'c' .. window.tail, 1)
      window.tail = window.tail + 1
    end
    window.sum = window.sum + 1
    window.changed = true
  end
  if window.changed then
    redis.call('HSET', window.key, 'sum', window.sum, 'head', window.head, 'tail', window.tail)
  end
  if admitted == 1 then
    redis.call('PEXPIRE', window.key, math.ceil((window.length + window.width) / 1000))
  end
  -- When the limit was lowered meanwhile, more than one has to leave.
  local place, left, wait = window.head, 0, 0
  local leaving = math.max(window.sum - window.limit + 1, 1)
  while place < window.tail do
    local slot, count = read(window.key, place)
    left = left + count
    wait = math.max((slot + slots + 1) * window.width - window.now, 0)
    if left >= leaving then
      break
    end
    place = place + 1
  end
  answer[#answer + 1] = math.max(window.limit - window.sum, 0)
  answer[#answer + 1] = math.floor(wait)
end
return answer
