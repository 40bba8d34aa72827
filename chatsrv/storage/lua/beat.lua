-- A node renews its lease.
-- ARGV[6] node  [7] what it says of itself
-- Returns {epoch, 1 if the lease was still good, position of the log's newest entry}. After a 0 the node registers its sockets before it sweeps anybody:
-- others may have swept it.
local lease = redis.call('ZSCORE', key_nodes(), ARGV[6])
redis.call('ZADD', key_nodes(), now + lease_ms, ARGV[6])
redis.call('HSET', key_reports(), ARGV[6], ARGV[7])
return {epoch, (lease and tonumber(lease) > now) and 1 or 0, last_position()}
