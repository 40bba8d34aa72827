"""A world of nodes, users and stores: what it holds, what its nodes do by themselves, and what must be true of it."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from uuid import uuid4

from redis.asyncio import Redis

from chatsrv.domain.changes import FIRST_POSITION, Changed, CloseOrdered, Position
from chatsrv.domain.presence import NOBODY_THERE, PresenceStatus, display, fold_sessions, to_others
from chatsrv.domain.users import KeptClaims
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.keys import key, shard_key, shard_of
from chatsrv.storage.lane import Lane
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.scripts import Scripts
from tests.storage.checked_claims import CLAIMS_MAX, KnownClaims
from tests.storage.checked_log import NOBODY, Onlooker, Violated, words
from tests.storage.checked_nodes import APP, Node, Socket
from tests.storage.still_time import StillClock, stilled

SHARD = shard_of(APP)
USERS = range(1, 6)
LEASE_S, BEAT_S, GRACE_S = 10, 3, 5
OFFLINE = PresenceStatus.OFFLINE
NOTHING_KEPT = KeptClaims()


class CheckedWorld:
    """`known`: each user's claims as Redis should have them; `sql`: as they were flushed; `beats`: heartbeats' ends."""

    def __init__(self, redis: Redis, lane: Lane, texts: Mapping[str, str], seed: int) -> None:
        self.random = Random(seed)
        self.redis = redis
        self.clock = StillClock()
        self.prefix = f"t{uuid4().hex}"
        self.store = PresenceStore(
            lane,
            Scripts(lane, stilled(texts)),
            self.prefix,
            self.clock,
            lease_ms=LEASE_S * 1000,
            feed_max=10_000,
            changes_max=3,
            changes_ms=3_600_000,
            claims_max=CLAIMS_MAX,
            hold_ms=LEASE_S * 1000,
            sweep_batch=2,
        )
        self.store.on_written = self.note_written
        self.written: Position = FIRST_POSITION
        self.log = ChangeLog(lane, self.prefix)
        self.log.rewind(SHARD)
        self.onlooker = Onlooker()
        self.nodes = [Node("n0"), Node("n1"), Node("n2")]
        self.deleted: set[int] = set()
        self.known = {user: KnownClaims() for user in USERS}
        self.sql: dict[int, KeptClaims] = {}
        self.beats: dict[int, int] = {}

    def note_written(self, shard: int, position: Position, *_whom: object) -> None:
        if shard != SHARD or position <= self.written:
            raise Violated(f"who wrote was told {position} of shard {shard} after {self.written}")
        self.written = position

    def awake(self) -> list[Node]:
        return [node for node in self.nodes if not node.asleep]

    def sockets_of(self, user: int) -> list[Socket]:
        return [socket for node in self.nodes for socket in node.sockets.values() if socket.user == user]

    def kept(self, user: int) -> KeptClaims:
        return self.sql.get(user, NOTHING_KEPT)

    async def clear_keys(self) -> None:
        """Also when it is over: the next schedule looks through what this one leaves."""
        async for name in self.redis.scan_iter(match=f"{self.prefix}:*"):
            await self.redis.delete(name)

    # What a node does

    async def beat(self, node: Node) -> None:
        beat = await self.store.beat(SHARD, node.id)
        if beat.position != self.written:
            raise Violated(f"the beat was told {beat.position}, the log ends at {self.written}")
        if node.epoch and (beat.epoch != node.epoch or not beat.was_good):
            await self.register(node, list(node.sockets.values()))
        node.epoch = beat.epoch
        node.beaten_at = self.clock.now()

    async def register(self, node: Node, sockets: list[Socket]) -> None:
        """SQL knows who was deleted, also when Redis has lost it."""
        for socket in [socket for socket in sockets if socket.user in self.deleted]:
            node.sockets.pop(socket.session, None)
        alive = [socket for socket in sockets if socket.user not in self.deleted]
        if alive:
            await self.store.register(SHARD, node.id, [socket.registration(self.kept(socket.user)) for socket in alive])
        for socket in alive:
            self.known[socket.user].adopt(self.kept(socket.user), self.clock.now())

    async def sweep(self, node: Node) -> None:
        for _ in range(30):
            swept = await self.store.sweep(SHARD, node.id)
            if not swept.may_sweep:
                await self.beat(node)
            elif not swept.ended and not swept.orphaned and not swept.due:
                break
        else:
            raise Violated(f"{node.id} sweeps and sweeps")
        for known in self.known.values():
            known.sweep(self.clock.now())

    async def reconcile(self, node: Node) -> None:
        await self.beat(node)
        stored = await self.store.stored_sessions(SHARD, node.id)
        for _, user, name in stored:
            if name not in node.sockets:
                await self.store.close(APP, user, name, 0)
        names = {name for _, _, name in stored}
        await self.register(node, [socket for name, socket in node.sockets.items() if name not in names])

    async def flush(self) -> None:
        """SQL gets what it does not have yet."""
        items = await self.store.unflushed(SHARD)
        for item in items:
            wrong = self.known[item.user_id].check_kept(item.claims, self.clock.now())
            if wrong:
                raise Violated(wrong)
            if item.claims.changed_at > self.kept(item.user_id).changed_at:
                self.sql[item.user_id] = item.claims
        await self.store.mark_flushed(SHARD, items)

    # What must be true

    async def check_log(self) -> None:
        """After every step: what was told, and what is stored."""
        for entry in await self.log.read(None):
            if isinstance(entry, CloseOrdered):
                self.obey(entry.user_id, entry.session_id)
            if isinstance(entry, Changed) and self.goes_offline(entry):
                self.check_nobody_holds(entry.user_id)
            self.onlooker.read(entry)
        self.onlooker.look(await self.store.snapshot_all(APP))
        if self.log.position(SHARD) != self.written:
            raise Violated(f"who wrote was told {self.written}, the log ends at {self.log.position(SHARD)}")

    def goes_offline(self, entry: Changed) -> bool:
        """Who was not here before, or is deleted, does not."""
        is_here = self.onlooker.is_here(entry.user_id) and entry.user_id not in self.deleted
        return is_here and entry.warm.truth.status is OFFLINE

    def obey(self, user: int, session: str | None) -> None:
        if session == "heartbeat":
            raise Violated(f"the heartbeat of user {user} is to close")
        for node in self.nodes:
            for name, socket in list(node.sockets.items()):
                if socket.user == user and session in (None, name):
                    del node.sockets[name]

    def check_nobody_holds(self, user: int) -> None:
        """A socket on a node that beats is a live session: its user is not offline, not even for a moment."""
        for node in self.awake():
            recent = self.clock.now() - node.beaten_at < LEASE_S * 1000
            if recent and any(socket.user == user for socket in node.sockets.values()):
                raise Violated(f"user {user} went offline with an open socket on {node.id}")
        if self.beats.get(user, 0) > self.clock.now():
            raise Violated(f"user {user} went offline with a live heartbeat")

    async def check_fold(self, user: int) -> None:
        """At any time: the state is what the rules say of the stored sessions, unless an end waits for a sweep."""
        now, claims = self.clock.now(), self.known[user].claims
        sessions = await self.store.sessions(APP, user)
        if not sessions or not all(claim.is_live(now) for claim in claims):
            return
        expected = display(fold_sessions(session.is_active for session in sessions), claims, now)
        warm = (await self.store.snapshot(APP, [user])).warm.get(user)
        found = warm.truth.display if warm else NOBODY_THERE
        if found != expected:
            raise Violated(f"user {user} is {found} and not {expected}")

    async def check_states(self) -> None:
        """Once everything has calmed down: exactly what the rules say of the sockets and claims that there are."""
        now, warm = self.clock.now(), (await self.store.snapshot_all(APP)).warm
        for user in USERS:
            claims = () if user in self.deleted else self.known[user].claims
            sessions = [socket.is_active for socket in self.sockets_of(user)]
            expected = display(fold_sessions(sessions), claims, now)
            found = warm.get(user)
            truth = words(found.truth.display) if found else NOBODY
            seen = words(found.to_others.display) if found else NOBODY
            if (truth, seen) != (words(expected), words(to_others(expected))):
                raise Violated(f"user {user} is {truth}, {seen} to others, not {expected}")
            if found and found.truth.display != expected:
                raise Violated(f"the claim of user {user} ends at {found.truth.display.expires_at}, not {expected}")
            if self.onlooker.shown.get(user, NOBODY) != seen:
                raise Violated(f"replaying the log does not give the state of user {user}")

    async def check_keys(self) -> None:
        """Nothing is left over of what is over; all is flushed, and every end has come."""
        names = {name.decode() async for name in self.redis.scan_iter(match=f"{self.prefix}:*")}
        shard = shard_key(self.prefix, SHARD)
        kept = {name.removeprefix(f"{shard}:") for name in names}
        held = {user for user in USERS if self.sockets_of(user)}
        claiming = {user for user in USERS if user not in self.deleted and self.known[user].claims}
        sessions = {f"sessions:{APP}:{user}" for user in held}
        nodes = {f"node:{node.id}" for node in self.nodes if node.sockets}
        states = {f"state:{APP}"} if held else set()
        claims = {f"claims:{APP}"} if claiming else set()
        expected = sessions | nodes | states | claims | {"epoch", "nodes", "reports"}
        allowed = expected | {"feed", "versions", "floors", f"changes:{APP}"}
        if kept - allowed or expected - kept:
            raise Violated(f"left over: {kept - allowed}, missing: {expected - kept}")
        forgotten = set(await self.redis.hkeys(f"{shard}:reports")) - set(
            await self.redis.zrange(f"{shard}:nodes", 0, -1)
        )
        if forgotten:
            raise Violated(f"what nodes said is left that are gone: {forgotten}")
        for name, users in (("state", held), ("claims", claiming)):
            found = {int(user) for user in await self.redis.hkeys(key(shard, name, APP))}
            if found != users:
                raise Violated(f"{name} of {found}, not of {users}")
