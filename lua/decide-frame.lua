-- Decides a frame: gives each of its reservations units of the sale, or the reason why it gets none.
--
-- Atomic because stock, buyers and records must change together. Otherwise two workers could sell a unit
-- twice, and a frame that is half decided would be decided again from its start. The script also makes a
-- frame idempotent: a frame that has a record of the sale's present epoch gets that record again, and nothing
-- changes.
--
-- KEYS[1]  hash    the sale
-- KEYS[2]  hash    units granted by buyer
-- KEYS[3]  hash    grants that outlive their record: those of keyed reservations by `k.` and the key's name, and, in a
--                  rebuilt epoch, those from Postgres by frame id
-- KEYS[4]  list    free units below `next`
-- KEYS[5]  string  the frame's record, unless it is in KEYS[6]
-- KEYS[6]  hash    records of small frames by slot; after a record stands `|` and when it was written, ms since 1970
-- KEYS[7]  string  where refused keys are kept; absent from a frame without keys
-- KEYS[8..] string what a key was used for, and its outcome, if granted; one for each keyed reservation, in the order of
--                  the frame. Former versions kept refusals here, too
--
-- ARGV[1]  body               lines `user`, `user TAB quantity` or `user TAB quantity TAB digest`, each ended by LF
-- ARGV[2]  count              lines in the body, 1..512
-- ARGV[3]  generation         the sale's, as the gateway knew it
-- ARGV[4]  frame id           text
-- ARGV[5]  retention          ms that records stay readable
-- ARGV[6]  slot               the frame's in KEYS[6]; empty if it has none
-- ARGV[7]  server             `master_replid:` and the id of the term of the Redis that this call is written to, as its
--                             client knows it; without the id, the script asks (services/shared/redis.ts)
--
-- Returns {status, record, remaining, stock, decided, granted}:
--   status     0 decided now, 1 decided earlier, 2 rebuild the sale: Redis does not know it, or only an older generation,
--              or has started again since the sale was opened or rebuilt, perhaps from a file that lacks its last grants
--   record     `epoch|codes|grants` (services/shared/outcomes.ts); with status 2 the epoch that Redis holds, or empty
--   remaining  units left
--   stock      units of the sale
--   decided    reservations decided now; fewer than count when some were known by their key, or from an earlier epoch
--   granted    reservations granted now
-- Codes: G granted, S sold_out, L buyer_limit, Q insufficient, C sale_closed, R sale_reset, K key_reused. The
-- first that applies is taken: known outcome, K, R, C, S, L, Q, G.
--
-- A digest is the key's name and the ask, 11 characters each (services/shared/idempotency.ts). The values of
-- KEYS[8..] and of the `k.` fields in KEYS[3] begin with the ask that used the key first. Another ask under
-- the same key gets K.
--
-- Refused keys are kept in hashes, called shards: field is the key's name, value the code and the begin of the ask. Each
-- has so few fields that Redis keeps it tightly; so a shard is split as soon as there are SHARD_FILL times as many keys as
-- shards (linear hashing: the number of keys alone tells the shard of each). Shards expire as a whole: after half the
-- retention, a new window with shards of its own begins. So a key is in the present window or one of the two before it.
-- KEYS[7] has the window's number, its begin in ms since 1970, and the number of keys in it and in the two before it. The
-- shard's name is that of KEYS[7], window and number: the caller can't know it, but it is in the same slot of a Cluster.
--
-- Side effects: writes KEYS[1], KEYS[2], KEYS[3], KEYS[5], KEYS[6], KEYS[7], KEYS[8..] and shards; pops from KEYS[4].
--
-- Memory, on Redis 7.0: a record with a key of its own takes 88 bytes and ~60 for its expiry, whatever the frame's
-- size. So only frames of 4 and more have one: a refused reservation costs ~40 bytes in a frame of 4, 5 in one of 32 and
-- 0.6 in one of 256, for 20 minutes. A smaller frame takes ~22 bytes in a bucket, and its share of the bucket's own ~230.
-- A refused one with a key takes ~32 more in a shard, for 20 to 30 minutes; so frames with keys have a key of their own
-- only from 9 on.
-- A granted one costs ~8 bytes in the record, and ~70 in KEYS[2] as long as the sale exists. One with a key has a record
-- of its own, 120 bytes and its expiry, and takes ~80 more in KEYS[3] as long as the sale exists.

