-- Returns the sequence number up to which all events are part of the stored messages, the newest number, and the running
-- turn.

local latest, turn_id, turn_before =
  unpack(redis.call('HMGET', log, 'latest', 'turn_id', 'turn_before'))

-- Without events, the current time serves as a sequence number, because the next event will have a higher one. Thus
-- reading a checkpoint takes no memory.
if not latest then
  local time = now()
  init_origin(time)
  return { text(time), text(time), false }
end
-- A turn whose events have expired is abandoned.
if turn_id and redis.call('EXISTS', events) == 1 then
  return { turn_before, latest, turn_id }
end
return { latest, latest, false }
