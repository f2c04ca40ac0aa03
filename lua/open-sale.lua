-- Opens a sale, or resets it to a new generation: full stock, no buyers, counters at zero.
--
-- Atomic because a frame that is decided between two of these steps would get units of the new stock under
-- the old buyers, or be counted in a sale that is emptied right after.
--
-- Idempotent by generation: a sale that Redis already holds in this generation or a later one is kept. The
-- client repeats a command after a lost connection, and a second opening must not delete what was granted
-- since the first. A sale that Redis holds in this epoch or a later one is kept, too: epochs only rise, and
-- the workers rebuild it from Postgres.
--
-- KEYS[1]  hash    the sale
-- KEYS[2]  hash    units granted by buyer
-- KEYS[3]  hash    grants known from Postgres
-- KEYS[4]  list    free units below `next`
--
-- ARGV[1]  title              text, 1..120 characters
-- ARGV[2]  stock              units, 1..10000000
-- ARGV[3]  limit per buyer    units, 1..10
-- ARGV[4]  mode               queue | shed
-- ARGV[5]  status             open | closed
-- ARGV[6]  generation         whole number from 1
-- ARGV[7]  epoch              as Postgres holds it in `sales.epoch`
--
-- Returns 1 (opened) or 0 (kept).
--
-- Side effects: writes KEYS[1], removes KEYS[2], KEYS[3] and KEYS[4]. Field `server` is the id of Redis'
-- term as the primary (`master_replid`), by which decide-frame.lua finds out that Redis has started again or another one
-- has taken over; empty if the user may not call INFO.

local saleKey, buyersKey, grantedKey, returnedKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local title, stock, limit, mode, status = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local generation, epoch = ARGV[6], ARGV[7]

local known = redis.call('HMGET', saleKey, 'generation', 'epoch')
if known[1]
  and (tonumber(known[1]) >= tonumber(generation) or tonumber(known[2]) >= tonumber(epoch)) then
  return 0
end

local info = redis.pcall('INFO', 'replication')
local server = type(info) == 'string' and string.match(info, 'master_replid:%x+') or ''
redis.call('UNLINK', saleKey, buyersKey, grantedKey, returnedKey)
redis.call('HSET', saleKey,
  'title', title, 'stock', stock, 'limit', limit, 'mode', mode, 'status', status, 'generation', generation,
  'epoch', epoch, 'server', server, 'rebuilt', 0, 'remaining', stock, 'next', 1,
  'granted', 0, 'sold_out', 0, 'buyer_limit', 0, 'insufficient', 0, 'sale_closed', 0, 'sale_reset', 0)
return 1
