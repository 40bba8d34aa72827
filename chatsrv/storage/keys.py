"""Every Redis key, named once for Python and for Lua.

All keys of one app share a hash tag, its shard, so that a script may touch them in a Redis Cluster, and a
node follows SHARDS change logs however many apps there are. A key is `<prefix>:{<shard>}:<template>`.
"""

from __future__ import annotations

from zlib import crc32

SHARDS = 16
"""Fixed for good: another number would put apps onto other shards than those that hold their data."""

TEMPLATES = {
    "epoch": "epoch",  # string "<random id> <made at>": another id means that Redis lost its data
    "feed": "feed",  # stream: the change log, which every node follows
    "nodes": "nodes",  # zset node -> end of its lease
    "reports": "reports",  # hash node -> what it says of itself with each beat; see services/nodes.py
    "node": "node:%s",  # zset of one node's sessions "<app> <user> <session>" -> opened at
    "ending": "ending",  # zset "<app> <user> <session>" -> end of its grace, or of a heartbeat
    "due": "due",  # zset "<app> <user>" -> when one of the user's claims ends, or begins to count
    "unflushed": "unflushed",  # zset "<app> <user>" -> when a clock moved that SQL does not have yet
    "versions": "versions",  # hash app -> version of its newest change
    "changes": "changes:%s",  # zset user -> version of their newest change, one per app: what `since` is answered from
    "floors": "floors",  # hash app -> version below which its changes are no longer complete
    "gone": "gone",  # zset "<app> <user>" -> deleted or deactivated at: they may not connect (again)
    "sessions": "sessions:%s:%s",  # hash session -> record, one per user with any; see fold.lua
    "state": "state:%s",  # hash user -> record, one per app; see fold.lua
    "present": "present:%s:%s",  # set "<user> <session>", one per channel that anybody is in
    "telling": "telling",  # set of the apps whose sessions are told in the log; see telling.lua
    "nothing": "nothing",  # never set: whether it could be is how one asks if writes are taken
    "claims": "claims:%s",  # hash user -> record, one per app, of those who claim something; see claims.lua
}


def shard_of(app_id: str) -> int:
    return crc32(app_id.encode()) % SHARDS


def shard_key(prefix: str, shard: int) -> str:
    """What every key of the shard begins with; scripts get it as their one declared key."""
    return f"{prefix}:{{{shard}}}"


def key(shard_prefix: str, name: str, *parts: str | int) -> str:
    template = TEMPLATES[name]
    return f"{shard_prefix}:{template % parts if parts else template}"


def lua_names() -> str:
    """The same names as Lua functions: `key_state(app)` and so on; `KEYS[1]` is the shard's prefix."""
    lines = []
    for name, template in TEMPLATES.items():
        if "%" in template:
            body = f"return KEYS[1] .. ':' .. string.format('{template}', ...)"
        else:
            body = f"return KEYS[1] .. ':{template}'"
        lines.append(f"local function key_{name}(...) {body} end")
    return "\n".join(lines)
