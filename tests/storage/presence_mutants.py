"""Scripts with one thing wrong in each, which the checker must catch: script, what is right, and what is not."""

from __future__ import annotations

from collections.abc import Mapping

from chatsrv.storage.scripts import SHARED

MUTANTS = {
    "registering takes no lease": ("fold", "redis.call('ZADD', key_nodes(), 'NX', now + lease_ms, session.n)", ""),
    "no hold after a data loss": ("fold", "math.max(now + grace_ms, held_until)", "now + grace_ms"),
    "a sleeper sweeps before it registers": ("sweep", "then return {-1, -1, -1} end", "then end"),
    "the version does not grow": ("fold", "'HINCRBY', key_versions(), app, 1", "'HINCRBY', key_versions(), app, 0"),
    "a change that nobody sees is told": ("fold", "if is_change then\n    remember", "if true then\n    remember"),
    "a change is not told": ("close", "settle(app, user, {n = now, a = tonumber(ARGV[10])})", ""),
    "coming back leaves the old grace running": (
        "fold",
        "redis.call('HDEL', key_sessions(app, user), id)\n  redis.call('ZREM', key_node",
        "redis.call('ZREM', key_node",
    ),
    "a grace that ends forgets the session": ("sweep", "drop(app, user, id, session, why_ended(session))", ""),
    "a dead node's sessions are dropped from the list alone": (
        "sweep",
        "let_end(app, user, id, session, math.max(lease_end + session.g - now,"
        " math.floor(session.g * 3 / 4)), heard_at, 'node_died')",
        "",
    ),
    "a dead node's users go at once": (
        "sweep",
        "if redis.call('ZCARD', key_node(node)) == 0 then redis.call('ZREM', key_nodes(), node) end",
        "redis.call('ZREM', key_nodes(), node)\n  redis.call('DEL', key_node(node))",
    ),
    "what a dead node said is left": ("sweep", "then redis.call('HDEL', key_reports(), node) end", "then end"),
    "a purge leaves the sessions": ("purge", "drop(app, user, all[i], cjson.decode(all[i + 1]), code, ARGV[10])", ""),
    "rank is ignored": (
        "claims",
        "if RANK[claim.f] ~= RANK[other.f] then return RANK[claim.f] > RANK[other.f] end",
        "",
    ),
    "the older of two claims wins": ("claims", "return claim.z >= other.z", "return claim.z < other.z"),
    "invisible loses to a call": ("claims", "return said and said.s == INVISIBLE and said or best", "return best"),
    "a calendar can hide a user": ("claims", "if claim.f == 'manual' and beats", "if claim.s == INVISIBLE and beats"),
    "the end of a claim becomes due never": ("claims", "if claim.u then due", "if false then due"),
    "what lies below a claim is dropped": (
        "claims",
        "return not clears(new) and new.u and (not claim.u or claim.u > new.u)",
        "return false",
    ),
    "plain online is a claim as any other": ("claims", "return claim.s == ONLINE and", "return false and"),
    "the newest claim gives way to the limit": (
        "claims",
        "remove_least(kept) end",
        "table.remove(kept) end",
    ),
    "a change of claims is not dated": ("claims", "kept, math.max(now, record.k + 1)", "kept, record.k"),
    "older claims are adopted": ("claims", "if tonumber(changed_at) <= record.k then return end", ""),
    "claims are never adopted": ("claims", "if tonumber(changed_at) <= record.k", "if true"),
    "a record that says nothing is kept for ever": ("claims", "due = record.k + HOUR_MS", "due = nil"),
    "a set that does not wait leaves the one that waits": ("claims", "record.p = nil end", "end"),
    "others' clocks advance while somebody hides": ("fold", "if not hid and not hides then", "if true then"),
    "others are told that somebody hides": (
        "fold",
        "return seen.s == INVISIBLE and {s = OFFLINE} or seen",
        "return seen",
    ),
    "other words are no change": ("fold", "and one.x == other.x and", "and"),
    "the user's own sockets are not told": ("fold", "heard and 'own' or 'unheard'", "'unheard'"),
    "that somebody comes unseen is not told those who see the truth": ("fold", "raw, 'shows', '1')", "raw)"),
    "what only the user sees takes a version": ("fold", "if is_own then state.c = now end", "is_change = is_own"),
    "a clock that moves is not told": ("fold", "not same_face(was, state) or ", ""),
    "that a claim ends at another time is not told": ("fold", "claimed_until ~= state.u or ", ""),
    "another device is not told": ("fold", "or claimed_until ~= state.u or were_on ~= state.d", ""),
    "that somebody is deleted is not told": ("purge", "tell_forgotten(app, user)", ""),
    "that a state is dropped is not told": ("flushed", "tell_forgotten(app, table.concat(users, ' '))", ""),
    "who wrote is not told where the log ends": ("base", "appended = redis.call('XADD'", "redis.call('XADD'"),
    "an idle session counts as active": ("fold", "session.i ~= 1 and session.b ~= 1", "true"),
    "nothing is folded anew when a claim ends": ("sweep", "settle(app, user, {})", ""),
    "a claim that waits is never applied": ("sweep", "if is_live(waiting) then add_claim(record, waiting) end", ""),
    "a claim that waits is applied when it is over": ("sweep", "if is_live(waiting) then", "if true then"),
    "a deleted user's claims are left": ("purge", "forget_claims(app, user)", ""),
    "a heartbeat never ends": (
        "claim",
        "redis.call('ZADD', key_ending(), session.h, member(app, user, HEARTBEAT))",
        "",
    ),
    "claims are not limited": ("claim", "record.m > most then", "false then"),
    "clearing leaves the heartbeat": ("clear", "if heartbeat then let_end", "if false then let_end"),
    "clearing after a data loss holds nothing": (
        "clear",
        "let_end(app, user, HEARTBEAT, heartbeat, 0, now, 'cleared')",
        "drop(app, user, HEARTBEAT, heartbeat)",
    ),
    "signing out after a data loss holds nothing": (
        "sign_out",
        "let_end(app, user, id, session, 0, now, ARGV[9])",
        "drop(app, user, id, session, ARGV[9])",
    ),
    "coming back inside the grace begins anew": ("open", "~= '' and not resumed then", "~= '' then"),
    "a heartbeat is evicted": ("open", "elseif not session.e and not session.h then", "elseif not session.e then"),
    "going idle is not told": ("touch", "settle(app, user, idle == 0 and {a = now} or {})", ""),
}

CAUGHT_BY = {
    "registering takes no lease": 17,
    "no hold after a data loss": 41,
    "a sleeper sweeps before it registers": 2,
    "a change is not told": 3,
    "a dead node's users go at once": 17,
    "a purge leaves the sessions": 2,
    "claims are never adopted": 5,
    "a set that does not wait leaves the one that waits": 1,
    "the user's own sockets are not told": 1,
    "a claim that waits is applied when it is over": 3,
    "a deleted user's claims are left": 2,
    "clearing after a data loss holds nothing": 41,
    "signing out after a data loss holds nothing": 95,
    "a heartbeat is evicted": 1,
}
"""The schedule to begin with, which caught it when this was written; for the others the first."""


def mutate(texts: Mapping[str, str], name: str) -> dict[str, str]:
    where, good, wrong = MUTANTS[name]
    mutated = dict(texts)
    for script in texts if where in SHARED else (where,):
        before, found, after = texts[script].rpartition(good)
        assert found, f"{script} has changed: {good!r} is not in it any more"
        mutated[script] = before + wrong + after
    return mutated
