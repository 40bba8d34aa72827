-- A client says whether its user is active, and whether it is in the background.
-- ARGV[6] app  [7] user  [8] session id  [9] 1 if idle  [10] 1 if in the background
-- [11] last action told apart only when it is so much newer, ms
-- Returns 1, or 0 where the session is not live.
local app, user, id, idle, background = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local session = read_json(key_sessions(app, user), id)
if not session or session.e then return 0 end

local moved = session.i ~= idle or session.b ~= background
local acted = idle == 0 and now - session.a >= tonumber(ARGV[11])
if moved or acted then
  session.i, session.b = idle, background
  if idle == 0 then session.a = now end
  redis.call('HSET', key_sessions(app, user), id, cjson.encode(session))
  settle(app, user, idle == 0 and {a = now} or {})
end
return 1
