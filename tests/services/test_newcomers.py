"""Newcomers: people without a username of their own choice get one that nobody has."""

from __future__ import annotations

import asyncio

import pytest

from chatsrv.domain.errors import Conflict, Invalid
from chatsrv.domain.presence import SERVER
from chatsrv.domain.users import AccountState, fold_case
from chatsrv.services import Services
from tests.conftest import DemoApp


async def test_many_at_once_of_one_name_all_get_in(services: Services, demo: DemoApp) -> None:
    people = await asyncio.gather(
        *(services.newcomers.create("demo", {"name": "Anna Berg"}, SERVER) for _ in range(12))
    )
    assert len({fold_case(person.user.username) for person in people}) == 12
    assert {person.user.state for person in people} == {AccountState.CREATED}
    assert "anna.berg" in {person.user.username for person in people}


async def test_an_email_that_is_taken_is_no_matter_of_usernames(services: Services, demo: DemoApp) -> None:
    await services.newcomers.create("demo", {"name": "Anna", "email": "username_key@mail.test"}, SERVER)
    with pytest.raises(Conflict) as conflict:
        await services.newcomers.create("demo", {"name": "Anna", "email": "username_key@MAIL.test"}, SERVER)
    assert conflict.value.field == "email"
    assert await services.users.count("demo") == 1


async def test_the_rules_of_the_fields_hold(services: Services, demo: DemoApp) -> None:
    with pytest.raises(Invalid) as invalid:
        await services.newcomers.create("demo", {"name": "x" * 192, "email": "x"}, SERVER)
    assert [problem.field for problem in invalid.value.problems] == ["name", "email"]
