-- A user who was deactivated may connect again.
-- ARGV[6] app  [7] user
return redis.call('ZREM', key_gone(), member(ARGV[6], ARGV[7]))
