-- Ends graces, heartbeats and claims that are over, begins the graces of the sessions that a dead node left behind,
-- and forgets changes that are too old to be asked for.
-- ARGV[6] the node that sweeps  [7] how many of each at the most  [8] age of a change that is forgotten, ms
-- Returns {graces ended, sessions orphaned, claims that came due}; {-1, -1, -1} where the sweeper's own lease is over:
-- it registers first.
local sweeper, batch = ARGV[6], tonumber(ARGV[7])
local lease = redis.call('ZSCORE', key_nodes(), sweeper)
if not lease or tonumber(lease) <= now then return {-1, -1, -1} end

local function each(found, visit)
  for _, entry in ipairs(found) do
    local app, user, id = string.match(entry, '^(%S+) (%S+) (%S+)$')
    visit(entry, app, user, id, read_json(key_sessions(app, user), id))
  end
  return #found
end

local ended = redis.call('ZRANGEBYSCORE', key_ending(), '-inf', now, 'LIMIT', 0, batch)
each(ended, function(entry, app, user, id, session)
  redis.call('ZREM', key_ending(), entry)
  if session then
    drop(app, user, id, session, why_ended(session))
    settle(app, user, {n = session.x})
  end
end)

local orphaned = 0
for _, node in ipairs(redis.call('ZRANGEBYSCORE', key_nodes(), '-inf', now, 'LIMIT', 0, 1)) do
  local lease_end = tonumber(redis.call('ZSCORE', key_nodes(), node))
  local heard_at = lease_end - lease_ms
  orphaned = each(redis.call('ZRANGE', key_node(node), 0, batch - 1), function(entry, app, user, id, session)
    redis.call('ZREM', key_node(node), entry)
    if session then
      session.y = 1
      -- from the end of the lease on, but where Redis itself was away the node may be about to come back
      let_end(app, user, id, session, math.max(lease_end + session.g - now, math.floor(session.g * 3 / 4)), heard_at, 'node_died')
      settle(app, user, {n = heard_at})
    end
  end)
  if redis.call('ZCARD', key_node(node)) == 0 then redis.call('ZREM', key_nodes(), node) end
  if not redis.call('ZSCORE', key_nodes(), node) then redis.call('HDEL', key_reports(), node) end
end

local due = redis.call('ZRANGEBYSCORE', key_due(), '-inf', now, 'LIMIT', 0, batch)
for _, entry in ipairs(due) do
  local app, user = string.match(entry, '^(%S+) (%S+)$')
  local record = read_claims(app, user)
  record.q = filter(record.q, is_live)
  if record.p and record.w <= now then
    local waiting = record.p
    record.p, record.w = nil, nil
    if is_live(waiting) then add_claim(record, waiting) end
  end
  write_claims(app, user, record)
  if not record.q and not record.p and record.k + HOUR_MS <= now then
    -- SQL may have been away all the time, and has yet to hear that nothing is claimed any more
    if redis.call('ZSCORE', key_unflushed(), entry) then
      redis.call('ZADD', key_due(), now + HOUR_MS, entry)
    else
      forget_claims(app, user)
    end
  end
  settle(app, user, {})
end

-- By the clock of Redis itself, in which the entries of the log are dated.
local too_old = now - tonumber(ARGV[1]) - tonumber(ARGV[8])
local aged = redis.call('XRANGE', key_feed(), '-', string.format('%.0f', too_old), 'COUNT', batch)
for _, entry in ipairs(aged) do
  local id, fields = entry[1], entry[2]
  redis.call('XDEL', key_feed(), id)
  if fields[2] == 'change' then
    local app, version = fields[4], fields[8]
    redis.call('ZREMRANGEBYSCORE', key_changes(app), '-inf', version)
    redis.call('HSET', key_floors(), app, version)
  end
end

redis.call('ZREMRANGEBYSCORE', key_gone(), '-inf', now - HOUR_MS)
return {#ended, orphaned, #due}
