-- A node's live sockets that Redis does not hold (it lost its data, or swept the node meanwhile).
-- ARGV[6] node  [7..] app, user, session id, session (JSON), last login in ms, claims as SQL has them,
-- when they changed there, again and again
-- Returns {epoch, ids of sessions whose user is gone}. It is no login.
redis.call('ZADD', key_nodes(), now + lease_ms, ARGV[6])
local refused = {}
for i = 7, #ARGV, 7 do
  local app, user, id, session = ARGV[i], ARGV[i + 1], ARGV[i + 2], cjson.decode(ARGV[i + 3])
  if is_gone(app, user) then
    refused[#refused + 1] = id
  else
    -- whoever heard that it had ended hears that it has not
    if redis.call('HEXISTS', key_sessions(app, user), id) == 0 then
      tell_session(app, user, id, session, 'opened', 'restored')
    end
    put(app, user, id, session)
    adopt_claims(app, user, ARGV[i + 5], ARGV[i + 6])
    -- SQL may not have had it yet when the data were lost
    settle(app, user, {l = tonumber(ARGV[i + 4])}, true)
  end
end
return {epoch, refused}
