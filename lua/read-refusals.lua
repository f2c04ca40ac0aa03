-- Reads, or forgets, what was refused under keys (lua/decide-frame.lua says how it is kept).
--
-- Atomic because a record moves when its shard is split.
--
-- KEYS[1]  string  where refused keys are kept
--
-- ARGV[1]  names   of keys, each ended by LF
-- ARGV[2]  forget  1 to delete what is read, else 0
--
-- Returns what is kept for each name: the code and the begin of the ask; empty when nothing is.
--
-- Side effects: if asked to, deletes fields of shards.

local refusedKey = KEYS[1]
local names, isForgotten = ARGV[1], ARGV[2] == '1'
local SHARD_FILL = 40

-- The shard of a key among those of a window with `count` keys.
local function shardOf(name, count)
  local shards = math.floor(count / SHARD_FILL) + 1
  local a, b, c, d, e = string.byte(name, 1, 5)
  local hash = (((a * 67 + b) * 67 + c) * 67 + d) * 67 + e
  local _, exponent = math.frexp(shards)
  local half = 2 ^ (exponent - 1)
  local shard = hash % (2 * half)
  return shard < shards and shard or shard - half
end

local index = redis.call('GET', refusedKey)
local windows = {}
if index then
  local window, _, first, second, third = string.match(index, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
  for back, count in ipairs({ tonumber(first), tonumber(second), tonumber(third) }) do
    if count > 0 then
      windows[#windows + 1] = { number = window - back + 1, count = count }
    end
  end
end

local found = {}
for name in string.gmatch(names, '[^\n]+') do
  local kept
  for _, window in ipairs(windows) do
    local shard = string.format('%s:%d:%d', refusedKey, window.number, shardOf(name, window.count))
    local here = redis.call('HGET', shard, name)
    if here and isForgotten then
      redis.call('HDEL', shard, name)
    end
    kept = kept or here
  end
  found[#found + 1] = kept or ''
end
return found
