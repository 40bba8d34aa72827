"""A checker of the presence scripts: random schedules of faults, and what must be true whatever happens.

Nodes crash, sleep past their lease, and wake; disconnects come twice, late or never; Redis loses its data;
users are deleted. The world here knows the truth: which sockets are really open, on which nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from uuid import uuid4

import msgspec
from redis.asyncio import Redis

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import Changed, CloseOrdered, Device, NewSession, PresenceStatus
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.keys import shard_key, shard_of
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.records import Registration
from chatsrv.storage.scripts import Scripts

APP = "checked"
SHARD = shard_of(APP)
USERS = range(1, 6)
LEASE_S, BEAT_S, GRACE_S = 10, 3, 5
OFFLINE = PresenceStatus.OFFLINE


class Violated(AssertionError):
    """Something that must never be was."""


@dataclass(slots=True)
class Socket:
    user: int
    registration: Registration


@dataclass(slots=True)
class Node:
    """`asleep`: it holds its sockets, but does nothing."""

    id: str
    sockets: dict[str, Socket] = field(default_factory=dict)
    epoch: str = ""
    asleep: bool = False
    beaten_at: int = 0


class World:
    """One schedule: the same seed, the same schedule."""

    def __init__(self, redis: Redis, texts: dict[str, str], seed: int) -> None:
        self.random = Random(seed)
        self.redis = redis
        self.clock = Clock()
        self.prefix = f"t{uuid4().hex}"
        self.store = PresenceStore(
            redis,
            Scripts(redis, texts),
            self.prefix,
            self.clock,
            lease_ms=LEASE_S * 1000,
            feed_max=10_000,
            changes_max=3,
            hold_ms=LEASE_S * 1000,
            sweep_batch=2,
        )
        self.log = ChangeLog(redis, self.prefix)
        self.log.rewind(SHARD)
        self.nodes = [Node("n0"), Node("n1"), Node("n2")]
        self.deleted: set[int] = set()
        self.shown: dict[int, PresenceStatus] = {}
        self.version = 0
        self.names = 0
        self.orphan_grace_s = self.random.choice([0, 4])

    async def run(self, steps: int) -> None:
        deeds = {
            self.connect: 8,
            self.disconnect: 6,
            self.lose_disconnect: 1,
            self.pass_time: 8,
            self.crash: 1,
            self.sleep: 1,
            self.wake: 1,
            self.lose_data: 0.3,
            self.delete: 0.3,
            self.reconcile_one: 2,
        }
        for node in self.nodes:
            await self.beat(node)
        for _ in range(steps):
            deed = self.random.choices(list(deeds), list(deeds.values()))[0]
            await deed()
            await self.check_log()
        await self.settle()

    # What happens

    def new_name(self) -> str:
        self.names += 1
        return f"x{self.names}"

    def awake(self) -> list[Node]:
        return [node for node in self.nodes if not node.asleep]

    async def connect(self) -> None:
        users = [user for user in USERS if user not in self.deleted]
        nodes = self.awake()
        if not users or not nodes:
            return
        node, user = self.random.choice(nodes), self.random.choice(users)
        client = self.random.choice([None, f"client{self.random.randrange(3)}"])
        session = self.new_name()
        new = NewSession(session, client or session, client is not None, Device.WEB, False, "websocket", "::1")
        record = {"n": node.id, "k": new.client_id, "w": int(new.has_own_client_id), "d": "web", "b": 0, "i": 0}
        record |= {
            "t": "websocket",
            "p": "::1",
            "g": self.orphan_grace_s * 1000,
            "o": self.clock.now(),
            "a": self.clock.now(),
        }
        raw = msgspec.json.encode(record)
        if await self.store.open(APP, user, new, raw, 3):
            node.sockets[session] = Socket(user, Registration(APP, user, session, raw))
            await self.close_replaced()

    async def close_replaced(self) -> None:
        """What the nodes do on orders in the log: sockets that were replaced or evicted close."""
        await self.check_log()

    async def disconnect(self) -> None:
        held = [(node, name) for node in self.awake() for name in node.sockets]
        if not held:
            return
        node, name = self.random.choice(held)
        socket = node.sockets.pop(name)
        grace_ms = self.random.choice([0, GRACE_S * 1000])
        for _ in range(self.random.choice([1, 1, 2])):
            await self.store.close(APP, socket.user, name, grace_ms)

    async def lose_disconnect(self) -> None:
        """The socket is gone and nobody told Redis: reconciliation finds it."""
        held = [(node, name) for node in self.awake() for name in node.sockets]
        if held:
            node, name = self.random.choice(held)
            del node.sockets[name]

    async def pass_time(self) -> None:
        self.clock.advance(self.random.uniform(0.1, BEAT_S))
        for node in self.awake():
            await self.beat(node)
            await self.sweep(node)

    async def crash(self) -> None:
        """Its successor has another id: it never owns what this one held."""
        index = self.random.randrange(len(self.nodes))
        self.nodes[index] = Node(f"n{index}-{self.new_name()}")
        await self.beat(self.nodes[index])

    async def sleep(self) -> None:
        self.random.choice(self.nodes).asleep = True

    async def wake(self) -> None:
        """What others did to it meanwhile was right; what it does to itself on waking is not."""
        for node in self.nodes:
            if node.asleep:
                await self.check_log()
                node.asleep, node.beaten_at = False, self.clock.now()
                await self.sweep(node)
                await self.beat(node)
                await self.check_log()

    async def clear(self) -> None:
        """Also when it is over: the next schedule looks through what this one leaves."""
        async for name in self.redis.scan_iter(match=f"{self.prefix}:*"):
            await self.redis.delete(name)

    async def lose_data(self) -> None:
        await self.clear()
        self.log.rewind(SHARD)
        self.shown, self.version = {}, 0

    async def delete(self) -> None:
        users = [user for user in USERS if user not in self.deleted]
        if len(users) > 2:
            user = self.random.choice(users)
            self.deleted.add(user)
            await self.store.purge(APP, user, 4004, "forget")

    async def reconcile_one(self) -> None:
        if self.awake():
            await self.reconcile(self.random.choice(self.awake()))

    # What a node does

    async def beat(self, node: Node) -> None:
        epoch, was_good = await self.store.beat(SHARD, node.id)
        if node.epoch and (epoch != node.epoch or not was_good):
            await self.register(node)
        node.epoch = epoch
        node.beaten_at = self.clock.now()

    async def register(self, node: Node) -> None:
        self.drop_deleted(node)
        if node.sockets:
            await self.store.register(SHARD, node.id, [socket.registration for socket in node.sockets.values()])

    def drop_deleted(self, node: Node) -> None:
        """SQL knows who was deleted, also when Redis has lost it."""
        for name, socket in list(node.sockets.items()):
            if socket.user in self.deleted:
                del node.sockets[name]

    async def sweep(self, node: Node) -> None:
        for _ in range(20):
            swept = await self.store.sweep(SHARD, node.id)
            if not swept.may_sweep:
                await self.beat(node)
            elif not swept.ended and not swept.orphaned:
                return

    async def reconcile(self, node: Node) -> None:
        await self.beat(node)
        stored = await self.store.stored_sessions(SHARD, node.id)
        for _, user, name in stored:
            if name not in node.sockets:
                await self.store.close(APP, user, name, 0)
        names = {name for _, _, name in stored}
        self.drop_deleted(node)
        missing = [socket.registration for name, socket in node.sockets.items() if name not in names]
        if missing:
            await self.store.register(SHARD, node.id, missing)

    # What must be true

    async def check_log(self) -> None:
        for entry in await self.log.read(None):
            if isinstance(entry, CloseOrdered):
                self.obey(entry.user_id, entry.session_id)
            if not isinstance(entry, Changed):
                continue
            if entry.warm.version != self.version + 1:
                raise Violated(f"version {entry.warm.version} follows {self.version}")
            if self.shown.get(entry.user_id, OFFLINE) == entry.warm.status:
                raise Violated(f"user {entry.user_id} changed from {entry.warm.status!r} to the same")
            self.version = entry.warm.version
            self.shown[entry.user_id] = entry.warm.status
            if entry.warm.status is OFFLINE and entry.user_id not in self.deleted:
                self.check_nobody_holds(entry.user_id)

    def obey(self, user: int, session: str | None) -> None:
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

    async def settle(self) -> None:
        """When everything has calmed down, exactly those who have a socket are online, and nothing is left over."""
        await self.wake()
        for _ in range(12):
            self.clock.advance(BEAT_S)
            for node in self.nodes:
                await self.reconcile(node)
                await self.sweep(node)
                await self.check_log()
        held = {socket.user for node in self.nodes for socket in node.sockets.values()}
        warm = await self.store.read_all(APP)
        online = {user for user, one in warm.items() if one.status is not OFFLINE}
        if online != held:
            raise Violated(f"ghosts: {online - held}, lost: {held - online}")
        if {user for user, status in self.shown.items() if status is not OFFLINE} != online:
            raise Violated("replaying the log does not give the state")
        await self.check_keys(held)

    async def check_keys(self, held: set[int]) -> None:
        names = {key.decode() async for key in self.redis.scan_iter(match=f"{self.prefix}:*")}
        kept = {name.removeprefix(shard_key(self.prefix, SHARD) + ":") for name in names}
        sessions = {f"sessions:{APP}:{user}" for user in held}
        nodes = {f"node:{node.id}" for node in self.nodes if node.sockets}
        allowed = (
            {"epoch", "feed", "nodes", "versions", "unflushed", "gone", "floors", f"state:{APP}", f"changes:{APP}"}
            | sessions
            | nodes
        )
        if kept - allowed or sessions - kept:
            raise Violated(f"left over: {kept - allowed}, missing: {sessions - kept}")
