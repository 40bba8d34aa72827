-- A user's claims (hash claims:<app>, field = user id) are JSON:
--   k when they were last changed: of Redis and SQL, whoever has the newer is right
--   q the claims in the order they were set, absent when there are none
--   w end of the window in which sets are counted, m sets in it, p the claim that waits for its end
-- A claim: i id, f source, s status (absent: as connected), t text, m emoji, u until (absent: no end), z set at.
-- The rules are those of add_claim and winner in domain/presence.py.
local RANK = {call = 3, manual = 2, calendar = 1, external = 1}

local function read_claims(app, user)
  return read_json(key_claims(app), user) or {k = 0}
end

local function is_live(claim)
  return not claim.u or claim.u > now
end

local function filter(list, keeps)
  local kept = {}
  for _, item in ipairs(list or {}) do
    if keeps(item) then kept[#kept + 1] = item end
  end
  return kept
end

local function beats(claim, other)
  if not other then return true end
  if RANK[claim.f] ~= RANK[other.f] then return RANK[claim.f] > RANK[other.f] end
  return claim.z >= other.z
end

local function winner(list)
  local best, said
  for _, claim in ipairs(filter(list, is_live)) do
    if beats(claim, best) then best = claim end
    if claim.f == 'manual' and beats(claim, said) then said = claim end
  end
  return said and said.s == INVISIBLE and said or best
end

local function clears(claim)
  return claim.s == ONLINE and not claim.t and not claim.m
end

-- Words alone go with what the same source claimed last, for as long as that is claimed.
local function inherit(new, list)
  local last
  for _, claim in ipairs(filter(list, is_live)) do
    if claim.f == new.f and (not last or claim.z >= last.z) then last = claim end
  end
  if new.s or not last or not last.s then return end
  new.s = last.s
  if last.u then new.u = math.min(new.u or last.u, last.u) end
end

-- Never the one that counts: somebody who hides would be seen.
local function remove_least(list)
  local counts, least = winner(list), nil
  for index, claim in ipairs(list) do
    if claim ~= counts and (not least or not beats(claim, list[least])) then least = index end
  end
  table.remove(list, least)
end

-- Whatever can still come to show: what ends before the new one, of the same source, never will.
local function add_claim(record, new)
  new.z = now
  inherit(new, record.q)
  local kept = filter(record.q, function(claim)
    if not is_live(claim) then return false end
    if claim.f ~= new.f then return true end
    return not clears(new) and new.u and (not claim.u or claim.u > new.u)
  end)
  if not clears(new) then kept[#kept + 1] = new end
  while #kept > tonumber(claims_max) do remove_least(kept) end
  record.q, record.k = kept, math.max(now, record.k + 1)
  if new.f == 'manual' then record.p = nil end
end

-- When something becomes due: an end, the end of a window, or that a record without claims can be forgotten.
-- That is late, because whoever connects brings what SQL had a moment ago.
local function next_due(record)
  local due = record.p and record.w
  for _, claim in ipairs(record.q or {}) do
    if claim.u then due = math.min(due or claim.u, claim.u) end
  end
  if not due and not record.q then due = record.k + HOUR_MS end
  return due
end

local function forget_claims(app, user)
  redis.call('HDEL', key_claims(app), user)
  redis.call('ZREM', key_due(), member(app, user))
end

local function write_claims(app, user, record)
  if record.q and #record.q == 0 then record.q = nil end
  redis.call('HSET', key_claims(app), user, cjson.encode(record))
  local due = next_due(record)
  if due then
    redis.call('ZADD', key_due(), due, member(app, user))
  else
    redis.call('ZREM', key_due(), member(app, user))
  end
end

-- What SQL has of the claims ("" for none) counts where it is newer: Redis may have lost its data.
local function adopt_claims(app, user, list, changed_at)
  local record = read_claims(app, user)
  if tonumber(changed_at) <= record.k then return end
  local live = filter(list ~= '' and cjson.decode(list) or {}, is_live)
  -- that nothing is claimed is news only to who has a record
  if #live > 0 or record.k > 0 then write_claims(app, user, {k = tonumber(changed_at), q = live}) end
end
