"""Live sockets and the secrets of their tokens: whose token no longer counts is closed, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.realtime.conftest import Client, Connect, NewClient, token_of

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

CLOSED = {"code": 4007, "reason": "token_revoked", "reconnect": False}


async def closed(client: Client) -> Any:
    return await client.next("session:close")


async def is_open(client: Client) -> bool:
    return "presence" in await client.io.call("presence:set", {"status": "online"}) and client.io.connected


async def test_a_secret_that_ends_at_once_takes_its_sockets_along_within_moments(
    connect: Connect, services: Services, demo: DemoApp
) -> None:
    anna = await connect("anna")
    await services.signing.rotate_secret("demo", 0)
    assert await closed(anna) == CLOSED
    ben = await connect("ben")
    await services.signing.check()
    assert await is_open(ben)


async def test_while_it_is_kept_nothing_happens_to_its_sockets_and_then_they_close(
    connect: Connect, services: Services, clock: Clock
) -> None:
    anna = await connect("anna")
    await services.signing.rotate_secret("demo", 100)
    ben = await connect("ben")
    await services.signing.check()
    assert [await is_open(client) for client in (anna, ben)] == [True, True]
    clock.advance(101)
    await services.signing.check()
    assert await closed(anna) == CLOSED
    assert await is_open(ben)


async def test_a_socket_that_brings_a_token_of_the_new_secret_stays(
    connect: Connect, services: Services, demo: DemoApp, clock: Clock
) -> None:
    anna, ben = await connect("anna"), await connect("ben")
    await services.signing.rotate_secret("demo", 100)
    assert "expires_at" in await anna.io.call("auth:refresh", {"token": await token_of(services, demo, "anna")})
    clock.advance(101)
    await services.signing.check()
    assert await closed(ben) == CLOSED
    assert await is_open(anna)


async def test_sockets_of_other_apps_are_left_alone(
    connect: Connect, new_client: NewClient, services: Services
) -> None:
    other, _ = await services.apps.create("other", None)
    await services.users.create("other", {"username": "olga"}, SERVER)
    olga = new_client()
    await olga.connect({"token": (await services.callers.mint_token(other, "olga", 600))[0]})
    anna = await connect("anna")
    await services.signing.rotate_secret("demo", 0)
    assert await closed(anna) == CLOSED
    assert await is_open(olga)


async def test_a_public_key_that_is_taken_away_takes_its_sockets_along(
    connect: Connect, new_client: NewClient, services: Services, clock: Clock
) -> None:
    ben = await connect("ben")
    key = Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    app = await services.apps.change_setting("demo", "public_key", pem)
    await services.users.create("demo", {"username": "anna"}, SERVER)
    claims = {"sub": "anna", "aid": "demo", "exp": clock.now() // 1000 + 600}
    anna = new_client()
    await anna.connect({"token": jwt.encode(claims, key, "EdDSA")})
    await services.signing.remove_public_key("demo", app.public_keys[0].id)
    assert await closed(anna) == CLOSED
    assert await is_open(ben)


async def test_who_comes_with_a_newer_secret_while_the_older_one_is_read_is_not_taken_for_a_stranger(
    connect: Connect, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between reading and closing."""
    read = services.signing._read_signers
    came: list[Client] = []

    async def read_slowly(app_ids: Any) -> Any:
        signers = await read(app_ids)
        if not came:
            came.append(await connect("ben"))
            await services.signing.rotate_secret("demo", 100)
            came.append(await connect("cleo"))
        return signers

    anna = await connect("anna")
    monkeypatch.setattr(services.signing, "_read_signers", read_slowly)
    services.signing.suspect("demo")
    async with asyncio.timeout(10):
        await services.signing.check()
    assert [await is_open(client) for client in (anna, *came)] == [True] * 3
