"""Who asks too often, as whom and where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from chatsrv.api.jsonapi import MEDIA_TYPE
from tests.api.limited import USERS, Came, Provoke, World, listed, native


def until(status: int, ask: Callable[[World], Awaitable[Came]], times: int = 200) -> Provoke:
    """Again and again until it is refused."""

    async def provoke(world: World) -> Came:
        for _ in range(times):
            came = await ask(world)
            if came.status == status:
                break
        return came

    return provoke


async def ask_with_a_key(world: World) -> Came:
    _, key = await _once(world, "spent", lambda: world.services.apps.create_key("demo", "spent", frozenset(), (), None))
    return native(await world.speaking(key).get(f"{USERS}?limit=1"))


async def ask_with_a_token(world: World) -> Came:
    return native(await world.speaking(world.token, "203.0.113.2").get(USERS))


async def ask_the_panel(world: World) -> Came:
    _, key = await _once(world, "panel", lambda: world.services.apps.create_key("demo", "panel", frozenset(), (), None))
    answer = await world.speaking(key).get("/api/application/users?per_page=1")
    return listed(answer) if answer.status >= 400 else Came(answer.status)


async def ask_pulse(world: World) -> Came:
    answer = await world.speaking(None, "203.0.113.3").get("/api/v1/users")
    return listed(answer)


async def sign_in(world: World) -> Came:
    body = {"data": {"type": "identity", "attributes": {"email": "x@x.org", "password": "guess"}}}
    client = world.speaking(None, "203.0.113.4", **{"Content-Type": MEDIA_TYPE})
    return listed(await client.post("/auth/signin", body))


async def ask_as_nobody(world: World) -> Came:
    return native(await world.speaking(None, "203.0.113.5").get("/nothing"))


async def guess_a_key(world: World) -> Came:
    return native(await world.speaking(f"cs_{'a' * 12}_x", "203.0.113.6").get(USERS))


_KEPT: dict[tuple[int, str], Any] = {}


async def _once(world: World, name: str, make: Callable[[], Awaitable[Any]]) -> Any:
    if (id(world), name) not in _KEPT:
        _KEPT[id(world), name] = await make()
    return _KEPT[id(world), name]
