-- Ends every session of a user at once; their sockets are closed with the code by the nodes that hold them.
-- ARGV[6] app  [7] user  [8] code
-- [9] keep | rename | bar (they may not connect again) | forget (bar, and the user is deleted)
-- [10] the user's name: who reads of the end of the sessions may look for them in vain
-- Returns how many sessions there were.
local app, user, code, fate = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
if fate == 'bar' or fate == 'forget' then redis.call('ZADD', key_gone(), now, member(app, user)) end
local all = redis.call('HGETALL', key_sessions(app, user))
for i = 1, #all, 2 do
  drop(app, user, all[i], cjson.decode(all[i + 1]), code, ARGV[10])
end
if #all > 0 then settle(app, user, {n = now}) end
-- whoever knows them by the old name would hear of the new one alone, and must begin anew
if fate == 'rename' then redis.call('HSET', key_floors(), app, version_of(app)) end
-- also where no session is known: a socket whose session was lost must close, too
order_close(app, user, '*', code)
if fate == 'forget' then
  redis.call('HDEL', key_state(app), user)
  forget_claims(app, user)
  redis.call('ZREM', key_unflushed(), member(app, user))
  tell_forgotten(app, user)
end
return #all / 2
