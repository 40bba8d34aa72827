"""Access tokens: one a user, shown once, and the old one is dead."""

from __future__ import annotations

import pytest

from chatsrv.domain.errors import Unauthenticated
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.native.people import USERS, add, as_user
from tests.api.native.refusals import refused
from tests.client import ApiClient
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ONE = f"{USERS}/anna/access_token"


@pytest.fixture(autouse=True)
async def people(api: ApiClient) -> None:
    await add(api, "anna", "bert")


async def issue(api: ApiClient, path: str = ONE) -> str:
    answer = await api.post(path)
    assert answer.status == 201, answer.json
    return str(answer.json["access_token"])


async def owner(services: Services, token: str) -> str | None:
    try:
        caller = await services.callers.identify_access(token)
    except Unauthenticated:
        return None
    return caller.user.username if caller.user else "the backend"


async def test_it_names_its_user_until_a_new_one_is_made(api: ApiClient, services: Services, demo: DemoApp) -> None:
    first, berts = await issue(api), await issue(api, f"{USERS}/bert/access_token")
    assert await owner(services, first) == "anna"
    second = await issue(api)
    owners = [await owner(services, token) for token in (first, second, berts, demo.key)]
    assert owners == [None, "anna", "bert", "the backend"]
    assert await owner(services, "ca_" + "x" * 43) is None
    assert await owner(services, second.removesuffix(second[-1])) is None


async def test_only_its_hash_is_kept(api: ApiClient, services: Services) -> None:
    token = await issue(api)
    async with services.db.read() as tx:
        rows = (await tx.exec_driver_sql("SELECT token_hash FROM access_tokens")).scalars().all()
    assert len(rows) == 1
    assert token not in rows[0]
    assert rows[0] not in token


async def test_it_is_no_credential_elsewhere_and_a_user_token_is_none_here(api: ApiClient, services: Services) -> None:
    refused(await api.speaking_as(await issue(api)).get(f"{USERS}/anna"), 401, 1302)
    anna = await as_user(api, "anna")
    refused(await anna.post(ONE), 403, 40105)
    assert await owner(services, anna.headers["Authorization"].split()[1]) is None


async def test_it_dies_with_its_user_also_where_that_is_only_discarded(api: ApiClient, services: Services) -> None:
    annas, berts = await issue(api), await issue(api, f"{USERS}/bert/access_token")
    await api.delete(f"{USERS}/anna")
    assert await owner(services, annas) is None
    bert = await services.users.find("demo", "bert")
    await services.accounts.discard("demo", "bert", SERVER)
    assert await owner(services, berts) is None
    await services.accounts.restore("demo", bert.id, SERVER)
    assert await owner(services, berts) == "bert"


async def test_nobody_gets_one_for_who_is_not_there(api: ApiClient) -> None:
    refused(await api.post(f"{USERS}/nobody/access_token"), 404, 40015)
    refused(await api.post(f"{ONE}?ttl=1"), 400, 40003, "ttl")
