-- Ends one session at once; the node that holds its socket closes it with the code.
-- ARGV[6] app  [7] user  [8] session id  [9] code
-- Returns 1, or 0 where there is no such session.
local app, user, id = ARGV[6], ARGV[7], ARGV[8]
local session = read_json(key_sessions(app, user), id)
if not session then return 0 end
let_end(app, user, id, session, 0, now, ARGV[9])
settle(app, user, {n = now})
order_close(app, user, id, ARGV[9])
return 1
