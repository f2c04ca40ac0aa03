-- Loads one page of a sale's tickets into the keys from which rebuild-sale.lua makes the sale's new epoch.
--
-- Atomic because a page that is half loaded, and then loaded again, would count its buyers twice.
--
-- KEYS[1]  hash    units by buyer, being built; field '' counts tickets, ' page' is the last page, and ' server' the
--                  term of the Redis that took the first one
-- KEYS[2]  hash    grants by frame or key, being built; field '' counts tickets
-- KEYS[3]  list    free units, being built
--
-- ARGV[1]  page               number of this page, from 1; a page that is loaded already changes nothing
-- ARGV[2]  tickets            tickets in this page, 0..2000
-- ARGV[3]  retention          ms after which the keys expire if the rebuild never ends
-- ARGV[4]  buyers             lines `user TAB units`
-- ARGV[5]  grants             lines `field TAB grants`: field is a frame's id, or `k.` and a key's name; the grants of a key
--                             begin with its ask (decide-frame.lua)
-- ARGV[6]  free               lines `unit`, rising
--
-- Returns 1 (loaded) or 0 (loaded already).
--
-- Side effects: writes KEYS[1], KEYS[2], KEYS[3] and their expiry.

local buyersKey, grantedKey, returnedKey = KEYS[1], KEYS[2], KEYS[3]
local page, tickets, retentionMs = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local buyers, grants, free = ARGV[4], ARGV[5], ARGV[6]
local HALF_DIGEST = 11
-- Lua's stack holds 8,000.
local MOST_ARGUMENTS = 4000

if tonumber(redis.call('HGET', buyersKey, ' page') or 0) >= page then
  return 0
end
local info = redis.pcall('INFO', 'replication')
local server = type(info) == 'string' and string.match(info, 'master_replid:%x+') or ''
redis.call('HSETNX', buyersKey, ' server', server)
redis.call('HSET', buyersKey, ' page', page)
redis.call('HINCRBY', buyersKey, '', tickets)
redis.call('HINCRBY', grantedKey, '', tickets)
-- One command a hash: with one a ticket, the append-only file is four times as long, and Redis reads it as much more slowly.
local users, set = {}, {}
for user, units in string.gmatch(buyers, '([^\t\n]+)\t(%d+)\n') do
  users[#users + 1] = user
  set[#set + 1], set[#set + 2] = user, tonumber(units)
end
if #users > 0 then
  for at, before in ipairs(redis.call('HMGET', buyersKey, unpack(users))) do
    set[2 * at] = set[2 * at] + (before or 0)
  end
  redis.call('HSET', buyersKey, unpack(set))
end
local fields, texts = {}, {}
for field, text in string.gmatch(grants, '([^\t\n]+)\t([^\n]+)\n') do
  fields[#fields + 1] = field
  texts[#texts + 1], texts[#texts + 2] = field, text
end
if #fields > 0 then
  for at, before in ipairs(redis.call('HMGET', grantedKey, unpack(fields))) do
    -- `;` separates a frame's grants, and `,` the units of a keyed reservation, whose ask is there already.
    if before and string.sub(fields[at], 1, 2) == 'k.' then
      texts[2 * at] = before .. ',' .. string.sub(texts[2 * at], HALF_DIGEST + 1)
    elseif before then
      texts[2 * at] = before .. ';' .. texts[2 * at]
    end
  end
  redis.call('HSET', grantedKey, unpack(texts))
end
local units = {}
for unit in string.gmatch(free, '%d+') do
  units[#units + 1] = unit
end
for from = 1, #units, MOST_ARGUMENTS do
  redis.call('RPUSH', returnedKey, unpack(units, from, math.min(from + MOST_ARGUMENTS - 1, #units)))
end
redis.call('PEXPIRE', buyersKey, retentionMs)
redis.call('PEXPIRE', grantedKey, retentionMs)
redis.call('PEXPIRE', returnedKey, retentionMs)
return 1
