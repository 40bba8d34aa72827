"""The Lua scripts: loaded from lua/, each with the key names and what all share in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis

from chatsrv.storage.keys import lua_names
from chatsrv.storage.redis import translated

Arg = str | int
SHARED = ("base", "claims", "fold")


def read_scripts() -> dict[str, str]:
    """The whole text of each script by its file's name."""
    folder = files("chatsrv.storage").joinpath("lua")
    texts = {item.name.removesuffix(".lua"): item.read_text() for item in folder.iterdir()}
    prelude = "\n".join([lua_names(), *(texts.pop(name) for name in SHARED)])
    return {name: f"{prelude}\n{text}" for name, text in texts.items()}


class Scripts:
    """Runs a script by its name; Redis keeps the compiled text, we send only its hash."""

    def __init__(self, redis: Redis, texts: Mapping[str, str]) -> None:
        self._scripts = {name: redis.register_script(text) for name, text in texts.items()}

    async def run(self, name: str, shard_prefix: str, args: Sequence[Arg]) -> Any:
        """Raises Unavailable where Redis does not answer."""
        with translated():
            return await self._scripts[name](keys=[shard_prefix], args=list(args))
