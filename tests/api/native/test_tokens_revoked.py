"""Revoking the tokens of a user: none that was issued until then is good any more, and no other is touched."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.api.native.people import USERS, add, as_user, come_online, make_token, path_of, version_of
from tests.api.native.refusals import refused
from tests.api.serving import serving
from tests.client import ApiClient
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ONE = f"{USERS}/anna"


@pytest.fixture(autouse=True)
async def people(api: ApiClient) -> None:
    await add(api, "anna", "bert")


async def revoke(api: ApiClient, username: str = "anna") -> None:
    answer = await api.delete(f"{path_of(username)}/tokens")
    assert (answer.status, answer.body) == (204, b"")


async def is_good(client: ApiClient) -> bool:
    """A revoked token is refused like one that does not verify."""
    answer = await client.get(ONE)
    if answer.status != 200:
        refused(answer, 401, 1021)
    return answer.status == 200


async def signed(api: ApiClient, services: Services, **claims: Any) -> ApiClient:
    """With a token of Anna's that her app's own backend signed."""
    app = await services.apps.get("demo")
    expires_at = services.clock.now() // 1000 + 600
    token = jwt.encode({"sub": "anna", "aid": "demo", "exp": expires_at, **claims}, app.jwt_secret, "HS256")
    return api.speaking_as(token)


async def test_revoked_tokens_are_good_no_more(api: ApiClient, clock: Clock) -> None:
    old = await as_user(api, "anna")
    clock.advance(60)
    newer = await as_user(api, "anna")
    assert await is_good(old)
    assert await is_good(newer)
    await revoke(api)
    for client in (old, newer):
        refused(await client.get(ONE), 401, 1021)
        refused(await client.put(f"{ONE}/presence", {"status": "dnd"}), 401, 1021)
        refused(await client.get(USERS), 401, 1021)
    clock.advance(600)
    assert not await is_good(old)


async def test_a_token_made_right_after_is_good_at_once(api: ApiClient, clock: Clock) -> None:
    await revoke(api)
    new = await as_user(api, "anna")
    assert await is_good(new)
    clock.advance(60)
    assert await is_good(new)


async def test_revoking_again_at_once_revokes_the_token_made_in_between(api: ApiClient) -> None:
    await revoke(api)
    between = await as_user(api, "anna")
    await revoke(api)
    assert not await is_good(between)
    assert await is_good(await as_user(api, "anna"))


async def test_other_people_and_keys_go_on(api: ApiClient, services: Services) -> None:
    bert = await as_user(api, "bert")
    await come_online(services, "bert")
    await revoke(api)
    assert (await bert.get(ONE)).status == 200
    assert len((await bert.get(f"{USERS}/bert/sessions")).json) == 1
    assert (await api.get(ONE)).status == 200


async def test_a_token_of_ones_own_making_counts_by_its_iat(api: ApiClient, services: Services, clock: Clock) -> None:
    undated = await signed(api, services)
    assert await is_good(undated)
    await revoke(api)
    revoked_s = clock.now() // 1000
    assert not await is_good(undated)
    assert not await is_good(await signed(api, services, iat=revoked_s - 1))
    clock.advance(2)
    assert await is_good(await signed(api, services, iat=revoked_s + 2))
    assert not await is_good(await signed(api, services))


async def test_their_sessions_end_at_once_and_others_see_it(api: ApiClient, services: Services) -> None:
    await come_online(services, "anna")
    await come_online(services, "anna")
    assert (await api.put(f"{ONE}/presence", {"ttl": 60})).json["presence_status"] == 1
    before = await version_of(api)
    await revoke(api)
    assert (await api.get(f"{ONE}/sessions")).json == []
    assert (await api.get(f"{ONE}/presence")).json["presence_status"] == 0
    assert await version_of(api) == before + 1
    await come_online(services, "anna")
    assert (await api.get(f"{ONE}/presence")).json["presence_status"] == 1


async def test_claims_and_all_else_of_the_user_stay(api: ApiClient, services: Services) -> None:
    await come_online(services, "anna")
    await api.put(f"{ONE}/presence", {"status": "dnd", "text": "busy"})
    fields = "uuid,role,status,created_at,last_login_at,first_name"
    before = (await api.get(f"{ONE}?fields={fields}")).json
    await revoke(api)
    assert (await api.get(f"{ONE}?fields={fields}")).json == before
    await come_online(services, "anna")
    assert (await api.get(f"{ONE}/presence")).json["text"] == "busy"


async def test_twice_is_no_error_and_without_any_token_neither(api: ApiClient) -> None:
    await revoke(api)
    await revoke(api)
    await revoke(api, "ANNA")
    assert await is_good(await as_user(api, "anna"))


async def test_every_node_knows_at_once(api: ApiClient, make_settings: MakeSettings, clock: Clock) -> None:
    token = await make_token(api, "anna")
    async with serving(make_settings(), clock) as (other_node, _):
        anna = other_node.speaking_as(token)
        assert await is_good(anna)
        await revoke(api)
        assert not await is_good(anna)


async def test_a_user_may_revoke_its_own_alone_this_token_too(api: ApiClient) -> None:
    anna, bert = await as_user(api, "anna"), await as_user(api, "bert")
    refused(await bert.delete(f"{ONE}/tokens"), 403, 40105)
    assert await is_good(anna)
    await revoke(anna)
    assert not await is_good(anna)
    refused(await anna.delete(f"{ONE}/tokens"), 401, 1021)


async def test_a_key_needs_the_scope_to_write_sessions(api: ApiClient, services: Services) -> None:
    needed = Scope.SESSIONS_WRITE
    for scopes, status in ((frozenset((needed,)), 204), (ALL_SCOPES - {needed}, 403)):
        _, key = await services.apps.create_key("demo", "test", scopes, (), None)
        assert (await api.speaking_as(key).delete(f"{ONE}/tokens")).status == status


async def test_the_tokens_of_a_deactivated_user_stay_revoked_when_they_come_back(api: ApiClient) -> None:
    anna = await as_user(api, "anna")
    await api.post(f"{ONE}/deactivate")
    refused(await anna.get(ONE), 403, 40301)
    await revoke(api)
    assert not await is_good(anna)
    await api.post(f"{ONE}/reactivate")
    assert not await is_good(anna)
    assert await is_good(await as_user(api, "anna"))


async def test_a_new_user_of_an_old_name_has_nothing_revoked(api: ApiClient, services: Services, clock: Clock) -> None:
    await revoke(api)
    await api.delete(ONE)
    await add(api, "anna")
    assert await is_good(await signed(api, services, iat=clock.now() // 1000))


async def test_the_tokens_of_nobody_are_not_found_and_parameters_are_refused(api: ApiClient) -> None:
    refused(await api.delete(f"{USERS}/nobody/tokens"), 404, 40015)
    anna = await as_user(api, "anna")
    refused(await api.delete(f"{ONE}/tokens?before=x"), 400, 40003, "before")
    assert await is_good(anna)
