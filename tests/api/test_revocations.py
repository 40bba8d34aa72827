"""Credentials that are over are dead on every node within a second, in every dialect; their successors never were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from chatsrv.domain.apps import ALL_SCOPES
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.manners import MANNERS, Manner
from tests.api.serving import serving
from tests.api.tenancy.world import UNLIMITED
from tests.client import ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

NATIVE, PANEL, OKSKY, PULSE = MANNERS
PASSWORD = "correct horse"


@dataclass(slots=True)
class Nodes:
    """Two of them on the same stores."""

    one: ApiClient
    other: ApiClient
    services: Services
    clock: Clock

    async def statuses(self, manner: Manner, credential: str) -> list[int]:
        """Asked twice each, so that what a node remembers is in it, too."""
        found = []
        for node in (self.one, self.other):
            client = manner.speak(node, credential)
            for _ in range(2):
                answer = await client.get(manner.users)
                assert answer.status == 200 or manner.is_error(answer)
                found.append(answer.status)
        return found

    async def comes_to_be(self, manner: Manner, credential: str, status: int) -> None:
        """Without the clock going on: as soon as the nodes have read in the log what they are told there."""
        async with asyncio.timeout(10):
            while await self.statuses(manner, credential) != [status] * 4:
                await asyncio.sleep(0.01)


@pytest.fixture
async def nodes(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Nodes]:
    settings = make_settings(**UNLIMITED)
    async with serving(settings, clock) as (one, services), serving(settings, clock) as (other, _):
        await services.apps.create("demo", None)
        for name in ("anna", "rob"):
            values = {"username": name, "email": f"{name}@x.org", "role": "admin"}
            await services.users.create("demo", values, SERVER, PASSWORD)
        yield Nodes(one, other, services, clock)


async def test_a_key_is_rotated_without_a_moment_in_which_neither_is_good(nodes: Nodes) -> None:
    apps, clock = nodes.services.apps, nodes.clock
    key, old = await apps.create_key("demo", "backend", ALL_SCOPES, (), None)
    _, new = await apps.rotate_key("demo", key.id)
    for manner in MANNERS:
        for credential in (new, old):
            assert await nodes.statuses(manner, credential) == [200] * 4
    await apps.revoke_key("demo", key.id)
    clock.advance(1)
    for manner in MANNERS:
        await nodes.comes_to_be(manner, old, 401)
        assert await nodes.statuses(manner, new) == [200] * 4


class Anna:
    """What she shows, each newly made, and the ways in which it ends."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def token(self) -> str:
        return (await self._services.callers.mint_token(await self._services.apps.get("demo"), "anna", 600))[0]

    async def access(self) -> str:
        return await self._services.access_tokens.issue("demo", "anna")

    async def bearer(self) -> str:
        return (await self._services.bearers.sign_in("anna@x.org", PASSWORD)).token

    async def revoke(self) -> None:
        await self._services.accounts.revoke_tokens("demo", "anna")

    async def deactivate(self) -> None:
        await self._services.accounts.deactivate("demo", "anna", SERVER)


async def test_what_people_show_is_dead_on_every_node_once_it_is_over(nodes: Nodes) -> None:
    anna = Anna(nodes.services)
    for manner, make, end, status in (
        (NATIVE, anna.token, anna.revoke, 401),
        (OKSKY, anna.access, anna.access, 401),
        (PULSE, anna.bearer, anna.revoke, 401),
        (NATIVE, anna.token, anna.deactivate, 403),
        (OKSKY, anna.access, anna.deactivate, 403),
        (PULSE, anna.bearer, anna.deactivate, 401),
    ):
        credential = await make()
        assert await nodes.statuses(manner, credential) == [200] * 4
        await end()
        nodes.clock.advance(1)
        await nodes.comes_to_be(manner, credential, status)
        if end == anna.deactivate:
            await nodes.services.accounts.reactivate("demo", "anna", SERVER)


async def test_a_bearer_that_signed_out_is_dead_on_every_node_and_the_others_live(nodes: Nodes) -> None:
    bearers = [(await nodes.services.bearers.sign_in("anna@x.org", PASSWORD)).token for _ in range(2)]
    assert await nodes.statuses(PULSE, bearers[0]) == [200] * 4
    assert (await PULSE.speak(nodes.one, bearers[0]).delete("/auth/signout")).status == 204
    nodes.clock.advance(1)
    await nodes.comes_to_be(PULSE, bearers[0], 401)
    assert await nodes.statuses(PULSE, bearers[1]) == [200] * 4
