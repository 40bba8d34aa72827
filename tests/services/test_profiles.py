"""Profiles are written along with their users, or not at all. Both databases."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.errors import Conflict, Invalid, UserNotFound
from chatsrv.domain.presence import SERVER
from chatsrv.domain.profiles import NO_PROFILE, Profile
from chatsrv.domain.users import User
from chatsrv.services import Services
from tests.conftest import DemoApp

HUGE = 2**70


@pytest.fixture
async def people(services: Services, demo: DemoApp) -> dict[str, User]:
    """Of the app demo."""
    names = ("anna", "bert", "carl")
    return {name: (await services.users.create("demo", {"username": name}, SERVER)).user for name in names}


async def test_a_profile_is_written_along_with_its_user(services: Services, demo: DemoApp) -> None:
    room = (await services.channels.create("demo", {}, None, SERVER)).channel.id
    full: dict[str, Any] = {
        "in_training": True,
        "max_support_count": 3,
        "sound_notification": False,
        "notification_email": "desk@example.com",
        "last_seen_location": "https://example.com/a",
        "recent_channel_id": room,
        "info": {"gender": "1", "Ä": ["\0", HUGE]},
    }
    person, profile = await services.profiles.create("demo", {"username": "anna"}, full, SERVER)
    assert profile == Profile(**full) == await services.profiles.get("demo", "anna")
    changed, profile = await services.profiles.update(
        "demo", person.user.id, {"username": "anne"}, {"max_support_count": 0, "info": None}, SERVER
    )
    assert changed.user.username == "anne"
    assert profile == Profile(**{**full, "max_support_count": 0, "info": None})
    cleared = (await services.profiles.update("demo", "anne", {}, dict.fromkeys(full), SERVER))[1]
    assert cleared == NO_PROFILE
    assert (await services.users.find("demo", "anne")).updated_at > changed.user.updated_at


async def test_who_has_written_none_has_what_everybody_begins_with(services: Services, people: dict[str, User]) -> None:
    _, profile = await services.profiles.update("demo", "bert", {}, {"in_training": True}, SERVER)
    ids = [user.id for user in people.values()]
    found = await services.profiles.get_many([*ids, 999_999])
    assert [found[user_id] for user_id in ids] == [NO_PROFILE, profile, NO_PROFILE]
    assert found[999_999] == NO_PROFILE


async def test_where_one_of_both_cannot_be_written_neither_is(services: Services, people: dict[str, User]) -> None:
    await services.users.update("demo", "bert", {"email": "taken@example.com"}, SERVER)
    with pytest.raises(Conflict):
        await services.profiles.update("demo", "anna", {"email": "taken@example.com"}, {"in_training": True}, SERVER)
    for channel_id in (9, HUGE):
        with pytest.raises(Invalid, match="recent_channel_id"):
            await services.profiles.update(
                "demo", "anna", {"first_name": "x"}, {"recent_channel_id": channel_id}, SERVER
            )
        with pytest.raises(Invalid, match="recent_channel_id"):
            await services.profiles.create("demo", {"username": "dora"}, {"recent_channel_id": channel_id}, SERVER)
    assert await services.profiles.get("demo", "anna") == NO_PROFILE
    assert await services.users.find("demo", "anna") == people["anna"]
    with pytest.raises(UserNotFound):
        await services.users.find("demo", "dora")


async def test_bad_fields_of_both_are_named_together(services: Services, people: dict[str, User]) -> None:
    bad = {
        "in_training": 1,
        "max_support_count": -1,
        "sound_notification": "yes",
        "notification_email": "nobody",
        "last_seen_location": "x" * 2049,
        "recent_channel_id": "1",
        "info": [],
    }
    with pytest.raises(Invalid) as caught:
        await services.profiles.update("demo", "anna", {"email": "x"}, bad, SERVER)
    assert {problem.field for problem in caught.value.problems} == {"email", *bad}
    for value in (True, 1.0, HUGE, 1_000_001):
        with pytest.raises(Invalid):
            await services.profiles.update("demo", "anna", {}, {"max_support_count": value}, SERVER)
    with pytest.raises(Invalid, match="8192 bytes"):
        await services.profiles.update("demo", "anna", {}, {"info": {"a": "x" * 9000}}, SERVER)
