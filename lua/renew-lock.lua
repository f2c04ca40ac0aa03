-- Lets a lock live on, if it is still one's own.
--
-- Atomic because between a check and a renewal the lock may expire and be taken by another, whose lock would then be prolonged.
--
-- KEYS[1]  string  who holds the lock
--
-- ARGV[1]  token              text of the holder
-- ARGV[2]  expiry             ms from now after which the lock is free
--
-- Returns 1 (renewed) or 0 (it had expired, or is another's).
--
-- Side effects: sets the expiry of KEYS[1].

local lockKey = KEYS[1]
local token, expiryMs = ARGV[1], ARGV[2]

if redis.call('GET', lockKey) ~= token then
  return 0
end
return redis.call('PEXPIRE', lockKey, expiryMs)
