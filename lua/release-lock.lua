-- Releases a lock, if the caller still holds it.
--
-- Atomic because between check and delete the lock may expire, and another caller's new lock would be
-- deleted.
--
-- KEYS[1]  string  who holds the lock
--
-- ARGV[1]  token              text of the holder
--
-- Returns 1 (released) or 0 (it has expired, or another holds it).
--
-- Side effects: removes KEYS[1].

local lockKey = KEYS[1]
local token = ARGV[1]

if redis.call('GET', lockKey) ~= token then
  return 0
end
return redis.call('DEL', lockKey)
