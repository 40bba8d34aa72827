"""When a user was here and how many were, as the native dialect tells it."""

from __future__ import annotations

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import AWAY, INVISIBLE, SERVER
from chatsrv.services import Services
from tests.api.native.people import USERS, add, as_user
from tests.api.native.refusals import refused
from tests.client import ApiClient
from tests.services.visits import begin, come, go, say

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

HISTORY = f"{USERS}/anna/presence/history"
STATS = "/v1/demo/presence/stats"


@pytest.fixture(autouse=True)
async def people(api: ApiClient, services: Services, clock: Clock) -> None:
    """Anna was online, away with a word, and is invisible; Bert was never here."""
    await begin(services, clock)
    await add(api, "anna", "bert")
    anna = (await services.users.get("demo", "anna", SERVER)).user
    await come(services, anna)
    clock.advance(60)
    await say(services, anna, AWAY, "lunch")
    clock.advance(60)
    await say(services, anna, INVISIBLE)
    await services.chronicle.run()


async def test_a_history_has_an_interval_for_each_state(api: ApiClient) -> None:
    answer = await api.get(HISTORY)
    assert answer.status == 200
    first, second, third = answer.json["intervals"]
    assert [one["presence_status"] for one in (first, second, third)] == [1, 3, 2]
    assert (first["to"], second["to"], third["to"]) == (second["from"], third["from"], None)
    assert [one.get("text") for one in (first, second, third)] == [None, "lunch", None]
    assert answer.json["links"] == {"next": None}
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await api.get(f"{USERS}/bert/presence/history")).json["intervals"] == []


async def test_a_history_is_paged_by_its_links(api: ApiClient) -> None:
    whole = (await api.get(HISTORY)).json["intervals"]
    found, link = [], f"{HISTORY}?limit=1&cursor="
    while link:
        page = (await api.get(link)).json
        found += page["intervals"]
        link = page["links"]["next"]
    assert found == whole


async def test_a_history_is_told_of_the_time_that_is_asked_for(api: ApiClient) -> None:
    first, second, _ = (await api.get(HISTORY)).json["intervals"]
    answer = await api.get(f"{HISTORY}?from={first['from']}&to={second['from']}")
    assert answer.json["intervals"] == [first]
    assert (answer.json["from"], answer.json["to"]) == (first["from"], second["from"])


async def test_a_user_is_told_their_own_history_and_nobody_elses(api: ApiClient) -> None:
    anna = await as_user(api, "anna")
    assert [one["presence_status"] for one in (await anna.get(HISTORY)).json["intervals"]] == [1, 3, 2]
    refused(await anna.get(f"{USERS}/bert/presence/history"), 403, 40105)
    refused(await (await as_user(api, "bert")).get(HISTORY), 403, 40105)
    refused(await anna.get(STATS), 403, 40105)


async def test_a_history_of_nobody_is_not_found(api: ApiClient) -> None:
    refused(await api.get(f"{USERS}/nobody/presence/history"), 404, 40015)


async def test_a_bad_parameter_of_a_history_is_named(api: ApiClient) -> None:
    bad = (
        ("from=yesterday", "from"),
        ("to=2026-02-31", "to"),
        ("from=2026-03-02&to=2026-03-01", "from"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=WzEsLTJd", "cursor"),
        ("cursor=WzEsOTk5OTk5OTk5OTk5OTk5OTk5OTldCg", "cursor"),
        ("user=anna", "user"),
        ("from=2026-03-01&from=2026-03-01", "from"),
    )
    for query, field in bad:
        refused(await api.get(f"{HISTORY}?{query}"), 400, 40003, field)


async def test_the_stats_of_days_tell_who_came_and_for_how_long(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    bert = (await services.users.get("demo", "bert", SERVER)).user
    await come(services, bert)
    clock.advance(60)
    await services.chronicle.run()
    answer = await api.get(STATS)
    assert (answer.status, answer.json["by"]) == (200, "day")
    [day] = answer.json["points"]
    assert (day["peak"], day["online"], day["users"]) == (1, 1, 2)
    assert day["at"].endswith("T00:00:00.000Z")
    assert day["peak_at"] == (await api.get(HISTORY)).json["intervals"][0]["from"]
    # anna for two minutes, bert for one; how long the test itself took counts, too
    assert day["online_s"] // 60 == 3


async def test_who_is_invisible_does_not_count(api: ApiClient, services: Services, clock: Clock) -> None:
    anna = (await services.users.get("demo", "anna", SERVER)).user
    clock.advance(60)
    await go(services, anna)
    await services.chronicle.run()
    points = (await api.get(f"{STATS}?by=minute")).json["points"]
    assert [point["online"] for point in points[:2]] == [1, 1]
    assert {point["online"] for point in points[2:]} == {0}
    assert points[-1]["peak"] == 0
    assert points[-1]["peak_at"] is None
    assert points[-1].keys() == {"at", "peak", "peak_at", "online"}


async def test_the_stats_are_told_of_the_time_that_is_asked_for(api: ApiClient) -> None:
    [hour] = (await api.get(f"{STATS}?by=hour")).json["points"]
    assert (await api.get(f"{STATS}?by=hour&to={hour['at']}")).json["points"] == []
    assert (await api.get(f"{STATS}?by=hour&from={hour['at']}")).json["points"] == [hour]


async def test_a_bad_parameter_of_the_stats_is_named(api: ApiClient) -> None:
    bad = (
        ("by=week", "by"),
        ("by=minute&from=2026-03-01&to=2026-03-03", "by"),
        ("by=hour&from=2025-03-01", "by"),
        ("from=x", "from"),
        ("limit=1", "limit"),
    )
    for query, field in bad:
        refused(await api.get(f"{STATS}?{query}"), 400, 40003, field)


async def test_as_many_points_as_there_may_be_can_be_asked_for(api: ApiClient) -> None:
    assert (await api.get(f"{STATS}?by=minute&from=2026-03-01T00:00:00Z&to=2026-03-02T01:00:00Z")).status == 200
    refused(await api.get(f"{STATS}?by=minute&from=2026-03-01T00:00:00Z&to=2026-03-02T01:00:01Z"), 400, 40003, "by")
