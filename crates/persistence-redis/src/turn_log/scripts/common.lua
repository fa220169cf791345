-- The common beginning of the turn log's scripts.
--
-- An event's sequence number is its time in microseconds since 1970, or the previous number plus one if that is higher.
-- Thus numbers increase even if Redis has lost its data, and stay below 2^53, the limit of integers in JavaScript, until
-- the year 2255.
--
-- events  the stream, with an entry for each event under its number; expires an hour after the newest event,
--         or up to a minute earlier
-- log     latest                the newest number
--         first, quiet_since    the first event of the stream; there was no event between
--                               `quiet_since` and `first`
--         turn_id, turn_before  the running turn, and the number before its first event
--         expires a week after the newest event, or up to a minute earlier
-- origin  the time when this Redis server was first used, or last lost its data

local MINUTE = 60 * 1000
local EVENTS_TTL = 60 * MINUTE
local LOG_TTL = 7 * 24 * 60 * MINUTE

-- The length of a stream that is not trimmed.
local UNLIMITED = 1000000000

local events, log, origin = KEYS[1], KEYS[2], KEYS[3]

-- Lua formats large numbers as 1.8e+15.
local function text(number)
  return string.format('%.0f', number)
end

local function now()
  local parts = redis.call('TIME')
  return parts[1] * 1000000 + parts[2]
end

-- Returns the minute of a time in microseconds.
local function minute(time)
  return math.floor(time / 1000 / MINUTE)
end

local function init_origin(time)
  if redis.call('EXISTS', origin) == 0 then
    redis.call('SET', origin, text(time))
  end
end

-- Returns the time since which a conversation without a log certainly had no events: a log of later events would not have
-- expired yet. Returns nil if Redis has lost its data.
local function quiet_since(time)
  local origin_time = tonumber(redis.call('GET', origin))
  return origin_time and math.max(origin_time, time - (LOG_TTL - MINUTE) * 1000)
end

