"""Which web pages may read our answers: of other origins, those that the server or the caller's app allows."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from chatsrv.domain.clock import Clock
from chatsrv.services import Services, open_services
from tests.api.manners import MANNERS, Manner
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import DemoApp, MakeSettings
from tests.listening import served_node
from tests.services.test_app_reads import counted

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

SHOP, OTHER, EVIL = "https://shop.example", "https://other.example", "https://evil.example"


@pytest.fixture
async def neighbour(services: Services) -> str:
    """The key of another app."""
    return (await services.apps.create("next-door", None))[1]


async def allow(services: Services, app_id: str, *origins: str) -> None:
    """Until this node knows it."""
    await services.apps.change_setting(app_id, "allowed_origins", ",".join(origins))
    await settled(services)


async def settled(services: Services) -> None:
    """Nothing is being read that this node wants to know."""
    async with asyncio.timeout(10):
        while services.origins._reading:
            await asyncio.sleep(0.001)


def named(answer: Answer) -> str | None:
    """The origin that may read it."""
    return answer.headers.get("Access-Control-Allow-Origin")


async def preflight(api: ApiClient, path: str, origin: str) -> Answer:
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    return await api.with_headers({}).request("OPTIONS", path, headers={"Origin": origin, **asked})


def about_origins(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")}


async def test_by_default_no_page_of_another_origin_may_read_anything(api: ApiClient, demo: DemoApp) -> None:
    for path in ("/v1/demo/users", "/healthz", "/nothing", "/openapi/native.json", "/docs", "/metrics"):
        for origin in (SHOP, "null", api.url):
            answers = [await preflight(api, path, origin), await api.get(path, headers={"Origin": origin})]
            assert [about_origins(answer) for answer in answers] == [{}, {}]


@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)
async def test_the_answer_can_be_read_by_pages_of_the_callers_app_and_by_no_others(
    manner: Manner, api: ApiClient, demo: DemoApp, services: Services, neighbour: str
) -> None:
    await allow(services, "demo", SHOP)
    await allow(services, "next-door", OTHER)
    ours, theirs = manner.speak(api, demo.key), manner.speak(api, neighbour)
    may_read = {
        (who, origin)
        for who, client in (("ours", ours), ("theirs", theirs))
        for origin in (SHOP, OTHER, EVIL)
        if named(await client.get(manner.users, headers={"Origin": origin}))
    }
    assert may_read == {("ours", SHOP), ("theirs", OTHER)}


async def test_an_error_to_a_caller_whom_we_know_is_no_more_readable_than_an_answer(
    api: ApiClient, services: Services, neighbour: str
) -> None:
    await allow(services, "next-door", OTHER)
    for path, status in (("/v1/demo/users", 200), ("/v1/next-door/users", 403), ("/v1/demo/users/nobody", 404)):
        answer = await api.get(path, headers={"Origin": OTHER})
        assert (answer.status, named(answer)) == (status, None)


async def test_a_preflight_tells_nothing_of_which_app_exists_or_which_allows_what(
    api: ApiClient, services: Services, neighbour: str
) -> None:
    await allow(services, "next-door", OTHER)
    paths = ("/v1/demo/users", "/v1/next-door/users", "/v1/there-is-none/users")
    for origin, may in ((OTHER, True), (SHOP, False), (EVIL, False)):
        told = [about_origins(await preflight(api, path, origin)) for path in paths]
        assert told[0] == told[1] == told[2]
        assert bool(told[0]) is may


async def test_what_nobody_whom_we_know_is_told_is_as_readable_as_a_preflight(
    api: ApiClient, services: Services, neighbour: str
) -> None:
    await allow(services, "next-door", OTHER)
    anyone = api.speaking_as(None)
    for path in ("/v1/demo/users", "/v1/next-door/users", "/v1/none/users", "/healthz"):
        assert named(await anyone.get(path, headers={"Origin": OTHER})) == OTHER
        assert named(await anyone.get(path, headers={"Origin": EVIL})) is None


async def test_a_star_of_one_app_opens_its_own_answers_alone(
    api: ApiClient, demo: DemoApp, services: Services, neighbour: str
) -> None:
    await allow(services, "next-door", "*")
    theirs = api.speaking_as(neighbour)
    assert named(await theirs.get("/v1/next-door/users", headers={"Origin": EVIL})) == EVIL
    assert named(await api.get("/v1/demo/users", headers={"Origin": EVIL})) is None


async def test_the_servers_list_holds_for_every_app(make_settings: MakeSettings) -> None:
    async with serving(make_settings(allowed_origins=(SHOP,))) as (api, services):
        for app_id in ("demo", "next-door"):
            _, key = await services.apps.create(app_id, None)
            answer = await api.speaking_as(key).get(f"/v1/{app_id}/users", headers={"Origin": SHOP})
            assert named(answer) == SHOP


async def test_no_page_may_send_cookies_and_every_answer_says_that_it_depends_on_the_origin(
    api: ApiClient, services: Services
) -> None:
    await allow(services, "demo", SHOP)
    poll = "/socket.io/?EIO=4&transport=polling"
    for path in ("/v1/demo/users", "/v1/demo/users/nobody", "/healthz", "/nothing", poll):
        for method in ("GET", "OPTIONS"):
            for headers in ({"Origin": SHOP}, {"Origin": EVIL}, {}):
                answer = await api.request(method, path, headers=headers)
                assert "Access-Control-Allow-Credentials" not in answer.headers
                assert "Origin" in answer.headers["Vary"].split(", ")


async def test_what_all_apps_allow_costs_no_statement_for_each_request(
    make_settings: MakeSettings, clock: Clock
) -> None:
    async with serving(make_settings(credential_cache_s=60, run_worker=False), clock) as (api, services):
        await services.apps.create("demo", None)
        await allow(services, "demo", SHOP)
        with counted() as statements:
            for path in ("/v1/demo/users", "/v1/none/users", "/healthz") * 10:
                assert named(await preflight(api, path, SHOP)) == SHOP
        assert lists_read(statements) <= 1  # what allow() set off may still be under way
        clock.advance(61)
        with counted() as statements:
            await asyncio.gather(*(preflight(api, "/healthz", SHOP) for _ in range(20)))
            await settled(services)
        assert lists_read(statements) == 1


def lists_read(statements: list[str]) -> int:
    """Background work has statements of its own."""
    return sum("apps.settings !=" in statement for statement in statements)


async def test_a_change_on_one_node_is_known_to_the_others_by_the_log_alone(
    make_settings: MakeSettings, clock: Clock, services: Services, demo: DemoApp
) -> None:
    async with open_services(make_settings(credential_cache_s=3600), clock) as other, served_node(other):
        assert not other.origins.admits(SHOP)
        for origins in ((SHOP,), ()):
            await services.apps.change_setting("demo", "allowed_origins", ",".join(origins))
            await services.announcements.flush()
            async with asyncio.timeout(10):
                while other.origins.admits(SHOP) is not bool(origins):
                    await asyncio.sleep(0.005)


async def test_without_the_log_a_change_is_known_as_soon_as_that_of_a_key(
    services: Services, demo: DemoApp, make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(), clock) as other:
        await other.origins.begin()
        await services.apps.change_setting("demo", "allowed_origins", SHOP)
        assert not other.origins.admits(SHOP)
        clock.advance(other.settings.credential_cache_s)
        other.origins.of_anybody()
        await settled(other)
        assert other.origins.admits(SHOP)


async def test_a_deleted_app_allows_nothing_any_more(services: Services, demo: DemoApp) -> None:
    await services.origins.begin()
    await allow(services, "demo", SHOP)
    assert services.origins.admits(SHOP)
    await services.apps.delete("demo")
    await settled(services)
    assert not services.origins.admits(SHOP)


async def test_an_origin_is_allowed_letter_by_letter(api: ApiClient, services: Services, demo: DemoApp) -> None:
    await allow(services, "demo", SHOP)
    for origin in (f"{SHOP}/", SHOP.upper(), f"{SHOP}.evil.test", f"{SHOP}:444", "http://shop.example", "null", ""):
        assert named(await api.get("/v1/demo/users", headers={"Origin": origin})) is None
        assert named(await preflight(api, "/v1/demo/users", origin)) is None


async def test_a_database_that_is_away_is_asked_now_and_then_and_the_log_says_it_once(
    make_settings: MakeSettings, clock: Clock
) -> None:
    settings = make_settings(database_url="postgres://x:y@127.0.0.1:1/x")
    async with open_services(settings, clock) as services:
        with capture_logs() as lines:
            for _ in range(30):
                assert not services.origins.admits(SHOP)
                await asyncio.sleep(0.002)
                clock.advance(0.5)
        assert 1 <= len([line for line in lines if line["event"] == "origins_not_read"]) <= 16
        assert len([line for line in lines if line["log_level"] == "warning"]) == 1
