-- Appends an event with the next sequence number, and publishes the number. Returns the number and, for a duplicate, the
-- name and data of the first event.
--
-- ARGV: the event's id; its name; its data; the id of its turn if the turn begins or ends with this event; 'begins',
-- 'ends' or ''; the maximum number of other events between two appends of one id; the number of events of ended turns to
-- keep.

local event_id, name, data, turn_id, change, window, kept_events = unpack(ARGV)

local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', tonumber(window) + 1)
for _, entry in ipairs(newest) do
  local id, fields = unpack(entry)
  if fields[2] == event_id then
    return { string.match(id, '^%d+'), fields[4], fields[6] }
  end
end

local time = now()
init_origin(time)
local latest, running = unpack(redis.call('HMGET', log, 'latest', 'turn_id'))
latest = tonumber(latest)
local seq = text(math.max(latest or 0, time) + 1)

redis.call('XADD', events, seq .. '-0', 'id', event_id, 'event', name, 'data', data)
if change == 'begins' or not running then
  redis.call('XTRIM', events, 'MAXLEN', '~', kept_events)
end
redis.call('HSET', log, 'latest', seq)
if #newest == 0 then
  redis.call('HSET', log, 'first', seq, 'quiet_since', text(latest or quiet_since(time)))
end
if change == 'begins' then
  redis.call('HSET', log, 'turn_id', turn_id, 'turn_before', text(latest or time))
elseif change == 'ends' and running == turn_id then
  redis.call('HDEL', log, 'turn_id', 'turn_before')
end
redis.call('PEXPIRE', events, EVENTS_TTL)
redis.call('PEXPIRE', log, LOG_TTL)
redis.call('PUBLISH', events, seq)
return { seq, false, false }
