"""Every error in its exact shape, and what the router, CORS and the outages of the stores answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatsrv.services import Services
from tests.api.native.people import USERS, add, come_online, usernames
from tests.api.native.refusals import refused
from tests.api.raw import send
from tests.api.serving import serving, wire_to
from tests.client import ApiClient
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import eventually

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ONE = f"{USERS}/anna"
ALLOWED = {
    USERS: "GET, HEAD, OPTIONS, POST",
    ONE: "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    "/v1/users": "OPTIONS, POST",
    "/v1/users/anna": "GET, HEAD, OPTIONS",
    "/v1/demo/bulk/users": "GET, HEAD, OPTIONS, POST, PUT",
    **{f"{ONE}/{verb}": "OPTIONS, POST" for verb in ("rename", "deactivate", "reactivate")},
    f"{ONE}/tokens": "DELETE, OPTIONS, POST",
    f"{ONE}/presence": "DELETE, GET, HEAD, OPTIONS, PUT",
    "/healthz": "GET, HEAD, OPTIONS",
}


async def test_an_error_repeats_the_request_id_that_the_client_chose(api: ApiClient) -> None:
    for given in ("abc-DEF_1.2", "x" * 64):
        answer = await api.get(f"{USERS}/nobody", headers={"X-Request-Id": given})
        refused(answer, 404, 40015)
        assert answer.json["traceId"] == given
    for odd in ("", "x" * 65, "a b", 'a"b', "é"):
        answer = await api.get(f"{USERS}/nobody", headers={"X-Request-Id": odd})
        assert answer.json["traceId"] not in ("", odd)


async def test_every_answer_has_a_request_id_of_its_own(api: ApiClient) -> None:
    await add(api, "anna")
    asked = [
        ("GET", USERS),
        ("HEAD", USERS),
        ("OPTIONS", USERS),
        ("GET", "/nothing"),
        ("GET", "/docs"),
        ("DELETE", ONE),
    ]
    ids = [(await api.request(method, path)).headers["X-Request-Id"] for method, path in asked]
    assert len(set(ids)) == len(asked)


async def test_a_path_that_leads_nowhere_is_no_item(api: ApiClient) -> None:
    for path in ("/nothing", "/v1", "/v1/demo", "/v1/demo/userss", f"{ONE}/foo", f"{USERS}//rename"):
        refused(await api.get(path), 404, 40400)
        refused(await api.speaking_as(None).post(path, {}), 404, 40400)
    for path in (f"{ONE}//", f"/{ONE}", "//", "/v1//users"):
        refused(await send(api, f"GET {path}"), 404, 40400)


async def test_a_method_that_a_path_does_not_have_is_told_which_it_has(api: ApiClient) -> None:
    for path, allowed in ALLOWED.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - set(allowed.split(", ")):
            for slash in ("", "/") if path.startswith("/v1") else ("",):
                answer = await api.request(method, path + slash)
                refused(answer, 405, 40500)
                assert answer.headers["Allow"] == allowed


async def test_options_says_what_may_be_done_to_anybody(api: ApiClient) -> None:
    for path, allowed in ALLOWED.items():
        answer = await api.speaking_as(None).request("OPTIONS", path)
        assert (answer.status, answer.body, answer.headers["Allow"]) == (204, b"", allowed)
        assert "Access-Control-Allow-Origin" not in answer.headers
    refused(await api.request("OPTIONS", "/nothing"), 404, 40400)


async def test_each_path_works_with_a_slash_at_its_end(api: ApiClient) -> None:
    made = await api.post(f"{USERS}/", {"username": "anna"})
    assert (made.status, made.headers["Location"]) == (201, ONE)
    assert (await api.post("/v1/users/", {"username": "ben"})).status == 201
    assert usernames(await api.get(f"{USERS}/?limit=1")) == ["anna"]
    for path in (f"{ONE}/", "/v1/users/anna/"):
        assert (await api.get(path)).json == made.json
    for verb, body in {"deactivate": None, "reactivate": None, "tokens": None, "rename": {"username": "x"}}.items():
        assert (await api.post(f"{ONE}/{verb}/", body)).status in (200, 201)
    assert (await api.post("/v1/demo/bulk/users/", {"users": []})).status == 200
    assert (await api.delete(f"{USERS}/x/")).status == 204


async def test_a_host_that_is_none_is_refused_where_links_are_written(api: ApiClient) -> None:
    for host in ("x:abc", "x:99999", "a b", "a/b", "a@b", "[::1", "", "\xff", "a,b", "<>"):
        refused(await send(api, f"GET {USERS}\nHost: {host}"), 400, 40000)
    for host in ("chat_1.test", "127.0.0.1:80", "[::1]:8080"):
        answer = await send(api, f"GET {USERS}?presence=true\nHost: {host}")
        assert answer.json["links"]["current"].startswith(f"http://{host.removesuffix(':80')}/v1/")


# CORS


async def test_an_origin_that_is_allowed_is_answered_by_name(make_settings: MakeSettings) -> None:
    ours, other = "https://chat.test", "https://evil.test"
    async with serving(make_settings(allowed_origins=(ours,))) as (api, _):
        for method, path in (("OPTIONS", USERS), ("GET", USERS), ("GET", "/nothing"), ("PUT", "/healthz")):
            answer = await api.request(method, path, headers={"Origin": ours})
            assert answer.headers["Access-Control-Allow-Origin"] == ours
            assert (
                "traceId" not in (answer.json or {})
                or "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
            )
            for origin in (other, "null", ours + ".evil.test", ours.upper(), ""):
                refusal = await api.request(method, path, headers={"Origin": origin})
                assert not [name for name in refusal.headers if name.startswith("Access-Control")]
                assert refusal.headers["Vary"] == "Origin"


async def test_a_preflight_says_what_a_script_may_send(make_settings: MakeSettings) -> None:
    async with serving(make_settings(allowed_origins=("*",))) as (api, _):
        asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
        answer = await api.request("OPTIONS", ONE, headers={"Origin": "https://a.test", **asked})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://a.test"
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"].split(", ")
        allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert {"authorization", "content-type", "x-api-key", "if-none-match"} <= set(allowed)
        assert "Access-Control-Allow-Credentials" not in answer.headers
        odd = await send(api, "GET /healthz\nOrigin: \xff\xfe")
        assert odd.status == 200


# The stores


async def test_without_a_database_everything_that_needs_it_is_503(make_settings: MakeSettings, free_port: int) -> None:
    url = f"postgres://x:secret@127.0.0.1:{free_port}/x"
    async with serving(make_settings(database_url=url)) as (api, _):
        for method, path in (("GET", USERS), ("POST", USERS), ("DELETE", ONE), ("GET", "/metrics")):
            answer = await api.request(method, path, headers={"X-Api-Key": f"cs_{'a' * 12}_x"})
            message = refused(answer, 503, 50300)
            assert int(answer.headers["Retry-After"]) >= 1
            assert "secret" not in message
        refused(await api.get(USERS), 401, 1302)


async def test_an_error_of_ours_says_nothing_but_the_id_to_look_for(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    empty = f"sqlite:///{tmp_path}/never_migrated.db"
    async with serving(make_settings(database_url=empty)) as (api, _):
        answer = await api.get(USERS, headers={"X-Api-Key": f"cs_{'a' * 12}_x"})
        message = refused(answer, 500, 50001)
        assert not [word for word in ("server_keys", "sqlite", "Error(", "chatsrv") if word in message]


async def test_without_redis_the_directory_works_and_says_that_presence_is_stale(
    make_settings: MakeSettings, valkey_url: str
) -> None:
    async with wire_to(valkey_url) as wire:
        settings = make_settings(redis_url=f"redis://127.0.0.1:{wire.port}", redis_timeout_s=0.2)
        async with serving(settings) as (anyone, services):
            api = anyone.speaking_as((await services.apps.create("demo", None))[1])
            await _begin(api, services)
            await wire.cut()
            await eventually(lambda: _is_stale(api), "the node has noticed")
            await _check_stale(api)
            await wire.open()
            await eventually(lambda: _is_fresh(api), "Redis is asked again")


async def _begin(api: ApiClient, services: Services) -> None:
    await add(api, "anna", "ben")
    await come_online(services, "anna")
    user = await services.users.find("demo", "anna")
    await eventually(lambda: _is_mirrored(services, user.id), "the node has read it in the log")
    assert usernames(await api.get(f"{USERS}?presence=true&sort=-last_login_at")) == ["anna", "ben"]


async def _is_mirrored(services: Services, user_id: int) -> bool:
    return bool(services.mirror.read("demo", [user_id]))


async def _is_stale(api: ApiClient) -> bool:
    return "Presence-Stale" in (await api.get(f"{USERS}?presence=true")).headers


async def _is_fresh(api: ApiClient) -> bool:
    page = await api.get(f"{USERS}?presence=true")
    return "stale" not in page.json and "Presence-Stale" not in page.headers


async def _check_stale(api: ApiClient) -> None:
    page = await api.get(f"{USERS}?presence=true&sort=-last_login_at")
    assert (usernames(page), page.json["stale"]) == (["anna", "ben"], True)
    assert "Presence-Stale" in page.headers
    assert page.json["users"][0]["last_login_at"] is not None
    assert [user["presence_status"] for user in page.json["users"]] == [1, 0]
    assert usernames(await api.get(f"{USERS}?presence=true&filter=presence_status:eq:1")) == ["anna"]
    queried = await api.post("/v1/demo/presence/query", {"usernames": ["anna"]})
    assert (queried.json["stale"], queried.json["users"][0]["presence_status"]) == (True, 1)
    assert (await api.get("/v1/demo/presence/counts")).json == {
        "online": 1, "away": 0, "dnd": 0, "total": 2, "stale": True
    }  # fmt: skip
    assert (await api.get("/v1/demo/presence")).json["stale"]
    assert (await api.get(f"{ONE}/presence")).json["stale"]
    refused(await api.put(f"{ONE}/presence", {"status": "dnd"}), 503, 50300)
    assert (await api.put(f"{USERS}/anna", {"name": "A"})).status == 200
    assert (await api.post(USERS, {"username": "eve"})).status == 201
    assert (await api.delete(f"{USERS}/eve")).status == 204


async def test_the_wrong_app_and_an_app_that_does_not_exist_look_the_same(api: ApiClient, demo: DemoApp) -> None:
    messages = {
        refused(await api.get(f"/v1/{app}/users"), 403, 40105).split("traceId")[0] for app in ("x", "Demo", "-")
    }
    assert len(messages) == 1
