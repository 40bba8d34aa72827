-- Common ground of every script. In front of each stand the key names that keys.py makes, this, claims.lua and fold.lua.
--
-- KEYS[1]  the shard's prefix; all keys are made from it
-- ARGV[1]  offset of the clock in ms (0 but in tests)   ARGV[2]  id for a new epoch
-- ARGV[3]  how long offline changes are held in a new epoch, ms
-- ARGV[4]  how many changes are kept, in the log of a shard and of an app, and how many claims: "<feed> <app> <claims>"
-- ARGV[5]  life of a node's lease, ms
-- ARGV[6]  and on: the script's own
local OFFLINE, ONLINE, INVISIBLE, AWAY = 0, 1, 2, 3
local HOUR_MS = 3600000

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[1])
local lease_ms = tonumber(ARGV[5])
local feed_max, changes_max, claims_max = string.match(ARGV[4], '^(%d+) (%d+) (%d+)$')

-- After a data loss a user's other device may not have been registered again yet:
-- until `held_until` nobody is declared offline.
local function read_epoch()
  local value = redis.call('GET', key_epoch())
  if not value then
    value = ARGV[2] .. ' ' .. string.format('%.0f', now + tonumber(ARGV[3]))
    redis.call('SET', key_epoch(), value)
  end
  local id, held_until = string.match(value, '^(%S+) (%d+)$')
  return id, tonumber(held_until)
end
local epoch, held_until = read_epoch()

local function member(...)
  return table.concat({...}, ' ')
end

local function read_json(key, field)
  local raw = redis.call('HGET', key, field)
  return raw and cjson.decode(raw)
end

local function version_of(app)
  return tonumber(redis.call('HGET', key_versions(), app) or 0)
end

local function is_gone(app, user)
  return redis.call('ZSCORE', key_gone(), member(app, user)) and true or false
end

-- Where in the log the last entry of this call stands: part of every script's answer, see scripts.py.
local appended = ''

local function append(...)
  appended = redis.call('XADD', key_feed(), 'MAXLEN', '~', feed_max, '*', ...)
end

-- Of the newest entry that the log ever had, also where it has been trimmed since.
local function last_position()
  if redis.call('EXISTS', key_feed()) == 0 then return '0-0' end
  local info = redis.call('XINFO', 'STREAM', key_feed())
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
end

-- Redis has no state of these users ("1 2 3", or * for everybody of the app) any more.
local function tell_forgotten(app, users)
  append('kind', 'forgotten', 'app', app, 'user', users)
end

-- Whether anybody wants to hear of the sessions of this app: see telling.lua. Asked once in a call for each app.
local telling = {}
local function is_told(app)
  if telling[app] == nil then telling[app] = redis.call('SISMEMBER', key_telling(), app) == 1 end
  return telling[app]
end

-- `what` is opened or closed; `name`: the user's, where SQL may know it no longer.
local function tell_session(app, user, id, session, what, reason, name)
  if not is_told(app) then return end
  append('kind', what, 'app', app, 'user', user, 'session', id, 'at', string.format('%.0f', now), 'device', session.d,
    'client', session.k, 'transport', session.t, 'opened', string.format('%.0f', session.o),
    'reason', reason or '', 'name', name or '')
end

-- The node that holds the session reads this and closes its socket with the code.
local function order_close(app, user, id, code)
  append('kind', 'close', 'app', app, 'user', user, 'session', id, 'code', code)
end
