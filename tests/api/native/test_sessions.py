"""The sessions of a user over REST: listed, and signed out one by one or all at once."""

from __future__ import annotations

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.sessions import Departure
from chatsrv.services import Services
from tests.api.native.people import USERS, add, come_online
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ANNAS = f"{USERS}/anna/sessions"


@pytest.fixture
async def sessions(api: ApiClient, services: Services, clock: Clock) -> list[str]:
    """Two of Anna's, the older one first, in a keyspace that is no longer new."""
    await add(api, "anna", "bert")
    await services.upkeep.beat()
    clock.advance(services.settings.node_dead_s + 1)
    await services.upkeep.beat()
    first = await come_online(services, "anna")
    clock.advance(1)
    return [first, await come_online(services, "anna")]


async def status(api: ApiClient) -> int:
    return int((await api.get(f"{USERS}/anna")).json["presence_status"])


async def test_sessions_are_listed_the_oldest_first(api: ApiClient, sessions: list[str]) -> None:
    listed = (await api.get(ANNAS)).json
    assert [one["id"] for one in listed] == sessions
    assert {one["state"] for one in listed} == {"active"}
    assert (await api.get(f"{USERS}/bert/sessions")).json == []


async def test_a_session_in_its_grace_is_closing(api: ApiClient, services: Services, sessions: list[str]) -> None:
    await services.presence.close(sessions[0], Departure.LOST)
    assert [one["state"] for one in (await api.get(ANNAS)).json] == ["closing", "active"]


async def test_one_session_is_signed_out_and_the_other_stays(api: ApiClient, sessions: list[str]) -> None:
    assert (await api.delete(f"{ANNAS}/{sessions[0]}")).status == 204
    assert [one["id"] for one in (await api.get(ANNAS)).json] == sessions[1:]
    assert await status(api) == 1
    refused(await api.delete(f"{ANNAS}/{sessions[0]}"), 404, 40400)


async def test_all_are_signed_out_at_once_and_twice_is_no_error(api: ApiClient, sessions: list[str]) -> None:
    for _ in range(2):
        assert (await api.delete(ANNAS)).status == 204
        assert (await api.get(ANNAS)).json == []
        assert await status(api) == 0


async def test_the_sessions_of_nobody_are_not_found(api: ApiClient) -> None:
    refused(await api.get(f"{USERS}/nobody/sessions"), 404, 40015)
    refused(await api.delete(f"{USERS}/nobody/sessions"), 404, 40015)
    refused(await api.delete(f"{USERS}/nobody/sessions/x"), 404, 40015)


async def test_a_user_token_may_see_and_end_its_own_sessions_alone(
    api: ApiClient, services: Services, sessions: list[str]
) -> None:
    token, _ = await services.callers.mint_token(await services.apps.get("demo"), "anna", 600)
    anna = api.speaking_as(token)
    assert len((await anna.get(ANNAS)).json) == 2
    assert (await anna.delete(f"{ANNAS}/{sessions[0]}")).status == 204
    refused(await anna.get(f"{USERS}/bert/sessions"), 403, 40105)
    refused(await anna.delete(f"{USERS}/bert/sessions"), 403, 40105)
