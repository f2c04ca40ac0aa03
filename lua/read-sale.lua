-- Reads a sale: its facts and its counters.
--
-- Atomic because `remaining` and the counters must be of one moment: the window shows that they add up to the
-- stock.
--
-- KEYS[1]  hash    the sale
--
-- Returns an empty array when Redis does not know the sale, else the texts of
--   title, stock, limit, mode, status, generation, epoch, remaining,
--   granted, sold_out, buyer_limit, insufficient, sale_closed, sale_reset, key_reused,
--   and 1 if Redis has started again since the sale was opened or rebuilt, else 0
-- in this order.
--
-- Side effects: none.

local saleKey = KEYS[1]

local sale = redis.call('HMGET', saleKey,
  'title', 'stock', 'limit', 'mode', 'status', 'generation', 'epoch', 'remaining',
  'granted', 'sold_out', 'buyer_limit', 'insufficient', 'sale_closed', 'sale_reset', 'key_reused', 'server')
if not sale[1] then
  return {}
end
-- This counter only exists once a key was reused.
sale[15] = sale[15] or '0'
local info = redis.pcall('INFO', 'replication')
local server = type(info) == 'string' and string.match(info, 'master_replid:%x+') or sale[16]
sale[16] = sale[16] == server and '0' or '1'
return sale
