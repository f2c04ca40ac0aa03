-- Changes facts of a sale: title, limit per buyer, mode, status. Only a reset (open-sale.lua) changes stock
-- and generation.
--
-- Atomic because Redis could lose the sale between check and write. The write would then make half a sale,
-- which looks known and has no stock.
--
-- KEYS[1]  hash    the sale
--
-- ARGV[1]  title              text, 1..120 characters; empty leaves it
-- ARGV[2]  limit per buyer    units, 1..10; empty leaves it
-- ARGV[3]  mode               queue | shed; empty leaves it
-- ARGV[4]  status             open | closed; empty leaves it
--
-- Returns 1 (changed) or 0 (Redis does not know the sale).
--
-- Side effects: writes KEYS[1].

local saleKey = KEYS[1]
local changes = { title = ARGV[1], limit = ARGV[2], mode = ARGV[3], status = ARGV[4] }

if redis.call('HEXISTS', saleKey, 'generation') == 0 then
  return 0
end
for field, value in pairs(changes) do
  if value ~= '' then
    redis.call('HSET', saleKey, field, value)
  end
end
return 1
