-- The beginning of each script of the log.
--
-- A number is the moment of its event in microseconds since 1970, or one more than the number before
-- it where that is later. So numbers rise even where Redis has forgotten the ones before, and stay
-- below 2^53, which JavaScript can count to, until the year 2255.
--
-- events  the stream, one entry an event, under its number; gone an hour after the newest
-- log     latest                the newest number
--         first, quiet_since    the stream began with the event `first`; before it nothing had
--                               happened since `quiet_since`
--         turn_id, turn_before  the turn that runs, and the number before its first event
--         gone a week after the newest event
-- origin  when this Redis was first used, or lost all it had

local EVENTS_KEPT_FOR = 60 * 60 * 1000
local LOG_KEPT_FOR = 7 * 24 * EVENTS_KEPT_FOR

local events, log, origin = KEYS[1], KEYS[2], KEYS[3]

-- Lua would write large numbers as 1.8e+15.
local function text(number)
  return string.format('%.0f', number)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function begin_origin(moment)
  if redis.call('EXISTS', origin) == 0 then
    redis.call('SET', origin, text(moment))
  end
end

-- Nothing happened from then on in a conversation of which nothing is known: its log would still be
-- there. Nothing can be said where Redis has lost what it had.
local function quiet_since(moment)
  local begun = tonumber(redis.call('GET', origin))
  return begun and math.max(begun, moment - LOG_KEPT_FOR * 1000)
end

