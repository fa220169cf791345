-- Answers the number up to which all events are part of the stored messages, the newest number, and
-- the turn that runs.

local latest, turn_id, turn_before =
  unpack(redis.call('HMGET', log, 'latest', 'turn_id', 'turn_before'))

-- A moment is as good as a number: what happens next has a later one. So a log takes no memory by
-- being asked for.
if not latest then
  local moment = now()
  begin_origin(moment)
  return { text(moment), text(moment), false }
end
-- A turn whose events are gone has ended without saying so.
if turn_id and redis.call('EXISTS', events) == 1 then
  return { turn_before, latest, turn_id }
end
return { latest, latest, false }
