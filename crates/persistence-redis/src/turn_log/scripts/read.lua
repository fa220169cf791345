-- Returns the newest sequence number, whether the log reaches back to the requested number, and the first events after
-- it.
--
-- ARGV: the requested sequence number, and the maximum number of events.

local after = tonumber(ARGV[1])
local latest, first, quiet = unpack(redis.call('HMGET', log, 'latest', 'first', 'quiet_since'))

if not latest then
  local time = now()
  local since = quiet_since(time)
  local is_known = after == 0 or (since and since <= after and after <= time)
  return { 0, is_known and 1 or 0, {} }
end
if after == tonumber(latest) then
  return { latest, 1, {} }
end

local from_first = first and (after == 0 or (tonumber(quiet) <= after and after < tonumber(first)))
local from = from_first and first or ARGV[1]
local kept = redis.call('XRANGE', events, from, '+', 'COUNT', ARGV[2])
-- The requested event was trimmed, has expired or never existed: later events may be missing as well.
if not kept[1] or kept[1][1] ~= from .. '-0' then
  return { latest, 0, {} }
end
if not from_first then
  table.remove(kept, 1)
end
return { latest, 1, kept }
