-- Gives a sale a new epoch from its tickets in Postgres: replaces its buyers, grants and free units by the
-- loaded ones.
--
-- Atomic because a frame must not be decided with the old stock and the new buyers, or the reverse.
--
-- KEYS[1]  hash    the sale
-- KEYS[2]  hash    units granted by buyer
-- KEYS[3]  hash    grants known from Postgres
-- KEYS[4]  list    free units below `next`
-- KEYS[5]  hash    units by buyer, as loaded
-- KEYS[6]  hash    grants, as loaded
-- KEYS[7]  list    free units, as loaded
--
-- ARGV[1]  title              text, 1..120 characters
-- ARGV[2]  stock              units, 1..10000000
-- ARGV[3]  limit per buyer    units, 1..10
-- ARGV[4]  mode               queue | shed
-- ARGV[5]  status             open | closed
-- ARGV[6]  generation         whole number from 1
-- ARGV[7]  epoch              the new one, above every earlier one
-- ARGV[8]  tickets            tickets in Postgres, 0..stock
-- ARGV[9]  next               lowest unit above all tickets, 1..stock+1
-- ARGV[10] granted            reservations that hold the tickets
--
-- Returns 1 (rebuilt, now or when this call was sent first), 0 (Redis holds a later epoch or generation by now: nothing
-- changed) or 2 (the loaded keys are incomplete because they expired, or Redis has started again since: rebuild with a
-- new epoch). A client sends this again after a lost connection. If Redis came back from an older file meanwhile, the
-- epoch may have granted units already that the loaded keys lack.
--
-- Side effects: replaces KEYS[1] to KEYS[4], removes KEYS[5] to KEYS[7]. Counters of refusals are kept if
-- Redis knows the sale in the same generation; otherwise they start at zero. Field `server` is set as in
-- open-sale.lua.

local saleKey, buyersKey, grantedKey, returnedKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local loadedBuyersKey, loadedGrantedKey, loadedReturnedKey = KEYS[5], KEYS[6], KEYS[7]
local title, stock, limit, mode, status = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local generation, epoch = tonumber(ARGV[6]), tonumber(ARGV[7])
local tickets, nextUnit, granted = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]

local known = redis.call('HMGET', saleKey, 'generation', 'epoch')
if known[1] and (tonumber(known[1]) > generation or tonumber(known[2]) >= epoch) then
  redis.call('UNLINK', loadedBuyersKey, loadedGrantedKey, loadedReturnedKey)
  -- Each epoch is raised by one rebuild alone: with this one, it is the same call, sent again.
  return tonumber(known[2]) == epoch and 1 or 0
end

local info = redis.pcall('INFO', 'replication')
local server = type(info) == 'string' and string.match(info, 'master_replid:%x+') or ''
local free = nextUnit - 1 - tickets
if redis.call('HGET', loadedBuyersKey, ' server') ~= server
  or tonumber(redis.call('HGET', loadedBuyersKey, '') or 0) ~= tickets
  or tonumber(redis.call('HGET', loadedGrantedKey, '') or 0) ~= tickets
  or redis.call('LLEN', loadedReturnedKey) ~= free then
  return 2
end

local function replace(from, to)
  -- RENAME alone would free the old key at once, and Redis would stand still for that long.
  redis.call('UNLINK', to)
  if redis.call('EXISTS', from) == 1 then
    redis.call('RENAME', from, to)
    redis.call('PERSIST', to)
  end
end
redis.call('HDEL', loadedBuyersKey, '', ' page', ' server')
redis.call('HDEL', loadedGrantedKey, '')
replace(loadedBuyersKey, buyersKey)
replace(loadedGrantedKey, grantedKey)
replace(loadedReturnedKey, returnedKey)

if not known[1] or tonumber(known[1]) < generation then
  redis.call('UNLINK', saleKey)
  redis.call('HSET', saleKey,
    'sold_out', 0, 'buyer_limit', 0, 'insufficient', 0, 'sale_closed', 0, 'sale_reset', 0)
end
redis.call('HSET', saleKey,
  'title', title, 'stock', stock, 'limit', limit, 'mode', mode, 'status', status, 'generation', generation,
  'epoch', epoch, 'server', server, 'rebuilt', 1, 'remaining', stock - tickets, 'next', nextUnit, 'granted', granted)
return 1
