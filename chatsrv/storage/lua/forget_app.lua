-- What is left of an app whose users have been purged.
-- ARGV[6] app
local app = ARGV[6]
redis.call('DEL', key_state(app), key_changes(app), key_claims(app))
redis.call('HDEL', key_versions(), app)
redis.call('HDEL', key_floors(), app)
tell_forgotten(app, '*')
return 1
