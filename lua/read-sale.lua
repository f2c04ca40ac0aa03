-- Reads a sale: its facts and its counters.
--
-- Atomic because `remaining` and the counters must be of one moment: the window shows that they add up to the
-- stock.
--
-- KEYS[1]  hash    the sale
--
-- Returns an empty array when Redis does not know the sale, else the texts of
--   title, stock, limit, mode, status, generation, epoch, remaining,
--   granted, sold_out, buyer_limit, insufficient, sale_closed, sale_reset, key_reused
-- in this order.
--
-- Side effects: none.

local saleKey = KEYS[1]

local sale = redis.call('HMGET', saleKey,
  'title', 'stock', 'limit', 'mode', 'status', 'generation', 'epoch', 'remaining',
  'granted', 'sold_out', 'buyer_limit', 'insufficient', 'sale_closed', 'sale_reset', 'key_reused')
if not sale[1] then
  return {}
end
-- This counter only exists once a key was reused.
sale[#sale] = sale[#sale] or '0'
return sale
