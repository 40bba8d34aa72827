"""A checker of the presence scripts: random schedules of faults and claims, and what must be true whatever happens.

Nodes crash, sleep past their lease, and wake; disconnects come twice, late or never; Redis loses its data;
users are deleted, hide, claim this and that, and go idle. The world here knows the truth: which sockets are really
open, on which nodes, and who has said what.
"""

from __future__ import annotations

from collections.abc import Mapping

from redis.asyncio import Redis

from chatsrv.domain.changes import FIRST_POSITION
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import Claim, PresenceStatus, Source
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.storage.lane import Lane
from tests.storage.checked_claims import SETS, WINDOW_MS, KnownClaims
from tests.storage.checked_log import Onlooker, Violated
from tests.storage.checked_nodes import APP, Node, Socket, new_record
from tests.storage.checked_world import BEAT_S, GRACE_S, LEASE_S, SHARD, USERS, CheckedWorld
from tests.storage.keyspace import HEARTBEAT

__all__ = ["Violated", "World"]

HOUR_S = 3600
SESSIONS_MAX = 2
_, ONLINE, INVISIBLE, AWAY, DND = PresenceStatus


class World(CheckedWorld):
    """One schedule: the same seed, the same schedule, to the millisecond."""

    def __init__(self, redis: Redis, lane: Lane, texts: Mapping[str, str], seed: int) -> None:
        super().__init__(redis, lane, texts, seed)
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
            self.sleep_long: 0.4,
            self.wake: 1,
            self.lose_data: 0.7,
            self.delete: 0.3,
            self.reconcile_one: 2,
            self.sign_out: 1,
            self.touch: 4,
            self.claim: 8,
            self.clear: 1,
            self.beat_heart: 3,
            self.flush: 2,
        }
        for node in self.nodes:
            await self.beat(node)
        for _ in range(steps):
            deed = self.random.choices(list(deeds), list(deeds.values()))[0]
            await deed()
            await self.check_log()
            await self.check_fold(self.random.choice(USERS))
        await self.settle()

    # Sockets

    def new_name(self) -> str:
        self.names += 1
        return f"x{self.names}"

    def users(self) -> list[int]:
        return [user for user in USERS if user not in self.deleted]

    async def connect(self) -> None:
        nodes = self.awake()
        if not nodes:
            return
        node, user = self.random.choice(nodes), self.random.choice(self.users())
        client = self.random.choice([None, f"client{self.random.randrange(3)}"])
        session, background = self.new_name(), self.random.random() < 0.2
        new = NewSession(session, client or session, client is not None, Device.WEB, background, "websocket", "::1")
        record = new_record(node, new, self.orphan_grace_s, self.clock)
        socket = Socket(user, session, record, self.kept(user))
        claim = self.new_claim() if self.random.random() < 0.2 else None
        opened = await self.store.open(APP, user, new, socket.raw, SESSIONS_MAX, socket.kept, claim)
        if opened:
            node.sockets[session] = socket
            socket.take(opened.session)
            self.known[user].adopt(socket.kept, self.clock.now())
            if claim and not opened.resumed:
                self.known[user].set(claim, self.clock.now())

    def held(self) -> list[tuple[Node, Socket]]:
        return [(node, socket) for node in self.awake() for socket in node.sockets.values()]

    async def disconnect(self) -> None:
        if not self.held():
            return
        node, socket = self.random.choice(self.held())
        del node.sockets[socket.session]
        grace_ms = self.random.choice([0, GRACE_S * 1000])
        for _ in range(self.random.choice([1, 1, 2])):
            await self.store.close(APP, socket.user, socket.session, grace_ms)

    async def lose_disconnect(self) -> None:
        """The socket is gone and nobody told Redis: reconciliation finds it."""
        if self.held():
            node, socket = self.random.choice(self.held())
            del node.sockets[socket.session]

    async def sign_out(self) -> None:
        if not self.held():
            return
        await self.sign_out_of(*self.random.choice(self.held()))

    async def sign_out_of(self, node: Node, socket: Socket) -> None:
        if await self.store.sign_out(APP, socket.user, socket.session, 4003):
            del node.sockets[socket.session]

    async def touch(self) -> None:
        if not self.held():
            return
        _, socket = self.random.choice(self.held())
        idle, background = self.random.random() < 0.5, self.random.random() < 0.3
        socket.record |= {"i": int(idle), "b": int(background)}
        await self.store.touch(APP, socket.user, socket.session, idle=idle, background=background, every_ms=5_000)

    # Claims

    def new_claim(self) -> Claim:
        """Half of them end within half a minute."""
        status = self.random.choice([None, ONLINE, ONLINE, AWAY, DND, INVISIBLE, INVISIBLE])
        text = self.random.choice([None, "lunch", "train"]) if status else "words"
        lasts_s = self.random.choice([0, self.random.randrange(1, 30)])
        until = self.clock.now() + lasts_s * 1000 if lasts_s else NEVER
        source = self.random.choice([Source.MANUAL, Source.MANUAL, *Source])
        return Claim(self.new_name(), source, status, text, None, until)

    async def claim(self) -> None:
        user = self.random.choice(self.users())
        for _ in range(self.random.choice([1, 1, 1, 5])):
            await self.set_claim(user, self.new_claim())

    async def set_claim(self, user: int, claim: Claim) -> None:
        """By a client that has been connected for a while, or over REST, which is not counted."""
        sockets, known, now = self.sockets_of(user), self.known[user], self.clock.now()
        often = bool(sockets) and claim.source is Source.MANUAL
        kept = self.random.choice(sockets).kept if often else self.kept(user)
        claimed = await self.store.claim(APP, user, claim, kept, sets_max=SETS * often, window_ms=WINDOW_MS)
        known.adopt(kept, now)
        waits = known.set_often(claim, now) if often else False
        if not often:
            known.set(claim, now)
        if not claimed or claimed.coalesced != waits:
            raise Violated(f"a claim of user {user} waits or does not, and should not or should")

    async def clear(self) -> None:
        await self.clear_all_of(self.random.choice(self.users()))

    async def clear_all_of(self, user: int) -> None:
        await self.store.clear(APP, user)
        if any(session.state == "active" and not session.node for session in await self.store.sessions(APP, user)):
            raise Violated(f"the heartbeat of user {user} goes on")
        self.known[user].clear(self.clock.now())
        self.beats.pop(user, None)

    async def beat_heart(self) -> None:
        """It lives for longer than offline changes are held after a data loss."""
        user, ttl_s = self.random.choice(self.users()), self.random.randrange(11, 25)
        claim, now = self.random.choice([None, self.new_claim()]), self.clock.now()
        await self.store.claim(APP, user, claim, self.kept(user), heartbeat=HEARTBEAT, ttl_ms=ttl_s * 1000)
        self.beats[user] = now + ttl_s * 1000
        self.known[user].adopt(self.kept(user), now)
        if claim:
            self.known[user].set(claim, now)
        if self.random.random() < 0.3:
            await self.clear_all_of(user)

    # Time and faults

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

    async def sleep_long(self) -> None:
        """All of them, past their leases."""
        for node in self.nodes:
            node.asleep = True
        self.clock.advance(LEASE_S + 1)

    async def wake(self) -> None:
        """What others did to it meanwhile was right; what it does to itself on waking is not."""
        for node in self.nodes:
            if node.asleep:
                await self.check_log()
                node.asleep, node.beaten_at = False, self.clock.now()
                await self.sweep(node)
                await self.beat(node)
                await self.check_log()

    async def lose_data(self) -> None:
        """Of claims what was flushed is left. Somebody may sign out while one node alone has noticed."""
        await self.clear_keys()
        self.log.rewind(SHARD)
        self.written = FIRST_POSITION
        self.onlooker = Onlooker()
        self.known = {user: KnownClaims() for user in USERS}
        self.beats = {}
        if self.held() and self.random.random() < 0.5:
            node, socket = self.random.choice(self.held())
            await self.beat(node)
            await self.check_log()
            if socket.session in node.sockets:
                await self.sign_out_of(node, socket)

    async def delete(self) -> None:
        if len(self.users()) > 2:
            user = self.random.choice(self.users())
            self.deleted.add(user)
            self.known[user] = KnownClaims()
            self.sql.pop(user, None)
            self.beats.pop(user, None)
            await self.store.purge(APP, user, 4004, "forget")

    async def reconcile_one(self) -> None:
        if self.awake():
            await self.reconcile(self.random.choice(self.awake()))

    # The end

    async def settle(self) -> None:
        """What is left when all graces are over is what there should be, and so an hour later."""
        await self.wake()
        for _ in range(12):
            self.clock.advance(BEAT_S)
            for node in self.nodes:
                await self.reconcile(node)
                await self.sweep(node)
                await self.check_log()
        await self.check_states()
        await self.flush()
        self.clock.advance(HOUR_S + 1)
        for node in self.nodes:
            await self.beat(node)
        await self.flush()
        await self.sweep(self.nodes[0])
        self.forget_who_claims_nothing()
        await self.flush()
        await self.check_log()
        await self.check_states()
        await self.check_keys()

    def forget_who_claims_nothing(self) -> None:
        self.known = {user: known if known.claims else KnownClaims() for user, known in self.known.items()}
