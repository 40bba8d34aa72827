-- SQL has these clocks now. What moved meanwhile stays on the list; who is offline need not stay warm.
-- ARGV[6..] app, user, score that was read, again and again
for i = 6, #ARGV, 3 do
  local app, user, score = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local entry = member(app, user)
  if tonumber(redis.call('ZSCORE', key_unflushed(), entry)) == tonumber(score) then
    redis.call('ZREM', key_unflushed(), entry)
    if redis.call('EXISTS', key_sessions(app, user)) == 0 then redis.call('HDEL', key_state(app), user) end
  end
end
return 1
