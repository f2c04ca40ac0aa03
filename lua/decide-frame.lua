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
-- KEYS[7..] string what a key was used for, and its outcome; one for each keyed reservation, in the order of the frame
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
-- KEYS[7..] and of the `k.` fields in KEYS[3] begin with the ask that used the key first. Another ask under
-- the same key gets K.
--
-- Side effects: writes KEYS[1], KEYS[2], KEYS[3], KEYS[5], KEYS[6], KEYS[7..]; pops from KEYS[4].
--
-- Memory, on Redis 7.0: a record with a key of its own takes 88 bytes and ~60 for its expiry, whatever the frame's
-- size. So only frames of 4 and more have one: a refused reservation costs ~40 bytes in a frame of 4, 5 in one of 32 and
-- 0.6 in one of 256, for 20 minutes. A smaller frame takes ~22 bytes in a bucket, and its share of the bucket's own ~230.
-- A granted one costs ~8 bytes in the record, and ~70 in KEYS[2] as long as the sale exists. A keyed one has a record of
-- its own, 120 bytes and its expiry; if granted, it takes ~80 more in KEYS[3] as long as the sale exists.

local saleKey, buyersKey, grantedKey, returnedKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local frameKey, bucketKey = KEYS[5], KEYS[6]
local KEYED_OFFSET = 6
local HALF_DIGEST = 11
-- Most reservations of a frame in a bucket, and most characters of a value: past them Redis keeps the whole bucket less
-- tightly.
local BUCKET_COUNT, BUCKET_VALUE = 3, 64
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

local function keep(record)
  if mayUseBucket then
    local now = redis.call('TIME')
    local kept = string.format('%s|%d%03d', record, now[1], math.floor(now[2] / 1000))
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
local keyedCount = #KEYS - KEYED_OFFSET

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
local keyedRecords, keyedGrants, keyedAt = {}, {}, {}
if keyedCount > 0 then
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
      local record = ask .. epoch .. '|' .. code .. '|' .. (code == 'G' and '0:' .. units or '')
      redis.call('SET', KEYS[KEYED_OFFSET + keyedAt[index]], record, 'PX', retentionMs)
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
for code, number in pairs(tally) do
  if number > 0 then
    redis.call('HINCRBY', saleKey, COUNTERS[code], number)
  end
end
local codesText = (isUniform and count > 1) and '*' .. codes[1] or table.concat(codes)
local record = epoch .. '|' .. codesText .. '|' .. table.concat(grants, ';')
keep(record)
return { DECIDED, record, remaining, stock, decided, tally.G }
