-- Appends events with the next sequence numbers, and publishes them. Returns the number before them, and for each event
-- its number and, if it is a duplicate, the name and data of the first event.
--
-- ARGV: the number after which a duplicate can be; the maximum number of newest events to compare with the new ones; the
-- number of events of ended turns to keep; the channel of the notifications; the maximum size of the events in a
-- notification; and for each event: its id; its name; its data; the id of its turn if the turn begins or ends with this
-- event; 'begins', 'ends' or ''.

local duplicates_after, window, kept_events, channel, max_notified = unpack(ARGV, 1, 5)

local time = now()
local latest, turn_id = unpack(redis.call('HMGET', log, 'latest', 'turn_id'))
latest = tonumber(latest)
if not latest then
  init_origin(time)
end

local known = {}
if not latest or latest > tonumber(duplicates_after) then
  local newest = redis.call('XREVRANGE', events, '+', '(' .. duplicates_after, 'COUNT', window)
  for _, entry in ipairs(newest) do
    local id, fields = unpack(entry)
    known[fields[2]] = { string.match(id, '^%d+'), fields[4], fields[6] }
  end
end

-- Adds an entry, and trims the stream to about `max` entries. If that creates the stream, `first` becomes its number.
local first
local function add(max, seq, ...)
  if not redis.call('XADD', events, 'NOMKSTREAM', 'MAXLEN', '~', max, seq .. '-0', ...) then
    first = seq
    redis.call('XADD', events, seq .. '-0', ...)
  end
end

local before, running, turn_before = latest, turn_id, nil
local notified, size = { text(before or time) }, 0

local function append(event_id, name, data, boundary_of, change)
  local seq = text(math.max(latest or 0, time) + 1)
  local is_trimmed = change == 'begins' or not running
  add(is_trimmed and kept_events or UNLIMITED, seq, 'id', event_id, 'event', name, 'data', data)
  if change == 'begins' then
    running, turn_before = boundary_of, text(latest or time)
  elseif change == 'ends' and running == boundary_of then
    running = false
  end
  latest = tonumber(seq)
  size = size + #data
  table.insert(notified, table.concat({ seq, name, data }, ' '))
  return { seq, false, false }
end

local function save(seq)
  local fields = { 'latest', seq }
  local function set(name, value)
    table.insert(fields, name)
    table.insert(fields, value)
  end
  if first then
    set('first', first)
    set('quiet_since', text(before or quiet_since(time)))
  end
  if running and turn_before then
    set('turn_id', running)
    set('turn_before', turn_before)
  end
  redis.call('HSET', log, unpack(fields))
  if turn_id and not running then
    redis.call('HDEL', log, 'turn_id', 'turn_before')
  end
  -- Once a minute is enough, and cheaper than with each event.
  if first or not before or minute(before) ~= minute(time) then
    redis.call('PEXPIRE', events, EVENTS_TTL)
    redis.call('PEXPIRE', log, LOG_TTL)
  end
end

-- Instances of earlier versions are subscribed only to the channel of the newest number; others to both.
local function publish(seq)
  local _, listeners, _, all_listeners = unpack(redis.call('PUBSUB', 'NUMSUB', channel, events))
  if listeners > 0 then
    local news = size <= tonumber(max_notified) and notified or { notified[1], seq }
    redis.call('PUBLISH', channel, table.concat(news, '\n'))
  end
  if all_listeners > listeners then
    redis.call('PUBLISH', events, seq)
  end
end

local appended = {}
for i = 6, #ARGV, 5 do
  local event_id = ARGV[i]
  known[event_id] = known[event_id] or append(unpack(ARGV, i, i + 4))
  table.insert(appended, known[event_id])
end
if latest ~= before then
  local seq = text(latest)
  save(seq)
  publish(seq)
end
return { notified[1], appended }
