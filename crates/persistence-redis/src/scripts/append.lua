-- Keeps an event under the next number, and tells the number. Answers the number, and of an event
-- that was told before what it was then.
--
-- ARGV: the event's id, its name, its data, the id of its turn where that 'begins' or 'ends', which.

local TOLD_AGAIN_WITHIN = 16
local KEPT_EVENTS = 1024

local event_id, name, data, turn_id, change = unpack(ARGV)

local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', TOLD_AGAIN_WITHIN + 1)
for _, entry in ipairs(newest) do
  local id, fields = unpack(entry)
  if fields[2] == event_id then
    return { string.match(id, '^%d+'), fields[4], fields[6] }
  end
end

local moment = now()
begin_origin(moment)
local latest, running = unpack(redis.call('HMGET', log, 'latest', 'turn_id'))
latest = tonumber(latest)
local seq = text(math.max(latest or 0, moment) + 1)

redis.call('XADD', events, seq .. '-0', 'id', event_id, 'event', name, 'data', data)
if change == 'begins' or not running then
  redis.call('XTRIM', events, 'MAXLEN', '~', KEPT_EVENTS)
end
redis.call('HSET', log, 'latest', seq)
if #newest == 0 then
  redis.call('HSET', log, 'first', seq, 'quiet_since', text(latest or quiet_since(moment)))
end
if change == 'begins' then
  redis.call('HSET', log, 'turn_id', turn_id, 'turn_before', text(latest or moment))
elseif change == 'ends' and running == turn_id then
  redis.call('HDEL', log, 'turn_id', 'turn_before')
end
redis.call('PEXPIRE', events, EVENTS_KEPT_FOR)
redis.call('PEXPIRE', log, LOG_KEPT_FOR)
redis.call('PUBLISH', events, seq)
return { seq, false, false }
