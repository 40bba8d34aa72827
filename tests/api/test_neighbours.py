"""The app next door: whatever it asks, with whichever of its credentials, nothing of ours is told, changed or timed.

Each route of each dialect is asked for what the neighbour has, and for what nobody has: status, body, headers and the
statements that it costs must be the same, and afterwards all that is kept of the neighbour must be as it was. The demo
app is who attacks here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from chatsrv.api.oksky.table import SUBTYPES
from tests.api.tenancy.requests import EVERY, Asked
from tests.api.tenancy.world import WHOLE, World, two_tenants

FOR_OTHER_REASONS = (
    # to-many relationships may not be replaced, and most not be written at all
    *(f"oksky: {method} /rapi/v1/users/<user>/relationships/" for method in ("PUT", "PATCH")),
    "oksky: POST /rapi/v1/users/<user>/relationships/memos",
    # they are what users are, too
    *(f"oksky: {method} /rapi/v1/{name}/<user>" for method in ("GET", "POST", "PUT", "PATCH") for name in SUBTYPES),
    # they are active; a team is not under itself
    "pulse: POST /api/v1/users/<uuid>/invite",
    "pulse: PATCH /api/v1/teams/<team>",
    # for people, and not for keys
    "pulse: GET /api/v1/identity",
    "pulse: POST /api/v1/switch_accounts",
    "pulse: POST /auth/",
)
"""What is refused to whose things they are, or need not be asked for once more."""


@pytest.fixture(scope="module")
async def world(
    sqlite_template: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with two_tenants(sqlite_template, valkey_url, tmp_path_factory.mktemp("neighbours")) as world:
        yield world


async def told_apart(world: World, requests: list[Asked]) -> list[str]:
    """Every thing that a request names, one after the other, asked for by the key, and every third by a person, too."""
    found, number = [], count()
    for asked in requests:
        credentials = world.ours.credentials(asked.dialect)
        key, *people = credentials
        for place in (*range(len(asked.refs)), *([WHOLE] if len(asked.refs) > 1 else [])):
            turn, is_due = divmod(next(number), 3)
            for who in (key, *([people[turn % len(people)]] if people and not is_due else [])):
                difference = await world.is_told_apart(asked, credentials[who], place)
                if difference:
                    found.append(f"{who}, {asked}, place {place}: {difference}")
    return found


async def test_what_the_neighbour_has_is_answered_like_what_nobody_has(world: World) -> None:
    assert await told_apart(world, [asked for asked in EVERY if not asked.takes]) == []
    assert await world.losses() == []
    assert await world.gains() == []


async def test_names_that_the_neighbour_has_taken_are_free_for_us_and_stay_the_neighbours(world: World) -> None:
    assert await told_apart(world, [asked for asked in EVERY if asked.takes]) == []
    assert await world.losses() == []


async def test_what_was_refused_is_there_for_whose_it_is(world: World) -> None:
    """Else the requests above would be refused for another reason than that the neighbour's things are not ours."""
    refused = []
    for asked in EVERY:
        if asked.method == "DELETE" or asked.takes or str(asked).startswith(FOR_OTHER_REASONS):
            continue
        answer, _ = await world.ask(asked, world.ours.key, WHOLE, world.ours.ids)
        if answer.status >= 300:
            refused.append(f"{asked}: {answer.status} {answer.body.decode()}")
    assert refused == []
