"""Finding the embedded server of another process: the command line works beside a server that runs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer

from chatsrv.domain.errors import SetupError
from chatsrv.storage.embedded import connect_once

ANSWER_S = 2.0


class ValkeySilent(SetupError):
    """It runs, and does not answer; the text names the process whose it is."""


async def find_running_valkey(folder: Path) -> str | None:
    """The URL of the server that now owns the folder's data; None where none answers. Raises ValkeySilent."""
    socket_path = _read(folder / "valkey.lock")
    if not socket_path:
        return None
    async with connect_once(socket_path, ANSWER_S) as client:
        try:
            await client.ping()
        except RedisError as error:
            # what goes wrong in the handshake of a new connection mostly comes as the cause of another error
            if any(isinstance(one, NoAnswer) for one in (error, error.__cause__)):
                raise _silence_in(folder) from None
            return None
    return f"unix://{quote(socket_path)}"


def _silence_in(folder: Path) -> ValkeySilent:
    owner = _read(folder / "owner.lock").partition(" (")[0] or "another process"
    return ValkeySilent(f"the embedded Valkey of {owner} does not answer: wait, or restart the server")


def _read(note: Path) -> str:
    return note.read_text(errors="replace") if note.is_file() else ""
