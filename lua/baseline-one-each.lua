-- Decides one reservation of the one-message-each design, which the bench compares with frames. The engine
-- does not use it.
--
-- Atomic because between reading the stock and lowering it, another worker could sell the same unit.
--
-- KEYS[1]  string  units left
-- KEYS[2]  set     buyers that hold a unit
--
-- ARGV[1]  buyer's id         text
--
-- Returns 1 (granted) or 0 (refused).
--
-- Side effects: lowers KEYS[1] by one and adds the buyer to KEYS[2] when granted.

local stockKey, buyersKey = KEYS[1], KEYS[2]
local userId = ARGV[1]

if tonumber(redis.call('GET', stockKey) or '0') < 1 or redis.call('SADD', buyersKey, userId) == 0 then
  return 0
end
redis.call('DECR', stockKey)
return 1
