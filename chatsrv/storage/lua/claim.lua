-- Sets a claim, renews a heartbeat, or both.
-- ARGV[6] app  [7] user  [8] claim (JSON), or ""  [9] heartbeat session (JSON), or ""  [10] its life in ms
-- [11] sets allowed in a window, 0 for any  [12] length of the window, ms
-- [13] claims as SQL has them  [14] when they changed there
-- [15] the session in which the user says so, which is an action, or ""
-- Returns {epoch, version, applied at, 1 if it waits for the window's end, state JSON}, or {epoch} where the user has
-- been deleted or deactivated meanwhile.
local app, user, claim, beat = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local most, window_ms = tonumber(ARGV[11]), tonumber(ARGV[12])
local HEARTBEAT = 'heartbeat'
if is_gone(app, user) then return {epoch} end
adopt_claims(app, user, ARGV[13], ARGV[14])

local applied_at, waits = now, 0
if claim ~= '' then
  local record = read_claims(app, user)
  if most > 0 then
    if not record.w or record.w <= now then record.w, record.m = now + window_ms, 0 end
    record.m = record.m + 1
  end
  if most > 0 and record.m > most then
    record.p, applied_at, waits = cjson.decode(claim), record.w, 1
  else
    add_claim(record, cjson.decode(claim))
  end
  write_claims(app, user, record)
end

local clocks = {}
local session = ARGV[15] ~= '' and read_json(key_sessions(app, user), ARGV[15])
if session and not session.e then
  session.i, session.a, clocks = 0, now, {a = now}
  redis.call('HSET', key_sessions(app, user), ARGV[15], cjson.encode(session))
end
if beat ~= '' then
  local session, before = cjson.decode(beat), read_json(key_sessions(app, user), HEARTBEAT)
  session.h = now + tonumber(ARGV[10])
  session.o, session.a, session.x = before and before.o or now, now, now
  redis.call('HSET', key_sessions(app, user), HEARTBEAT, cjson.encode(session))
  if not before then tell_session(app, user, HEARTBEAT, session, 'opened') end
  redis.call('ZADD', key_ending(), session.h, member(app, user, HEARTBEAT))
  clocks.a, clocks.l = now, not before and now or nil
end
return {epoch, version_of(app), applied_at, waits, settle(app, user, clocks)}