local saleKey, buyersKey, grantedKey, returnedKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local frameKey, bucketKey = KEYS[5], KEYS[6]
local refusedKey = KEYS[7]
local KEYED_OFFSET = 7
local keyedCount = math.max(0, #KEYS - KEYED_OFFSET)
local HALF_DIGEST = 11
-- Characters of the ask that a refusal keeps: 48 bits. It only has to tell a repeat from another use of the key.
local KEPT_ASK = 8
-- Keys in a shard, on average: those that are split next have twice as many, and past 128 Redis keeps a hash less tightly.
local SHARD_FILL = 40
-- Most reservations of a frame in a bucket, and most characters of a value: past them Redis keeps the whole bucket less
-- tightly. A frame with keys has their memory on top, and saves more of its own.
local BUCKET_COUNT, BUCKET_VALUE = keyedCount > 0 and 8 or 3, 64
local body, count, generation = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local frameId, retentionMs, slot, server = ARGV[4], ARGV[5], ARGV[6], ARGV[7]

local DECIDED, REPEATED, UNKNOWN_SALE = 0, 1, 2
local COUNTERS = {
  G = 'granted', S = 'sold_out', L = 'buyer_limit', Q = 'insufficient', C = 'sale_closed', R = 'sale_reset',
  K = 'key_reused',
}

local sale = redis.call('HMGET', saleKey,
  'generation', 'epoch', 'remaining', 'stock', 'status', 'rebuilt', 'next', 'limit', 'server')
if sale[9] ~= server then
  -- A term may begin without a new connection, when the first replica comes. A user that may not call INFO never sees
  -- another term.
  local info = redis.pcall('INFO', 'replication')
  server = type(info) == 'string' and string.match(info, 'master_replid:%x+') or sale[9]
end
local saleGeneration = tonumber(sale[1] or 0)
if saleGeneration < generation or sale[9] ~= server then
  return { UNKNOWN_SALE, sale[2] or '', 0, 0, 0, 0 }
end
local epoch, remaining, stock = sale[2], tonumber(sale[3]), tonumber(sale[4])

local mayUseBucket = count <= BUCKET_COUNT and slot ~= ''
local inBucket = mayUseBucket and redis.call('HGET', bucketKey, slot)
local earlier = inBucket and string.match(inBucket, '^(.*)|') or redis.call('GET', frameKey)
if earlier and string.sub(earlier, 1, #epoch + 1) == epoch .. '|' then
  return { REPEATED, earlier, remaining, stock, 0, 0 }
end

local timeMs
local function now()
  if not timeMs then
    local time = redis.call('TIME')
    timeMs = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return timeMs
end

local function keep(record)
  if mayUseBucket then
    local kept = string.format('%s|%d', record, now())
    if #kept <= BUCKET_VALUE then
      redis.call('HSET', bucketKey, slot, kept)
      redis.call('PEXPIRE', bucketKey, retentionMs)
      return
    end
    if inBucket then
      redis.call('HDEL', bucketKey, slot)
    end
  end
  redis.call('SET', frameKey, record, 'PX', retentionMs)
end

-- The reason that refuses all reservations of the frame.
local refusal
if saleGeneration ~= generation then
  refusal = 'R'
elseif sale[5] == 'closed' then
  refusal = 'C'
elseif remaining == 0 then
  refusal = 'S'
end

local isRebuilt = sale[6] == '1'
local committed = isRebuilt and redis.call('HGET', grantedKey, frameId)

-- Nearly every frame of a flash sale comes after the last unit is gone. It costs four commands, whatever its
-- size.
if refusal and keyedCount == 0 and not earlier and not committed then
  local record = epoch .. '|' .. (count > 1 and '*' or '') .. refusal .. '|'
  redis.call('HINCRBY', saleKey, COUNTERS[refusal], count)
  keep(record)
  return { DECIDED, record, remaining, stock, count, 0 }
end

local users, quantities, digests = {}, {}, {}
if string.find(body, '\t', 1, true) then
  local index = 0
  for user, quantity, digest in string.gmatch(body, '([^\t\n]+)\t?(%d*)\t?([^\n]*)\n') do
    index = index + 1
    users[index] = user
    quantities[index] = tonumber(quantity)
    if digest ~= '' then
      digests[index] = digest
    end
  end
else
  local index = 0
  for user in string.gmatch(body, '[^\n]+') do
    index = index + 1
    users[index] = user
  end
end

-- Outcomes of an earlier epoch. A refusal stays; a grant only counts if Postgres has it.
local earlierCodes = earlier and string.match(earlier, '|([^|]*)|')
if earlierCodes and string.sub(earlierCodes, 1, 1) == '*' then
  earlierCodes = string.rep(string.sub(earlierCodes, 2, 2), count)
end
local committedUnits = {}
if committed then
  for index, units in string.gmatch(committed, '(%d+):([%d,]+)') do
    local known = committedUnits[tonumber(index) + 1]
    committedUnits[tonumber(index) + 1] = known and known .. ',' .. units or units
  end
end

-- Refused keys.
local window, beganMs, counts = 0, nil, { 0, 0, 0 }
local isRefusalKept = false

-- The shard of a key among those of a window with `count` keys. Scripts can't share code: a test holds it equal to
-- that of lua/read-refusals.lua.
local function shardOf(name, count)
  local shards = math.floor(count / SHARD_FILL) + 1
  local a, b, c, d, e = string.byte(name, 1, 5)
  local hash = (((a * 67 + b) * 67 + c) * 67 + d) * 67 + e
  local _, exponent = math.frexp(shards)
  local half = 2 ^ (exponent - 1)
  local shard = hash % (2 * half)
  return shard < shards and shard or shard - half
end

local function shardKey(ofWindow, shard)
  return string.format('%s:%d:%d', refusedKey, ofWindow, shard)
end

local function openWindow()
  local index = redis.call('GET', refusedKey)
  if index then
    local number, began, first, second, third = string.match(index, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
    window, beganMs, counts = tonumber(number), tonumber(began), { tonumber(first), tonumber(second), tonumber(third) }
  end
  -- A clock may also have been set back.
  if not index or math.abs(now() - beganMs) >= retentionMs / 2 then
    window, beganMs, counts = window + 1, now(), { 0, counts[1], counts[2] }
  end
end

-- An empty field keeps a shard, and so its expiry, when all others have moved. It expires a whole retention after the
-- window's end, so that the window's last refusal is readable for that long.
local function openShard(shard, fields)
  local key = shardKey(window, shard)
  redis.call('HSET', key, '', '', unpack(fields))
  redis.call('PEXPIREAT', key, beganMs + retentionMs * 3 / 2)
end

-- Keeps it unless the window has something under the name.
local function keepRefusal(name, kept)
  if counts[1] == 0 then
    openShard(0, {})
  end
  if redis.call('HSETNX', shardKey(window, shardOf(name, counts[1])), name, kept) == 0 then
    return false
  end
  isRefusalKept = true
  counts[1] = counts[1] + 1
  if counts[1] % SHARD_FILL ~= 0 then
    return true
  end
  local new = counts[1] / SHARD_FILL
  local _, exponent = math.frexp(new)
  local old = shardKey(window, new - 2 ^ (exponent - 1))
  local fields = redis.call('HGETALL', old)
  local moved, names = {}, {}
  for at = 1, #fields, 2 do
    if fields[at] ~= '' and shardOf(fields[at], counts[1]) == new then
      names[#names + 1] = fields[at]
      moved[#moved + 1] = fields[at]
      moved[#moved + 1] = fields[at + 1]
    end
  end
  openShard(new, moved)
  if #names > 0 then
    redis.call('HDEL', old, unpack(names))
  end
  return true
end

-- What is kept for a key. Given what to keep, keeps it if nothing is, at the price of one command instead of two.
local function refusalOf(name, toKeep)
  for back = 1, 2 do
    local count = counts[back + 1]
    local found = count > 0 and redis.call('HGET', shardKey(window - back, shardOf(name, count)), name)
    if found then
      return found
    end
  end
  if toKeep and keepRefusal(name, toKeep) or counts[1] == 0 then
    return nil
  end
  return redis.call('HGET', shardKey(window, shardOf(name, counts[1])), name)
end

local keyedRecords, keyedGrants, keyedAt = {}, {}, {}
if keyedCount > 0 then
  openWindow()
  local keys, fields = {}, {}
  for index = 1, count do
    if digests[index] then
      local at = #keys + 1
      keys[at] = KEYS[KEYED_OFFSET + at]
      fields[at] = 'k.' .. string.sub(digests[index], 1, HALF_DIGEST)
      keyedAt[index] = at
    end
  end
  keyedRecords = redis.call('MGET', unpack(keys))
  -- A frame from before a reset must not get grants from after it.
  keyedGrants = saleGeneration == generation and redis.call('HMGET', grantedKey, unpack(fields)) or {}
end

local nextUnit, limit = tonumber(sale[7]), tonumber(sale[8])
-- Units that were never granted are `next`..stock. All others that remain are in `returned`.
local returnedCount = remaining - (stock - nextUnit + 1)
local held, changedUsers, isChanged
local function unitsHeld(index)
  if not held then
    held, changedUsers, isChanged = {}, {}, {}
    -- One call for the whole frame: a call for each reservation would take twice the time of everything else
    -- here.
    local values = redis.call('HMGET', buyersKey, unpack(users))
    for at = 1, count do
      held[users[at]] = tonumber(values[at] or 0)
    end
  end
  return held[users[index]]
end

local tally = { G = 0, S = 0, L = 0, Q = 0, C = 0, R = 0, K = 0 }
local decided = 0
local function decide(index, isReused)
  decided = decided + 1
  local code = isReused and 'K' or refusal or (remaining == 0 and 'S')
  local quantity = quantities[index] or 1
  local has = 0
  if not code then
    has = unitsHeld(index)
    if has + quantity > limit then
      code = 'L'
    elseif quantity > remaining then
      code = 'Q'
    else
      code = 'G'
    end
  end
  tally[code] = tally[code] + 1
  if code ~= 'G' then
    return code
  end
  local units
  for _ = 1, quantity do
    local unit
    if returnedCount > 0 then
      unit = redis.call('LPOP', returnedKey)
      returnedCount = returnedCount - 1
    else
      unit = nextUnit
      nextUnit = nextUnit + 1
    end
    units = units and units .. ',' .. unit or unit
  end
  remaining = remaining - quantity
  local user = users[index]
  held[user] = has + quantity
  if not isChanged[user] then
    isChanged[user] = true
    changedUsers[#changedUsers + 1] = user
  end
  return code, units
end

local codes, grants, newKeyed = {}, {}, {}
local answered = {}
local isUniform = true
for index = 1, count do
  local code, units
  local digest = digests[index]
  local isReused, isKept = false, false
  local name, ask
  if digest then
    name, ask = string.sub(digest, 1, HALF_DIGEST), string.sub(digest, HALF_DIGEST + 1)
    local known = answered[name]
    local record, grant = keyedRecords[keyedAt[index]], keyedGrants[keyedAt[index]]
    if known then
      isReused, isKept = known.ask ~= ask, true
      if not isReused then
        code, units = known.code, known.units
      end
    elseif grant then
      isReused = string.sub(grant, 1, HALF_DIGEST) ~= ask
      if not isReused then
        code, units = 'G', string.sub(grant, HALF_DIGEST + 1)
        isKept = record and string.sub(record, HALF_DIGEST + 1, HALF_DIGEST + #epoch + 1) == epoch .. '|'
      end
    elseif record then
      isReused = string.sub(record, 1, HALF_DIGEST) ~= ask
      if not isReused then
        local recordEpoch, recordCode = string.match(record, '^(%d+)|(%a)|', HALF_DIGEST + 1)
        -- It was granted in an earlier epoch and Postgres does not have it: it is decided again.
        if recordCode ~= 'G' then
          code, isKept = recordCode, recordEpoch == epoch
        end
      end
    else
      local keptAsk = string.sub(ask, 1, KEPT_ASK)
      local toKeep = refusal and not earlierCodes and refusal .. keptAsk
      local kept = refusalOf(name, toKeep)
      isKept = kept or toKeep
      if kept then
        isReused = string.sub(kept, 2) ~= keptAsk
        code = not isReused and string.sub(kept, 1, 1) or nil
      end
    end
  elseif committedUnits[index] then
    code, units = 'G', committedUnits[index]
  end
  if not code and earlierCodes then
    local earlierCode = string.sub(earlierCodes, index, index)
    code = earlierCode ~= 'G' and earlierCode or nil
  end
  if not code then
    code, units = decide(index, isReused)
    if digest and code == 'G' then
      newKeyed[#newKeyed + 1] = 'k.' .. name
      newKeyed[#newKeyed + 1] = ask .. units
    end
  end
  if digest and not isReused then
    answered[name] = { ask = ask, code = code, units = units }
    if not isKept then
      local key = KEYS[KEYED_OFFSET + keyedAt[index]]
      if code == 'G' then
        redis.call('SET', key, ask .. epoch .. '|G|0:' .. units, 'PX', retentionMs)
      else
        keepRefusal(name, code .. string.sub(ask, 1, KEPT_ASK))
        -- The grant of an earlier epoch, or the refusal of a former version.
        redis.call('DEL', key)
      end
    end
  end
  codes[index] = code
  isUniform = isUniform and code == codes[1]
  if code == 'G' then
    grants[#grants + 1] = (index - 1) .. ':' .. units
  end
end

if tally.G > 0 then
  local pairsOfBuyers = {}
  for at, user in ipairs(changedUsers) do
    pairsOfBuyers[2 * at - 1] = user
    pairsOfBuyers[2 * at] = held[user]
  end
  redis.call('HSET', buyersKey, unpack(pairsOfBuyers))
  redis.call('HSET', saleKey, 'remaining', remaining, 'next', nextUnit)
end
if #newKeyed > 0 then
  redis.call('HSET', grantedKey, unpack(newKeyed))
end
if isRefusalKept then
  redis.call('SET', refusedKey, string.format('%d %d %d %d %d', window, beganMs, unpack(counts)),
    'PX', retentionMs * 3 / 2)
end
for code, number in pairs(tally) do
  if number > 0 then
    redis.call('HINCRBY', saleKey, COUNTERS[code], number)
  end
end
local codesText = (isUniform and count > 1) and '*' .. codes[1] or table.concat(codes)
local record = epoch .. '|' .. codesText .. '|' .. table.concat(grants, ';')
keep(record)
return { DECIDED, record, remaining, stock, decided, tally.G }
