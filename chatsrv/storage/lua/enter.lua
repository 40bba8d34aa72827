-- A session is in a channel.
-- ARGV[6] app  [7] user  [8] session id  [9] channel  [10] how many it may be in
-- Returns 1; 0 where it is in too many, and -1 where the session is not live.
local app, user, id, channel = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local session = read_json(key_sessions(app, user), id)
if not session or session.e then return -1 end
local others = filter(session.r, function(other) return other ~= channel end)
if #others >= tonumber(ARGV[10]) then return 0 end
others[#others + 1] = channel
session.r = others
redis.call('HSET', key_sessions(app, user), id, cjson.encode(session))
be_present(app, user, id, session)
return 1
