-- Sessions and claims fold into a state; a change of it that others see takes a version and goes into the log.
--
-- A session (hash sessions:<app>:<user>, field = session id) is JSON:
--   n node, k client id, w 1 if the client chose k, d device, b 1 in the background, i 1 when idle,
--   t transport, p address, o opened at, a last active, g orphan grace in ms, e end of its grace (only when ending), x last seen at,
--   y 1 when it ends because its node died, q why it ends, in its grace where that is no lost connection, h end of a heartbeat that is not renewed (it has no node),
--   r channels that it is in, absent when there are none
-- A user's state (hash state:<app>, field = user id) is JSON:
--   s status in truth, x text, e emoji, u claimed until, l last login, a last active, n last seen, c changed at,
--   d devices "mobile,web", v version, o {s, x, e, l, a, n, c} as it is to others, where that is something else
local CLOCKS = {'l', 'a', 'n', 'c'}
local FACE = {'s', 'x', 'e', 'l', 'a', 'n', 'c'}

local function fold(app, user)
  local connected, devices, seen = OFFLINE, {}, {}
  for _, raw in ipairs(redis.call('HVALS', key_sessions(app, user))) do
    local session = cjson.decode(raw)
    local active = session.i ~= 1 and session.b ~= 1
    connected = (active or connected == ONLINE) and ONLINE or AWAY
    if not seen[session.d] then
      seen[session.d] = true
      devices[#devices + 1] = session.d
    end
  end
  table.sort(devices)
  return connected, table.concat(devices, ',')
end

local function display(app, user, connected)
  if connected == OFFLINE then return {s = OFFLINE} end
  local claim = winner(read_claims(app, user).q)
  if not claim then return {s = connected} end
  return {s = claim.s or connected, x = claim.t, e = claim.m, u = claim.u}
end

local function same_display(one, other)
  return one.s == other.s and one.x == other.x and one.e == other.e
end

local function to_others(seen)
  return seen.s == INVISIBLE and {s = OFFLINE} or seen
end

local function advance(face, clocks)
  for name, at in pairs(clocks) do
    if at > face[name] then face[name] = at end
  end
end

local function face_of(state)
  return {s = state.s, x = state.x, e = state.e, l = state.l, a = state.a, n = state.n, c = state.c}
end

local function same_face(one, other)
  for _, name in ipairs(FACE) do
    if one[name] ~= other[name] then return false end
  end
  return true
end

local function set_display(face, seen)
  face.s, face.x, face.e = seen.s, seen.x, seen.e
end

-- To others the clocks of somebody hidden stand still. Whoever hides leaves now; whoever comes out of it comes in now.
local function advance_others(others, was, truth, clocks, seen)
  local hid, hides = was == INVISIBLE, truth.s == INVISIBLE
  if not hid and not hides then
    advance(others, clocks)
  elseif others.s ~= OFFLINE and seen.s == OFFLINE then
    advance(others, {n = now})
  elseif hid and seen.s ~= OFFLINE then
    advance(others, {l = now, a = now})
  end
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

-- Further names and values may follow.
local function tell(app, user, kind, version, raw, ...)
  append('kind', kind, 'app', app, 'user', user, 'version', version, 'state', raw, ...)
end

-- Folds anew and moves the clocks forward. Only when what others see has changed does the app's version grow.
-- `were_here`: the user's own sockets are no news, and want to hear how the user shows now.
-- Returns the state as JSON.
local function settle(app, user, clocks, were_here)
  local found = read_json(key_state(app), user)
  local state = found or {s = OFFLINE, l = 0, a = 0, n = 0, c = 0, v = 0}
  local others, was = state.o or face_of(state), face_of(state)
  local others_were, claimed_until, were_on = face_of(others), state.u, state.d
  local connected, devices = fold(app, user)
  local truth = display(app, user, connected)
  local seen = to_others(truth)
  local is_change, is_own = not same_display(others, seen), not same_display(was, truth)

  set_display(state, truth)
  state.u, state.d = truth.u, devices
  advance(state, clocks)
  advance_others(others, was.s, state, clocks, seen)
  set_display(others, seen)
  if is_own then state.c = now end
  if is_change then
    others.c = now
    state.v = redis.call('HINCRBY', key_versions(), app, 1)
  end
  state.o = not same_face(others, state) and others or nil

  local raw = cjson.encode(state)
  redis.call('HSET', key_state(app), user, raw)
  -- never the same score twice, or what moves in the millisecond of a flush would not be flushed again
  local marked = tonumber(redis.call('ZSCORE', key_unflushed(), member(app, user)) or 0)
  redis.call('ZADD', key_unflushed(), math.max(now, marked + 1), member(app, user))
  if is_change then
    remember(app, user, state.v)
    tell(app, user, 'change', state.v, raw)
  elseif is_own then
    -- where the first session opens or the last one ends, no socket of theirs wants to hear it, but every node must know
    local heard = (was.s ~= OFFLINE or were_here) and truth.s ~= OFFLINE
    tell(app, user, heard and 'own' or 'unheard', version_of(app), raw, 'shows', '1')
  elseif not found or not same_face(was, state) or not same_face(others_were, others)
    or claimed_until ~= state.u or were_on ~= state.d then
    -- whoever replays the log has the states to the last clock
    tell(app, user, 'unheard', version_of(app), raw)
  end
  return raw
end

local function be_present(app, user, id, session)
  for _, channel in ipairs(session.r or {}) do redis.call('SADD', key_present(app, channel), member(user, id)) end
end

-- Takes the session out of every index; the caller settles the user. `name`: as in tell_session.
local function drop(app, user, id, session, reason, name)
  tell_session(app, user, id, session, 'closed', reason, name)
  for _, channel in ipairs(session.r or {}) do redis.call('SREM', key_present(app, channel), member(user, id)) end
  redis.call('HDEL', key_sessions(app, user), id)
  redis.call('ZREM', key_node(session.n), member(app, user, id))
  redis.call('ZREM', key_ending(), member(app, user, id))
end

-- Why a session has ended whose grace is over.
local function why_ended(session)
  return session.y == 1 and 'node_died' or session.q or session.h and 'expired' or 'lost'
end

-- The session is over, but others are not to see it for `grace_ms` more.
local function let_end(app, user, id, session, grace_ms, seen_at, reason)
  session.x = seen_at
  if reason ~= 'lost' then session.q = reason end
  session.e = math.max(now + grace_ms, held_until)
  if session.e <= now then
    drop(app, user, id, session, why_ended(session))
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
  be_present(app, user, id, session)
  -- a node that registers after a data loss and dies before its next tick would else be on nobody's list
  redis.call('ZADD', key_nodes(), 'NX', now + lease_ms, session.n)
end
