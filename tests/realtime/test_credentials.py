"""Who may connect, and what the others are told."""

from __future__ import annotations

import asyncio
from typing import Any

import jwt
import pytest

from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.client import ApiClient
from tests.conftest import DemoApp
from tests.realtime.conftest import NewClient, shows

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def sign(services: Services, demo: DemoApp, **claims: Any) -> str:
    return jwt.encode(claims, (await services.apps.get(demo.id)).jwt_secret, algorithm="HS256")


REFUSALS: list[tuple[Any, int, str]] = [
    (None, 1302, "Unauthorized"),
    ({}, 1302, "Unauthorized"),
    ({"token": ""}, 1302, "Unauthorized"),
    ({"token": "x.y.z"}, 1021, "InvalidToken"),
    ({"token": 7}, 40003, "BadParam"),
    ({"token": "T", "device": "toaster"}, 40003, "BadParam"),
    ({"token": "T", "device": []}, 40003, "BadParam"),
    ({"token": "T", "background": "yes"}, 40003, "BadParam"),
    ({"token": "T", "client_id": "x" * 129}, 40003, "BadParam"),
    ({"token": "T", "admin": True}, 40003, "BadParam"),
    ({"token": "T", "status": "offline"}, 40003, "BadParam"),
    ({"token": "T", "status": True}, 40003, "BadParam"),
]


@pytest.mark.parametrize(("auth", "code", "type_"), REFUSALS)
async def test_bad_credentials_are_refused_with_code_and_type(
    new_client: NewClient, token: str, auth: Any, code: int, type_: str
) -> None:
    if auth and auth.get("token") == "T":
        auth = {**auth, "token": token}
    assert await new_client().refused(auth) == {"code": code, "type": type_}


async def test_tokens_that_are_over_early_or_of_nobody_are_told_apart(
    new_client: NewClient, token: str, services: Services, demo: DemoApp, clock: Clock
) -> None:
    now = clock.now() // 1000
    for claims, code in (
        ({"sub": "anna", "aid": "demo", "exp": now - 60}, 1020),
        ({"sub": "anna", "aid": "demo", "exp": now + 60, "nbf": now + 30}, 40103),
        ({"sub": "nobody", "aid": "demo", "exp": now + 60}, 40015),
        ({"sub": "anna", "aid": "other", "exp": now + 60}, 1021),
        ({"sub": "anna", "aid": "demo"}, 1021),
    ):
        assert (await new_client().refused({"token": await sign(services, demo, **claims)}))["code"] == code


async def test_an_app_may_have_its_users_created_as_they_come(
    api: ApiClient, new_client: NewClient, services: Services, demo: DemoApp, clock: Clock
) -> None:
    await services.apps.change_setting(demo.id, "auto_create_users", "true")
    clock.advance(2)
    new = await sign(services, demo, sub="Newcomer", aid="demo", exp=clock.now() // 1000 + 60)
    hellos = await asyncio.gather(new_client().connect({"token": new}), new_client().connect({"token": new}))
    assert {hello["user"]["username"] for hello in hellos} == {"Newcomer"}
    assert await shows(api, 1, "newcomer")
