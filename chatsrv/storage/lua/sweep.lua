-- Ends graces that are over, and begins those of the sessions that a dead node left behind.
-- ARGV[6] the node that sweeps  [7] how many of each at the most
-- Returns {graces ended, sessions orphaned}; {-1, -1} where the sweeper's own lease is over: it registers first.
local sweeper, batch = ARGV[6], tonumber(ARGV[7])
local lease = redis.call('ZSCORE', key_nodes(), sweeper)
if not lease or tonumber(lease) <= now then return {-1, -1} end

local function each(found, visit)
  for _, entry in ipairs(found) do
    local app, user, id = string.match(entry, '^(%S+) (%S+) (%S+)$')
    local raw = redis.call('HGET', key_sessions(app, user), id)
    visit(entry, app, user, id, raw and cjson.decode(raw))
  end
  return #found
end

local ended = redis.call('ZRANGEBYSCORE', key_ending(), '-inf', now, 'LIMIT', 0, batch)
each(ended, function(entry, app, user, id, session)
  redis.call('ZREM', key_ending(), entry)
  if session then
    drop(app, user, id, session)
    settle(app, user, {n = session.x})
  end
end)

local orphaned = 0
for _, node in ipairs(redis.call('ZRANGEBYSCORE', key_nodes(), '-inf', now, 'LIMIT', 0, 1)) do
  local heard_at = tonumber(redis.call('ZSCORE', key_nodes(), node)) - lease_ms
  orphaned = each(redis.call('ZRANGE', key_node(node), 0, batch - 1), function(entry, app, user, id, session)
    redis.call('ZREM', key_node(node), entry)
    if session then
      session.y = 1
      let_end(app, user, id, session, session.g, heard_at)
      settle(app, user, {n = heard_at})
    end
  end)
  if redis.call('ZCARD', key_node(node)) == 0 then redis.call('ZREM', key_nodes(), node) end
end

local HOUR = 3600000
redis.call('ZREMRANGEBYSCORE', key_gone(), '-inf', now - HOUR)
return {#ended, orphaned}
