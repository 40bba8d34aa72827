-- A session's socket is gone.
-- ARGV[6] app  [7] user  [8] session id  [9] grace in ms  [10] the user's last action in it, ms
-- [11] why: a Departure
-- Returns 1, or 0 where the session is not (or no longer) live.
local app, user, id = ARGV[6], ARGV[7], ARGV[8]
local session = read_json(key_sessions(app, user), id)
if not session or session.e then return 0 end
let_end(app, user, id, session, tonumber(ARGV[9]), now, ARGV[11])
settle(app, user, {n = now, a = tonumber(ARGV[10])})
return 1
