-- SQL has these clocks now. What moved meanwhile stays on the list; who is offline need not stay warm.
-- ARGV[6..] app, user, score that was read, again and again
local forgotten = {}
for i = 6, #ARGV, 3 do
  local app, user, score = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local entry = member(app, user)
  if tonumber(redis.call('ZSCORE', key_unflushed(), entry)) == tonumber(score) then
    redis.call('ZREM', key_unflushed(), entry)
    if redis.call('EXISTS', key_sessions(app, user)) == 0 and redis.call('HDEL', key_state(app), user) == 1 then
      forgotten[app] = forgotten[app] or {}
      table.insert(forgotten[app], user)
    end
  end
end
for app, users in pairs(forgotten) do tell_forgotten(app, table.concat(users, ' ')) end
return 1
