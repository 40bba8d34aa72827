"""docs/tasks/keys.md: each way to rotate, followed word by word, with what is good before, between and after."""

from __future__ import annotations

import re
import time

import jwt
import pytest
from aiohttp import ClientSession

from tests.docs.pages import read_page
from tests.docs.reader import Reader

PAGE = read_page("keys.md")
ROTATE, REVOKE, KEEP, LEAKED, FIRST_PEM, NEXT_PEM, REMOVE_PEM = PAGE.runs


@pytest.fixture
async def anna(reader: Reader) -> None:
    await reader.paste("""echo '{"username": "anna"}' | chatsrv user import demo -""")
    reader.save(PAGE.files)


pytestmark = pytest.mark.usefixtures("anna")


async def statuses(reader: Reader, *credentials: str) -> list[int]:
    """What a request with each of them is answered."""
    found = []
    async with ClientSession(f"http://{reader.here('localhost:8080')}") as session:
        for one in credentials:
            async with session.get("/v1/demo/users/anna", headers={"Authorization": f"Bearer {one}"}) as answer:
                found.append(answer.status)
    return found


async def refused(reader: Reader, *credentials: str) -> None:
    """Nodes trust what they have read for a second."""

    async def are() -> bool:
        return set(await statuses(reader, *credentials)) == {401}

    await reader.until(are)


def token(secret: str) -> str:
    now = int(time.time())
    return jwt.encode({"sub": "anna", "aid": "demo", "iat": now, "exp": now + 600}, secret, "HS256")


async def test_a_server_key_is_rotated_without_a_gap(reader: Reader) -> None:
    old = await reader.paste_and_read("chatsrv key create demo", "key")
    script = ROTATE.replace("9f3c52a10b7e", old.split("_")[1])
    new = await reader.paste_and_read(script, "key")
    assert await statuses(reader, old, new) == [200, 200]
    await reader.paste(REVOKE, ID=old.split("_")[1])
    assert await statuses(reader, new) == [200]
    await refused(reader, old)


async def test_the_secret_of_tokens_is_rotated_without_a_gap(reader: Reader) -> None:
    first = await reader.paste_and_read(KEEP, "jwt_secret")
    second = await reader.paste_and_read(KEEP, "jwt_secret")
    assert await statuses(reader, token(first), token(second)) == [200, 200]
    third = await reader.paste_and_read(LEAKED, "jwt_secret")
    assert await statuses(reader, token(third)) == [200]
    await refused(reader, token(first), token(second))


async def test_a_public_key_is_rotated_without_a_gap(reader: Reader) -> None:
    await reader.paste(FIRST_PEM)
    first = (await reader.paste("python sign.py tokens.pem")).strip()
    assert await statuses(reader, first) == [200]
    named = re.findall(r"EdDSA (\w+)", await reader.paste(NEXT_PEM))
    second = (await reader.paste("python sign.py next.pem")).strip()
    assert await statuses(reader, first, second) == [200, 200]
    await reader.paste(REMOVE_PEM.replace("0a1b2c3d", named[0]))
    assert await statuses(reader, second) == [200]
    await refused(reader, first)
