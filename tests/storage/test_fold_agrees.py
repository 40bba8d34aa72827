"""The rules in the scripts are those of the domain: random steps on a real Valkey; after each, both are asked."""

from __future__ import annotations

from random import Random

import pytest

from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import (
    Claim,
    PresenceStatus,
    Source,
    add_claim,
    display,
    fold_sessions,
    to_others,
)
from chatsrv.storage.records import read_claims
from tests.storage.keyspace import ANNA, APP, Keyspace

STEPS = 120
CLAIMS_MAX = 5
STATUSES = [None, PresenceStatus.ONLINE, PresenceStatus.AWAY, PresenceStatus.DND, PresenceStatus.INVISIBLE]


class Twin:
    """One user in Redis, and the same user by the rules of the domain. Seconds are whole, so that ends are met."""

    def __init__(self, space: Keyspace, seed: int) -> None:
        self.space = space
        self.random = Random(seed)
        self.are_active: dict[str, bool] = {}
        self.claims: tuple[Claim, ...] = ()
        self.names = 0

    async def step(self) -> None:
        deeds = {self.open: 3, self.close: 2, self.touch: 3, self.say: 8, self.clear: 0.3, self.wait: 5}
        await self.random.choices(list(deeds), list(deeds.values()))[0]()

    async def open(self) -> None:
        self.names += 1
        background = self.random.random() < 0.5
        await self.space.open(f"s{self.names}", background=background)
        self.are_active[f"s{self.names}"] = not background

    async def close(self) -> None:
        if self.are_active:
            name = self.random.choice(list(self.are_active))
            del self.are_active[name]
            await self.space.close(name)

    async def touch(self) -> None:
        if self.are_active:
            name = self.random.choice(list(self.are_active))
            idle, background = self.random.random() < 0.5, self.random.random() < 0.5
            await self.space.touch(name, idle=idle, background=background)
            self.are_active[name] = not idle and not background

    async def say(self) -> None:
        status, source = self.random.choice(STATUSES), self.random.choice(list(Source))
        text = self.random.choice([None, "lunch", 'ü 名 / \\ "']) if status else "words alone"
        claim = self.space.new_claim(status, source, self.random.choice([0, 1, 2, 3, 8]), text)
        await self.space.store.claim(APP, ANNA, claim, await self.space.kept())
        now = self.space.clock.now()
        dated = Claim(claim.id, claim.source, claim.status, claim.text, claim.emoji, claim.expires_at, now)
        self.claims = add_claim(self.claims, dated, now, CLAIMS_MAX)

    async def clear(self) -> None:
        await self.space.store.clear(APP, ANNA)
        self.claims = ()

    async def wait(self) -> None:
        await self.space.pass_time(self.random.randrange(4))

    async def check(self) -> None:
        now = self.space.clock.now()
        live = tuple(claim for claim in self.claims if claim.is_live(now))
        assert tuple(claim for claim in read_claims(await self.space.kept()) if claim.is_live(now)) == live
        expected = display(fold_sessions(self.are_active.values()), self.claims, now)
        found = await self.space.read(ANNA)
        if ANNA not in found:
            assert not self.are_active
            return
        assert found[ANNA].truth.display == expected
        assert found[ANNA].to_others.display == to_others(expected)


@pytest.mark.parametrize("seed", range(12))
async def test_what_is_stored_is_what_the_rules_of_the_domain_say(still: Keyspace, seed: int) -> None:
    twin = Twin(still, seed)
    for _ in range(STEPS):
        await twin.step()
        await twin.check()


@pytest.mark.parametrize("source", list(Source))
@pytest.mark.parametrize("status", STATUSES)
async def test_a_claim_comes_back_from_redis_as_it_was_set(
    still: Keyspace, status: PresenceStatus | None, source: Source
) -> None:
    claim = still.new_claim(status, source, 60, 'ü 名 / \\ "', "🍜")
    await still.store.claim(APP, ANNA, claim, await still.kept())
    (found,) = read_claims(await still.kept())
    assert found == Claim(claim.id, source, status, claim.text, "🍜", claim.expires_at, still.clock.now())
    assert found.expires_at != NEVER
