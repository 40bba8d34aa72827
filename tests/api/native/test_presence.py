"""Presence of many over REST: the query, what changed since, and the counts."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.sessions import Departure
from chatsrv.services import Services
from tests.api.native.people import add, come_online
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def query(api: ApiClient, *names: str) -> Any:
    answer = await api.post("/v1/demo/presence/query", {"usernames": list(names)})
    assert answer.status == 200
    return answer.json


async def since(api: ApiClient, cursor: str = "") -> Any:
    answer = await api.get(f"/v1/demo/presence?since={cursor}" if cursor else "/v1/demo/presence")
    assert answer.status == 200
    return answer.json


def shown(people: list[dict[str, Any]]) -> dict[str, int]:
    return {one["username"]: one["presence_status"] for one in people}


async def test_a_query_tells_who_is_here_and_who_does_not_exist(api: ApiClient, services: Services) -> None:
    await add(api, "anna", "bert")
    await come_online(services, "anna")
    answer = await query(api, "BERT", "anna", "carl", "anna")
    assert list(answer) == ["epoch", "version", "users", "unknown"]
    assert [one["username"] for one in answer["users"]] == ["bert", "anna"]
    assert shown(answer["users"]) == {"anna": 1, "bert": 0}
    assert answer["unknown"] == ["carl"]
    assert answer["version"] == 1


async def end_the_hold(services: Services, clock: Clock) -> None:
    """In a keyspace that is new, offline changes wait for one lease."""
    await services.upkeep.beat()
    clock.advance(services.settings.node_dead_s + 1)
    await services.upkeep.beat()


async def test_what_changed_since_is_each_user_once_as_they_are_now(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    await add(api, "anna", "bert")
    await end_the_hold(services, clock)
    await come_online(services, "bert")
    before = await query(api)
    for _ in range(3):
        session = await come_online(services, "anna")
        await services.presence.close(session, Departure.LOGOUT)
    answer = await since(api, f"{before['epoch']}.{before['version']}")
    assert answer["full"] is False
    assert shown(answer["changes"]) == {"anna": 0}
    assert answer["changes"][0]["last_seen_at"] is not None
    assert (await since(api, f"{answer['epoch']}.{answer['version']}"))["changes"] == []


async def test_after_a_deletion_everybody_comes_as_the_deleted_cannot_be_named(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    await add(api, "anna", "bert")
    await end_the_hold(services, clock)
    await come_online(services, "anna")
    await come_online(services, "bert")
    before = await query(api)
    await api.delete("/v1/demo/users/bert")
    answer = await since(api, f"{before['epoch']}.{before['version']}")
    assert answer["full"] is True
    assert shown(answer["users"]) == {"anna": 1}


@pytest.mark.parametrize("is_here", [True, False])
async def test_who_follows_by_names_begins_anew_when_one_is_given_up(
    api: ApiClient, services: Services, is_here: bool
) -> None:
    """Anna is carl from now on; whoever believes that anna is here must hear that she is not."""
    await add(api, "anna", "bert")
    await come_online(services, "bert")
    session = await come_online(services, "anna")
    before = await since(api)
    assert shown(before["users"]) == {"anna": 1, "bert": 1}
    if not is_here:
        await services.presence.close(session, Departure.LOGOUT)
    assert (await api.post("/v1/demo/users/anna/rename", {"username": "carl"})).status == 200
    answer = await since(api, f"{before['epoch']}.{before['version']}")
    assert (answer["full"], shown(answer["users"])) == (True, {"bert": 1})
    assert (await since(api, f"{answer['epoch']}.{answer['version']}"))["full"] is False


async def test_without_since_or_from_another_epoch_everybody_who_is_here_comes(
    api: ApiClient, services: Services
) -> None:
    await add(api, "anna", "bert")
    await come_online(services, "bert")
    for cursor in ("", "another.1"):
        answer = await since(api, cursor)
        assert answer["full"] is True
        assert shown(answer["users"]) == {"bert": 1}


@pytest.mark.parametrize(
    "cursor", ["x", ".", "epoch.", ".1", "epoch.-1", "epoch.1.2", "epoch.x", "%00.1", "e.99999999999999999"]
)
async def test_a_since_that_no_answer_gave_is_refused(api: ApiClient, cursor: str) -> None:
    refused(await api.get(f"/v1/demo/presence?since={cursor}"), 400, 40003, "since")


@pytest.mark.parametrize("names", [None, "anna", [1], ["x"] * 1001])
async def test_bad_usernames_are_refused(api: ApiClient, names: Any) -> None:
    refused(await api.post("/v1/demo/presence/query", {"usernames": names}), 400, 40003, "usernames")


async def test_odd_names_are_unknown(api: ApiClient) -> None:
    odd = ["", "\0", "a/b", "x" * 500]
    assert (await query(api, *odd))["unknown"] == odd


async def test_counts_follow_who_is_here(api: ApiClient, services: Services) -> None:
    await add(api, "anna", "bert", "carl")
    assert (await api.get("/v1/demo/presence/counts")).json == {"online": 0, "away": 0, "dnd": 0, "total": 3}
    await come_online(services, "anna")
    assert (await api.get("/v1/demo/presence/counts")).json == {"online": 1, "away": 0, "dnd": 0, "total": 3}
