"""The Lua scripts: loaded from lua/, each with the key names and what all share in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

from chatsrv.storage.keys import lua_names
from chatsrv.storage.lane import Arg, Lane
from chatsrv.storage.redis import translated

SHARED = ("base", "claims", "fold")
WHOLE = "{prelude}\nlocal function main()\n{body}\nend\nlocal answer = main()\nreturn {{appended, answer or false}}\n"
"""What a script returns comes with the position in the change log of the last entry that it appended, or ''."""


def read_scripts() -> dict[str, str]:
    """The whole text of each script by its file's name."""
    folder = files("chatsrv.storage").joinpath("lua")
    texts = {item.name.removesuffix(".lua"): item.read_text() for item in folder.iterdir()}
    prelude = "\n".join([lua_names(), *(texts.pop(name) for name in SHARED)])
    return {name: WHOLE.format(prelude=prelude, body=text) for name, text in texts.items()}


class Scripts:
    """Runs a script by its name; Redis keeps the compiled text, we send only its hash."""

    def __init__(self, lane: Lane, texts: Mapping[str, str]) -> None:
        self._lane = lane
        self._texts = dict(texts)
        # what Redis itself calls a script, no secret
        self._names = {name: sha1(text.encode(), usedforsecurity=False).hexdigest() for name, text in texts.items()}

    async def run(self, name: str, shard_prefix: str, args: Sequence[Arg]) -> Any:
        """[position of the last entry that it appended, or empty; what the script itself returns].

        Raises Unavailable where Redis does not answer.
        """
        command = ("EVALSHA", self._names[name], 1, shard_prefix, *args)
        with translated():
            try:
                return await self._lane.call(*command)
            except NoScriptError:
                _, answer = await self._lane.calls(("SCRIPT", "LOAD", self._texts[name]), command)
                return answer
