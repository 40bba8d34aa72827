-- Common ground of every script; it is put in front of each, after the key names that keys.py makes.
--
-- KEYS[1]  the shard's prefix; all keys are made from it
-- ARGV[1]  offset of the clock in ms (0 but in tests)   ARGV[2]  id for a new epoch
-- ARGV[3]  how long offline changes are held in a new epoch, ms
-- ARGV[4]  how many changes are kept, in the log of a shard and of an app: "<feed> <app>"
-- ARGV[5]  life of a node's lease, ms
-- ARGV[6]  and on: the script's own
--
-- A session (hash sessions:<app>:<user>, field = session id) is JSON:
--   n node, k client id, w 1 if the client chose k, d device, b 1 in the background, i 1 when idle,
--   t transport, p address, o opened at, a last active, g orphan grace in ms, e end of its grace (only when ending), x last seen at,
--   y 1 when it ends because its node died
-- A user's state (hash state:<app>, field = user id) is JSON:
--   s status in truth, l last login, a last active, n last seen, c changed at, d devices "mobile,web", v version
local ONLINE, AWAY, OFFLINE = 1, 3, 0

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[1])
local lease_ms = tonumber(ARGV[5])
local feed_max, changes_max = string.match(ARGV[4], '^(%d+) (%d+)$')

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

local function fold(app, user)
  local status, devices, seen = OFFLINE, {}, {}
  for _, raw in ipairs(redis.call('HVALS', key_sessions(app, user))) do
    local session = cjson.decode(raw)
    local active = session.i ~= 1 and session.b ~= 1
    status = (active or status == ONLINE) and ONLINE or AWAY
    if not seen[session.d] then
      seen[session.d] = true
      devices[#devices + 1] = session.d
    end
  end
  table.sort(devices)
  return status, table.concat(devices, ',')
end

local function read_state(app, user)
  local raw = redis.call('HGET', key_state(app), user)
  return raw and cjson.decode(raw) or {s = OFFLINE, l = 0, a = 0, n = 0, c = 0, d = '', v = 0}
end

local function append(...)
  redis.call('XADD', key_feed(), 'MAXLEN', '~', feed_max, '*', ...)
end

-- Of each user the newest change alone is kept: whoever was away needs no other.
local function remember(app, user, version)
  redis.call('ZADD', key_changes(app), version, user)
  local over = redis.call('ZCARD', key_changes(app)) - tonumber(changes_max)
  if over > 0 then
    local dropped = redis.call('ZRANGE', key_changes(app), over - 1, over - 1, 'WITHSCORES')
    redis.call('ZREMRANGEBYRANK', key_changes(app), 0, over - 1)
    redis.call('HSET', key_floors(), app, dropped[2])
  end
end

-- Folds the user's sessions and moves the clocks forward. Only when what others see has changed does the
-- app's version grow and the log get an entry. Returns the state before (a number) and the state now (JSON).
local function settle(app, user, clocks)
  local state = read_state(app, user)
  local before = state.s
  state.s, state.d = fold(app, user)
  for name, at in pairs(clocks) do
    if at > state[name] then state[name] = at end
  end
  if state.s ~= before then
    state.c = now
    state.v = redis.call('HINCRBY', key_versions(), app, 1)
  end
  local raw = cjson.encode(state)
  redis.call('HSET', key_state(app), user, raw)
  redis.call('ZADD', key_unflushed(), now, member(app, user))
  if state.s ~= before then
    remember(app, user, state.v)
    append('kind', 'change', 'app', app, 'user', user, 'version', state.v, 'state', raw)
  end
  return before, raw
end

local function version_of(app)
  return tonumber(redis.call('HGET', key_versions(), app) or 0)
end

-- Takes the session out of every index; the caller settles the user.
local function drop(app, user, id, session)
  redis.call('HDEL', key_sessions(app, user), id)
  redis.call('ZREM', key_node(session.n), member(app, user, id))
  redis.call('ZREM', key_ending(), member(app, user, id))
end

-- The session is over, but others are not to see it for `grace_ms` more.
local function let_end(app, user, id, session, grace_ms, seen_at)
  session.x = seen_at
  session.e = math.max(now + grace_ms, held_until)
  if session.e <= now then
    drop(app, user, id, session)
    return
  end
  redis.call('HSET', key_sessions(app, user), id, cjson.encode(session))
  redis.call('ZREM', key_node(session.n), member(app, user, id))
  redis.call('ZADD', key_ending(), session.e, member(app, user, id))
end

local function put(app, user, id, session)
  redis.call('HSET', key_sessions(app, user), id, cjson.encode(session))
  redis.call('ZADD', key_node(session.n), session.o, member(app, user, id))
  redis.call('ZREM', key_ending(), member(app, user, id))
  -- a node that registers after a data loss and dies before its next tick would else be on nobody's list
  redis.call('ZADD', key_nodes(), 'NX', now + lease_ms, session.n)
end

local function is_gone(app, user)
  return redis.call('ZSCORE', key_gone(), member(app, user)) and true or false
end

-- The node that holds the session reads this and closes its socket with the code.
local function order_close(app, user, id, code)
  append('kind', 'close', 'app', app, 'user', user, 'session', id, 'code', code)
end
