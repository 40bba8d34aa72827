-- A connection that proved who it is becomes a session.
-- ARGV[6] app  [7] user  [8] session id  [9] session without o and a (JSON)  [10] sessions allowed per user
-- [11] claims as SQL has them  [12] when they changed there  [13] a claim to begin with (JSON), or ""
-- Whoever comes back inside the grace is as idle as they were, and in the same channels; in the background, too, where
-- the client does not say (b is absent).
-- Returns {epoch, version, resumed, state JSON, session JSON}, or {epoch} where the user has been deleted or deactivated
-- meanwhile.
local app, user, id, new = ARGV[6], ARGV[7], ARGV[8], cjson.decode(ARGV[9])
local REPLACED, EVICTED = 4001, 4002
if is_gone(app, user) then return {epoch} end

local function same_client(session)
  if session.k == new.k then return true end
  return session.e and session.w ~= 1 and new.w ~= 1
end

local resumed, live = false, {}
local all = redis.call('HGETALL', key_sessions(app, user))
for i = 1, #all, 2 do
  local other, session = all[i], cjson.decode(all[i + 1])
  if same_client(session) and not (resumed and new.w ~= 1) then
    resumed = true
    new.r, new.i, new.a = session.r, session.i, session.a
    if not new.b then new.b = session.b end
    drop(app, user, other, session, session.e and 'resumed' or 'replaced')
    if not session.e then order_close(app, user, other, REPLACED) end
  elseif not session.e and not session.h then
    live[#live + 1] = {id = other, session = session}
  end
end

table.sort(live, function(a, b) return a.session.o < b.session.o end)
for i = 1, #live - tonumber(ARGV[10]) + 1 do
  drop(app, user, live[i].id, live[i].session, 'evicted')
  order_close(app, user, live[i].id, EVICTED)
end

new.o, new.a, new.b = now, new.a or now, new.b or 0
put(app, user, id, new)
tell_session(app, user, id, new, 'opened')
adopt_claims(app, user, ARGV[11], ARGV[12])
if ARGV[13] ~= '' and not resumed then
  local record = read_claims(app, user)
  add_claim(record, cjson.decode(ARGV[13]))
  write_claims(app, user, record)
end
local state = settle(app, user, resumed and {} or {l = now, a = now})
return {epoch, version_of(app), resumed and 1 or 0, state, cjson.encode(new)}
