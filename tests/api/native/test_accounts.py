"""What happens to an account as a whole: rename, deactivate, reactivate, and the tokens that speak for it."""

from __future__ import annotations

import jwt
import pytest

from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.api.native.people import USERS, add, come_online
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_a_rename_answers_the_user_and_the_old_name_is_free(api: ApiClient) -> None:
    await add(api, "anna", first_name="A", email="a@b")
    before = (await api.get(f"{USERS}/anna?fields=*")).json
    renamed = await api.post(f"{USERS}/ANNA/rename?fields=*", {"username": "Berg"})
    assert renamed.status == 200
    changed = {"username": "Berg", "updated_at": renamed.json["updated_at"]}
    assert renamed.json == {**before, **changed}
    assert renamed.json["updated_at"] > before["updated_at"]
    refused(await api.get(f"{USERS}/anna"), 404, 40015)
    await add(api, "anna")


async def test_a_rename_may_change_nothing_but_the_case(api: ApiClient) -> None:
    await add(api, "anna")
    assert (await api.post(f"{USERS}/anna/rename", {"username": "ANNA"})).json["username"] == "ANNA"


async def test_a_rename_follows_the_rules_of_names(api: ApiClient) -> None:
    await add(api, "anna", "Ben")
    path = f"{USERS}/anna/rename"
    refused(await api.post(path, {"username": "ben"}), 409, 40900, "username")
    for bad in ("", " a", "a\x00", 7, None, "x" * 192):
        refused(await api.post(path, {"username": bad}), 400, 40003, "username")
    refused(await api.post(path, {}), 400, 40003, "username")
    refused(await api.post(path, {"username": "eve", "name": "x"}), 400, 40003, "name")
    refused(await api.post(path, data=b"", headers={"Content-Type": "application/json"}), 400, 40000)
    assert (await api.get(f"{USERS}/anna")).status == 200


async def test_whoever_is_renamed_needs_a_new_token(api: ApiClient) -> None:
    await add(api, "anna")
    old = (await api.post(f"{USERS}/anna/tokens")).json["token"]
    await api.post(f"{USERS}/anna/rename", {"username": "eve"})
    refused(await api.speaking_as(old).get(USERS), 401, 40015)
    new = (await api.post(f"{USERS}/eve/tokens")).json["token"]
    assert (await api.speaking_as(new).get(USERS)).status == 200


async def test_deactivated_is_a_status_that_can_be_undone(api: ApiClient) -> None:
    await add(api, "anna")
    for verb, status in (("deactivate", 1), ("deactivate", 1), ("reactivate", 0), ("reactivate", 0)):
        answer = await api.post(f"{USERS}/ANNA/{verb}?fields=username,status")
        assert (answer.status, answer.json) == (200, {"username": "anna", "status": status})
        assert (await api.get(USERS)).json[0]["status"] == status


async def test_whoever_is_deactivated_can_do_nothing_and_nothing_is_lost(api: ApiClient) -> None:
    await add(api, "anna", first_name="A")
    as_anna = api.speaking_as((await api.post(f"{USERS}/anna/tokens")).json["token"])
    await api.post(f"{USERS}/anna/deactivate")
    answer = await as_anna.get(f"{USERS}/anna")
    refused(answer, 403, 40301)
    assert "X-RateLimit-Remaining" in answer.headers
    refused(await as_anna.put(f"{USERS}/anna", {"first_name": "B"}), 403, 40301)
    refused(await api.post(f"{USERS}/anna/tokens"), 403, 40301)
    await api.post(f"{USERS}/anna/reactivate")
    assert (await as_anna.get(f"{USERS}/anna")).json["first_name"] == "A"


async def test_whoever_leaves_is_offline_and_their_sockets_are_told_to_close(
    api: ApiClient, services: Services
) -> None:
    for verb in ("deactivate", "rename"):
        await add(api, verb)
        await come_online(services, verb)
        assert (await api.get(f"{USERS}/{verb}")).json["presence_status"] == 1
        answer = await api.post(f"{USERS}/{verb}/{verb}", {"username": "new"})
        assert (answer.status, answer.json["presence_status"]) == (200, 0)
        assert answer.json["last_login_at"] is not None


async def test_a_token_carries_the_user_the_app_and_its_end(api: ApiClient, services: Services, clock: Clock) -> None:
    await add(api, "Anna")
    secret = (await services.apps.get("demo")).jwt_secret
    for ttl, body in ((60, {"ttl": 60}), (services.settings.token_ttl_s, None)):
        now = clock.now() // 1000
        answer = await api.post(f"{USERS}/anna/tokens", body)
        assert answer.status == 201
        assert answer.json.keys() == {"token", "expires_at"}
        claims = jwt.decode(answer.json["token"], secret, algorithms=["HS256"])
        assert (claims["sub"], claims["aid"]) == ("Anna", "demo")
        assert now + ttl <= claims["exp"] <= now + ttl + 5


async def test_a_bad_lifetime_is_refused(api: ApiClient, services: Services) -> None:
    await add(api, "anna")
    for ttl in (0, -1, 1.5, "60", True, None, services.settings.token_ttl_max_s + 1, 10**30):
        refused(await api.post(f"{USERS}/anna/tokens", {"ttl": ttl}), 400, 40003, "ttl")
    refused(await api.post(f"{USERS}/anna/tokens", {"foo": 1}), 400, 40003, "foo")
    refused(await api.post(f"{USERS}/anna/tokens", [1]), 400, 40000)
