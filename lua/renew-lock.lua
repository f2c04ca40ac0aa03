-- Prolongs a lock, if the caller still holds it.
--
-- Atomic because between check and renewal the lock may expire, and another caller's new lock would be
-- prolonged.
--
-- KEYS[1]  string  who holds the lock
--
-- ARGV[1]  token              text of the holder
-- ARGV[2]  expiry             ms from now after which the lock is free
--
-- Returns 1 (renewed) or 0 (it has expired, or another holds it).
--
-- Side effects: sets the expiry of KEYS[1].

local lockKey = KEYS[1]
local token, expiryMs = ARGV[1], ARGV[2]

if redis.call('GET', lockKey) ~= token then
  return 0
end
return redis.call('PEXPIRE', lockKey, expiryMs)
