-- Gives a lock back, if it is still one's own.
--
-- Atomic because between a check and a delete the lock may expire and be taken by another, whose lock would then be deleted.
--
-- KEYS[1]  string  who holds the lock
--
-- ARGV[1]  token              text of the holder
--
-- Returns 1 (released) or 0 (it had expired, or is another's).
--
-- Side effects: removes KEYS[1].

local lockKey = KEYS[1]
local token = ARGV[1]

if redis.call('GET', lockKey) ~= token then
  return 0
end
return redis.call('DEL', lockKey)
