"""A keyspace of its own for a test of the presence scripts, and short words for what is done with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import msgspec
from redis.asyncio import Redis

from chatsrv.domain.changes import Changed, Claimed, Entry, Opened
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import Claim, PresenceStatus, Source, Warm
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.domain.users import KeptClaims
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.keys import shard_key, shard_of
from chatsrv.storage.lane import Lane
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.records import Registration, Swept
from chatsrv.storage.scripts import Scripts, read_scripts
from tests.storage.still_time import StillClock, stilled

APP, ANNA, BERT = "demo", 1, 2
SHARD = shard_of(APP)
LEASE_MS = 10_000
NOTHING_KEPT = KeptClaims()
HEARTBEAT = b'{"n":"","k":"","w":0,"d":"bot","b":0,"i":0,"t":"http","p":"::1","g":0}'
OFFLINE = PresenceStatus.OFFLINE


class Keyspace:
    """A store and a log reader on keys of their own."""

    def __init__(self, redis: Redis, lane: Lane, clock: Clock, hold_ms: int = 0, changes_ms: int = 300_000) -> None:
        self.redis = redis
        self.lane = lane
        self.clock = clock
        self.prefix = f"t{uuid4().hex}"
        self.store = self.new_store(hold_ms, changes_ms)
        self.log = ChangeLog(lane, self.prefix)
        for shard in range(16):
            self.log.rewind(shard)

    def new_store(self, hold_ms: int, changes_ms: int = 300_000) -> PresenceStore:
        texts = read_scripts()
        scripts = Scripts(self.lane, stilled(texts) if isinstance(self.clock, StillClock) else texts)
        return PresenceStore(
            self.lane,
            scripts,
            self.prefix,
            self.clock,
            lease_ms=LEASE_MS,
            feed_max=1000,
            changes_max=100,
            changes_ms=changes_ms,
            claims_max=5,
            hold_ms=hold_ms,
        )

    async def open(
        self,
        session: str,
        user: int = ANNA,
        node: str = "a",
        client: str | None = None,
        device: Device = Device.WEB,
        background: bool = False,
        most: int = 50,
        kept: KeptClaims = NOTHING_KEPT,
        claim: Claim | None = None,
    ) -> Opened | None:
        new = NewSession(session, client or session, client is not None, device, background, "websocket", "::1")
        return await self.store.open(APP, user, new, self.record(new, node), most, kept, claim)

    def record(self, new: NewSession, node: str) -> bytes:
        return msgspec.json.encode(
            {
                "n": node,
                "k": new.client_id,
                "w": int(new.has_own_client_id),
                "d": new.device.value,
                "b": int(bool(new.background)),
                "i": 0,
                "t": new.transport,
                "p": new.address,
                "g": 8000,
                "o": self.clock.now(),
                "a": self.clock.now(),
            }
        )

    def registration(
        self, session: str, user: int = ANNA, node: str = "a", claims: KeptClaims = NOTHING_KEPT
    ) -> Registration:
        new = NewSession(session, session, False, Device.WEB, False, "websocket", "::1")
        return Registration(APP, user, session, self.record(new, node), claims=claims)

    def new_claim(
        self,
        status: PresenceStatus | None,
        source: Source = Source.MANUAL,
        lasts_s: float = 0,
        text: str | None = None,
        emoji: str | None = None,
    ) -> Claim:
        """Without an end unless it `lasts_s`."""
        until = self.clock.now() + int(lasts_s * 1000) if lasts_s else NEVER
        return Claim(uuid4().hex, source, status, text, emoji, until)

    async def claim(
        self,
        status: PresenceStatus | None,
        source: Source = Source.MANUAL,
        lasts_s: float = 0,
        text: str | None = None,
        user: int = ANNA,
        sets_max: int = 0,
        kept: KeptClaims = NOTHING_KEPT,
    ) -> Claimed:
        new = self.new_claim(status, source, lasts_s, text)
        claimed = await self.store.claim(APP, user, new, kept, sets_max=sets_max, window_ms=20_000)
        assert claimed
        return claimed

    async def beat_heart(self, ttl_s: float, claim: Claim | None = None, user: int = ANNA) -> Claimed:
        claimed = await self.store.claim(APP, user, claim, NOTHING_KEPT, heartbeat=HEARTBEAT, ttl_ms=int(ttl_s * 1000))
        assert claimed
        return claimed

    async def touch(self, session: str, *, idle: bool = False, background: bool = False) -> bool:
        return await self.store.touch(APP, ANNA, session, idle=idle, background=background, every_ms=60_000)

    async def close(self, session: str, grace_s: float = 0, user: int = ANNA) -> bool:
        return await self.store.close(APP, user, session, int(grace_s * 1000))

    async def sweep(self, node: str = "a") -> Swept:
        """Takes the node's lease first, as every node does; the last call's answer."""
        await self.store.beat(SHARD, node)
        while (swept := await self.store.sweep(SHARD, node)).has_more:
            pass
        return swept

    async def pass_time(self, seconds: float, *nodes: str) -> None:
        """Nodes go on beating meanwhile, and one sweeps at the end."""
        self.clock.advance(seconds)
        for node in nodes or ("a",):
            await self.store.beat(SHARD, node)
        await self.sweep()

    async def read(self, *users: int) -> Mapping[int, Warm]:
        """What is warm of these."""
        return (await self.store.snapshot(APP, users)).warm

    async def read_all(self) -> Mapping[int, Warm]:
        return (await self.store.snapshot_all(APP)).warm

    async def warm(self, user: int = ANNA) -> Warm:
        return (await self.read(user))[user]

    async def status(self, user: int = ANNA) -> PresenceStatus:
        warm = (await self.read(user)).get(user)
        return warm.truth.status if warm else OFFLINE

    async def kept(self, user: int = ANNA) -> KeptClaims:
        """The claims as Redis has them for SQL."""
        return (await self.store.examine(APP, user)).claims.kept

    async def news(self) -> list[Entry]:
        """What came into the log since the last call, and somebody wants to hear."""
        return [entry for entry in await self.log.read(None) if not (isinstance(entry, Changed) and entry.is_unheard)]

    async def changes(self) -> list[tuple[int, PresenceStatus]]:
        return [(entry.user_id, entry.warm.truth.status) for entry in await self.news() if isinstance(entry, Changed)]

    async def shown(self) -> list[PresenceStatus]:
        """What others were shown of everybody since the last call."""
        changes = [entry for entry in await self.news() if isinstance(entry, Changed)]
        return [entry.warm.to_others.status for entry in changes if not entry.is_own]

    async def flush(self) -> None:
        await self.store.mark_flushed(SHARD, await self.store.unflushed(SHARD))

    async def keys(self) -> set[str]:
        return {name.decode().removeprefix(shard_key(self.prefix, SHARD) + ":") async for name in self._scan()}

    def _scan(self) -> AsyncIterator[bytes]:
        return self.redis.scan_iter(match=f"{self.prefix}:*")

    async def lose_data(self) -> None:
        async for name in self._scan():
            await self.redis.delete(name)
