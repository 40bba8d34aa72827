"""Who may ask the panel what, how often, and in which order it finds out what is wrong."""

from __future__ import annotations

import pytest

from chatsrv.domain.apps import Scope
from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.api.native.people import make_token
from tests.api.panel.people import (
    ANNA,
    BEN,
    MALFORMED,
    NATIVE,
    NOT_FOUND,
    SERVERS,
    TOO_MANY,
    UNAUTHENTICATED,
    UNAUTHORIZED,
    USERS,
    failures,
    make,
    own,
    refusal,
    with_scopes,
)
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import DemoApp, MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

NETWORK = (
    403,
    "AccessDeniedHttpException",
    "This IP address (127.0.0.1) does not have permission to access the API using these credentials.",
)
JSON = {"Content-Type": "application/json"}


async def test_only_a_server_key_as_a_bearer_is_known(api: ApiClient, demo: DemoApp, services: Services) -> None:
    anna = await make(api)
    token = await make_token(api, "anna")
    access_token = await services.access_tokens.issue("demo", anna["id"])
    nobody = api.speaking_as(None)
    for value in (
        None,
        demo.key,
        f"bearer {demo.key}",
        f"BEARER {demo.key}",
        f"Basic {demo.key}",
        "Bearer",
        "Bearer ",
        "Bearer x",
        f"Bearer {demo.key}x",
        f"Bearer {token}",
        f"Bearer {access_token}",
        "Bearer \u00e9",
    ):
        answer = await nobody.get(USERS, headers={"Authorization": value} if value else {})
        assert refusal(answer) == UNAUTHENTICATED, value
        assert "X-RateLimit-Limit" not in answer.headers
    for answer in (
        await nobody.get(f"{USERS}?token={demo.key}&api_token={demo.key}"),
        await nobody.get(USERS, headers={"X-Api-Key": demo.key}),
        await nobody.get(USERS, headers={"X-Access-Token": demo.key}),
    ):
        assert refusal(answer) == UNAUTHENTICATED
    assert (await nobody.get(USERS, headers={"Authorization": f"Bearer   {demo.key} "})).status == 200


async def test_accept_does_not_matter_and_errors_are_always_json(api: ApiClient) -> None:
    for accept in ("Application/vnd.pterodactyl.v1+json", "application/json", "text/html", "*/*", "nonsense"):
        assert (await api.get(USERS, headers={"Accept": accept})).status == 200
        assert refusal(await api.get(f"{USERS}/1", headers={"Accept": accept})) == NOT_FOUND


async def test_each_route_needs_its_scope(api: ApiClient, services: Services) -> None:
    anna = await make(api, external_id="crm-1")
    lobby = await own(api, anna["id"])
    user, server = f"{USERS}/{anna['id']}", f"{SERVERS}/{lobby['id']}"
    needed = {
        ("GET", USERS): Scope.USERS_READ,
        ("HEAD", USERS): Scope.USERS_READ,
        ("GET", user): Scope.USERS_READ,
        ("GET", f"{USERS}/external/crm-1"): Scope.USERS_READ,
        ("POST", USERS): Scope.USERS_WRITE,
        ("PATCH", user): Scope.USERS_WRITE,
        ("GET", SERVERS): Scope.SERVERS_READ,
        ("GET", server): Scope.SERVERS_READ,
        ("POST", SERVERS): Scope.SERVERS_WRITE,
        ("DELETE", server): Scope.SERVERS_WRITE,
        ("DELETE", user): Scope.USERS_WRITE,
    }
    keys = {scope: await with_scopes(api, services, scope) for scope in set(needed.values())}
    for (method, path), scope in needed.items():
        for other in keys.keys() - {scope}:
            answer = await keys[other].request(method, path)
            assert answer.status == 403 if method == "HEAD" else refusal(answer) == UNAUTHORIZED, (method, path)
        answer = await keys[scope].request(method, path, json={**BEN, "name": "x", "user": 0})
        assert answer.status in (200, 201, 204, 422), (method, path, answer.json)


