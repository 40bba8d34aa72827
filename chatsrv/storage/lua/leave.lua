-- Sessions are in a channel no more.
-- ARGV[6] app  [7] channel  [8] user, or * for everybody  [9] session id, or * for all of them
-- Returns the ids of those that were.
local app, channel = ARGV[6], ARGV[7]
local is_one = ARGV[9] ~= '*'
local entries = is_one and {member(ARGV[8], ARGV[9])} or redis.call('SMEMBERS', key_present(app, channel))
local left = {}
for _, entry in ipairs(entries) do
  local user, id = string.match(entry, '^(%S+) (%S+)$')
  if (ARGV[8] == '*' or ARGV[8] == user) and redis.call('SREM', key_present(app, channel), entry) == 1 then
    left[#left + 1] = id
    local session = read_json(key_sessions(app, user), id)
    if session then
      session.r = filter(session.r, function(other) return other ~= channel end)
      if #session.r == 0 then session.r = nil end
      redis.call('HSET', key_sessions(app, user), id, cjson.encode(session))
    end
  end
end
return left
