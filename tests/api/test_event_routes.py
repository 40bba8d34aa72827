"""Whatever a dialect changes of a user, an event tells of it, and none tells of what did not change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from chatsrv.domain.webhooks import USER_EVENTS
from chatsrv.services import Services
from chatsrv.services.outbox import TOLD
from chatsrv.storage.schema import users, webhook_events
from tests.api.tenancy.requests import EVERY, Asked
from tests.api.tenancy.world import WHOLE, World, two_tenants

COLUMNS = [users.c[name] for name in TOLD if name != "state"] + [users.c.onboarding, users.c.discarded_at]
"""What can be seen of a user in an event, and what their state is made of."""


@pytest.fixture(scope="module")
async def world(
    sqlite_template: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with two_tenants(sqlite_template, valkey_url, tmp_path_factory.mktemp("events")) as world:
        yield world


async def everybody(services: Services) -> Mapping[int, tuple[Any, ...]]:
    async with services.db.read() as tx:
        found = await tx.execute(select(users.c.id, *COLUMNS).where(users.c.app_id == "demo"))
        return {row[0]: tuple(row[1:]) for row in found}


async def events_after(services: Services, seq: int) -> list[dict[str, Any]]:
    statement = select(webhook_events.c.body).where(webhook_events.c.app_id == "demo", webhook_events.c.seq > seq)
    async with services.db.read() as tx:
        return [msgspec.json.decode(body) for body in (await tx.execute(statement)).scalars()]


async def ask(world: World, asked: Asked) -> int:
    """As whoever may."""
    for credential in world.ours.credentials(asked.dialect).values():
        answer, _ = await world.ask(asked, credential, WHOLE, world.ours.ids)
        if answer.status < 300:
            break
    return answer.status


async def test_every_change_that_a_route_makes_of_a_user_is_told_and_nothing_else(world: World) -> None:
    services, seq, told = world.services, 0, set()
    for one in await events_after(services, 0):
        seq = max(seq, one["seq"])
    # what deletes comes last: somebody must be there to be changed
    for asked in sorted(EVERY, key=lambda one: one.method == "DELETE"):
        if asked.method == "GET":
            continue
        before = await everybody(services)
        await ask(world, asked)
        after, events = await everybody(services), await events_after(services, seq)
        assert [one["seq"] for one in events] == list(range(seq + 1, seq + 1 + len(events)))
        seq += len(events)
        of_users = [one for one in events if one["type"] in USER_EVENTS]
        changed = {user_id for user_id in before.keys() | after.keys() if before.get(user_id) != after.get(user_id)}
        assert {one["data"]["id"] for one in of_users} == changed, str(asked)
        told |= {(asked.dialect, one["type"]) for one in of_users}
    assert {dialect for dialect, type_ in told if type_ == "user.created"} == {"native", "panel", "oksky", "pulse"}
    assert {dialect for dialect, type_ in told if type_ == "user.updated"} == {"native", "panel", "oksky", "pulse"}
    assert {type_ for _, type_ in told} >= USER_EVENTS - {"user.restored"}