async def test_what_is_wrong_is_found_in_the_order_of_the_panel(make_settings: MakeSettings, clock: Clock) -> None:
    """Each request has everything wrong that comes later, too."""
    async with serving(make_settings(panel_rate_per_minute=4), clock) as (anyone, services):
        _, key = await services.apps.create("demo", None)
        anna = await make(anyone.speaking_as(key))
        path, missing = f"{USERS}/{anna['id']}", f"{USERS}/{anna['id'] + 1}"
        outside = await with_scopes(anyone, services, Scope.PRESENCE_READ, networks=("10.0.0.0/8",))
        inside = await with_scopes(anyone, services, Scope.PRESENCE_READ)
        broken = {"data": b"{", "headers": JSON}
        assert refusal(await anyone.put(path, **broken))[0] == 405
        assert refusal(await anyone.put("/api/application/x", **broken))[0] == 404
        assert refusal(await anyone.patch(missing, **broken)) == UNAUTHENTICATED
        for _ in range(5):
            # one that is over its rate and outside of its network
            assert refusal(await outside.patch(missing, **broken)) == MALFORMED
        assert refusal(await outside.patch(missing, {})) == NETWORK
        assert refusal(await inside.patch(missing, {})) == NOT_FOUND
        assert refusal(await inside.patch(path, {})) == UNAUTHORIZED
        for _ in range(2):
            assert refusal(await inside.patch(missing, {})) == NOT_FOUND
        assert refusal(await inside.patch(missing, {})) == TOO_MANY
        writer = await with_scopes(anyone, services, Scope.USERS_WRITE)
        assert failures(await writer.patch(path, {}))[0] == ("email", "required")
        assert failures(await writer.post(USERS, {}))[0] == ("email", "required")


def left(answer: Answer) -> int:
    assert answer.headers["X-RateLimit-Limit"] == "240"
    return int(answer.headers["X-RateLimit-Remaining"])


async def test_every_answer_after_the_key_counts_down(api: ApiClient, services: Services) -> None:
    reader = await with_scopes(api, services, Scope.USERS_READ)
    outside = await with_scopes(api, services, *Scope, networks=("10.0.0.0/8",))
    answers = [
        await reader.get(USERS),
        await reader.get(f"{USERS}/1"),
        await reader.post(USERS, ANNA),
        await reader.get(f"{USERS}?filter[x]=1"),
        await reader.get(f"{USERS}?per_page=x"),
        await reader.get(USERS, data=b"{", headers=JSON),
    ]
    assert [answer.status for answer in answers] == [200, 404, 403, 400, 422, 400]
    assert [left(answer) for answer in answers] == [239, 238, 237, 236, 235, 234]
    assert left(await outside.get(USERS)) == 239
    created = await api.post(USERS, ANNA)
    assert (created.status, left(created)) == (201, 239)


async def test_the_241st_request_within_a_minute_is_too_many(api: ApiClient, services: Services, clock: Clock) -> None:
    began = clock.now()
    for _ in range(240):
        assert (await api.get(f"{USERS}/1")).status == 404
    clock.advance((began + 59_500 - clock.now()) / 1000)  # however long they took
    refused = await api.get(USERS)
    assert refusal(refused) == TOO_MANY
    assert left(refused) == 0
    assert 0 < int(refused.headers["Retry-After"]) <= 1
    assert 0 <= int(refused.headers["X-RateLimit-Reset"]) - clock.now() / 1000 <= 2
    assert (await api.post(USERS, ANNA)).status == 429
    # the native rate of the same key is counted apart, and so is another key
    assert (await api.get(NATIVE)).json == []
    assert left(await (await with_scopes(api, services, *Scope)).get(USERS)) == 239
    clock.advance(int(refused.headers["Retry-After"]))
    assert left(await api.get(USERS)) == 239
