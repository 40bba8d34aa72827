-- Takes back every claim of a user, whoever made it, and ends their heartbeat.
-- ARGV[6] app  [7] user
-- Returns the state JSON, or nothing where the user has been deleted or deactivated meanwhile.
local app, user = ARGV[6], ARGV[7]
local HEARTBEAT = 'heartbeat'
if is_gone(app, user) then return false end
local record = read_claims(app, user)
-- what was counted in the window stays counted
write_claims(app, user, {k = math.max(now, record.k + 1), w = record.w, m = record.m})
local heartbeat = read_json(key_sessions(app, user), HEARTBEAT)
if heartbeat then let_end(app, user, HEARTBEAT, heartbeat, 0, now, 'cleared') end
return settle(app, user, heartbeat and {n = now} or {})
