-- Which apps of the shard have the opening and closing of sessions told in the log: these, and no others.
-- ARGV[6..] apps
-- Returns 1 where that was not so already.
local wanted, moved = {}, 0
for i = 6, #ARGV do wanted[ARGV[i]] = true end
for _, app in ipairs(redis.call('SMEMBERS', key_telling())) do
  if wanted[app] then
    wanted[app] = nil
  else
    redis.call('SREM', key_telling(), app)
    moved = 1
  end
end
for app in pairs(wanted) do
  redis.call('SADD', key_telling(), app)
  moved = 1
end
return moved
