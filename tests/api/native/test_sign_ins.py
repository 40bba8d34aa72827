"""The sign-in log: every login is in it once, and what somebody did while hidden is theirs."""

from __future__ import annotations

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import Viewer
from chatsrv.domain.sessions import Departure
from chatsrv.domain.sign_ins import NewSignIn
from chatsrv.services import Services, open_services
from tests.api.native.people import USERS, add, as_user, come_online
from tests.api.native.refusals import refused
from tests.client import ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

LOG = f"{USERS}/anna/sign_ins"


@pytest.fixture(autouse=True)
async def people(api: ApiClient) -> None:
    await add(api, "anna", "bert")


async def instants(client: ApiClient, path: str = LOG) -> list[str]:
    answer = await client.get(path)
    assert answer.status == 200, answer.json
    assert answer.json["count"] == len(answer.json["sign_ins"])
    return [item["created_at"] for item in answer.json["sign_ins"]]


async def test_each_login_is_noted_the_latest_first(api: ApiClient, services: Services, clock: Clock) -> None:
    assert await instants(api) == []
    noted = []
    for _ in range(3):
        clock.advance(3600)
        await come_online(services, "anna")
        noted.append((await api.get(f"{USERS}/anna")).json["last_login_at"])
    assert await instants(api) == noted[::-1]
    assert await instants(api, f"{USERS}/bert/sign_ins") == []
    page = await api.get(f"{LOG}?limit=1&offset=1")
    assert [item["created_at"] for item in page.json["sign_ins"]] == [noted[1]]
    assert (page.json["total_count"], page.headers["X-Total-Count"]) == (3, "3")


async def test_who_is_back_within_the_grace_did_not_sign_in(api: ApiClient, services: Services, clock: Clock) -> None:
    session_id = await come_online(services, "anna")
    await services.presence.close(session_id, Departure.LOST)
    clock.advance(5)
    await come_online(services, "anna")
    assert len(await instants(api)) == 1


async def test_what_was_noted_while_hidden_is_for_the_user_and_the_backend(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    anna, bert = await as_user(api, "anna"), await as_user(api, "bert")
    user = await services.users.find("demo", "anna")
    await come_online(services, "anna")
    assert (await anna.put(f"{USERS}/anna/presence", {"status": "invisible"})).status == 200
    clock.advance(60)
    await come_online(services, "anna")
    assert len(await instants(api)) == len(await instants(anna)) == 2
    refused(await bert.get(LOG), 403, 40105)
    viewer = (await services.users.find("demo", "bert")).id
    seen = await services.sign_ins.find_latest([user.id], Viewer(viewer))
    assert [item.created_at for item in seen[user.id]] == [item.created_at for item in seen[user.id][:1]]
    assert len(seen[user.id]) == 1


async def test_old_entries_are_forgotten_and_a_setting_says_when(
    make_settings: MakeSettings, api: ApiClient, services: Services, clock: Clock
) -> None:
    await come_online(services, "anna")
    before = await instants(api)
    clock.advance(89 * 86_400)
    await services.sign_ins.forget_old()
    assert await instants(api) == before
    clock.advance(2 * 86_400)
    async with open_services(make_settings(sign_ins_kept_days=0), clock) as keeps_all:
        await keeps_all.sign_ins.forget_old()
    assert await instants(api) == before
    await services.sign_ins.forget_old()
    assert await instants(api) == []


async def test_entries_wait_while_the_database_is_away_the_newest_if_there_are_too_many(
    make_settings: MakeSettings, api: ApiClient, clock: Clock
) -> None:
    async with open_services(make_settings(sign_ins_waiting_max=2), clock) as services:
        user = await services.users.find("demo", "anna")
        for at in (1000, 2000, 3000):
            services.sign_ins.note(NewSignIn(user.id, at))
    assert await instants(api) == []
    async with open_services(make_settings(sign_ins_waiting_max=2), clock) as services:
        services.sign_ins.note(NewSignIn(10**9, 5000))
        for at in (1000, 2000):
            services.sign_ins.note(NewSignIn(user.id, at))
        assert "chatsrv_sign_ins_lost_total 1.0" in services.metrics.render().decode()
        await services.sign_ins.flush()
        await services.sign_ins.flush()
    assert await instants(api) == [to_text(2000), to_text(1000)]


async def test_nothing_noted_is_lost_by_a_write_that_fails(
    make_settings: MakeSettings, api: ApiClient, services: Services
) -> None:
    user = await services.users.find("demo", "anna")
    settings = make_settings(database_timeout_s=0.2)
    async with open_services(settings) as other, services.db.write() as tx:
        # another writer has the file for longer than anybody waits
        other.sign_ins.note(NewSignIn(user.id, 1000))
        with pytest.raises(Unavailable):
            await other.sign_ins.flush()
        await tx.rollback()
        await other.sign_ins.flush()
    assert await instants(api) == [to_text(1000)]


async def test_an_unknown_user_has_no_log_and_odd_pages_are_refused(api: ApiClient) -> None:
    refused(await api.get(f"{USERS}/nobody/sign_ins"), 404, 40015)
    refused(await api.get(f"{USERS}/%00/sign_ins"), 404, 40015)
    refused(await api.get(f"{LOG}?limit=0"), 400, 40003, "limit")
    refused(await api.get(f"{LOG}?since=1"), 400, 40003, "since")
