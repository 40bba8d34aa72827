"""The Redis connection: how it is opened, and what its failures mean."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit

from redis import __version__ as redis_version
from redis import exceptions
from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.driver_info import DriverInfo

from chatsrv.domain.errors import SetupError, Unavailable

NOT_LET_IN = "does not let us in"

DRIVER = DriverInfo(lib_version=redis_version)

REFUSALS = {
    "OOM": "is out of memory",
    "READONLY": "is read-only",
    "MISCONF": "cannot save its data",
    "NOREPLICAS": "has too few replicas",
    "LOADING": "is still loading its data",
    "BUSY": "is busy",
    "UNKILLABLE": "is busy",
    "MASTERDOWN": "has lost its primary",
    "CLUSTERDOWN": "is not complete",
    "TRYAGAIN": "is not complete",
    "UNBLOCKED": "has changed its part",
    "NOAUTH": NOT_LET_IN,
    "WRONGPASS": NOT_LET_IN,
    "NOPERM": NOT_LET_IN,
}
"""What the first word of an error says of the server, where the command itself is right and may be tried again."""

LOCKED_OUT = (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError)

OUTAGES = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)

_WITHIN_SCRIPT = re.compile(rf"^ERR Error running script.* -({'|'.join(REFUSALS)}) ")
"""Up to Redis 6.2, what a script was refused comes in a sentence about the script."""


class Refused(exceptions.ResponseError):
    """The server takes no such command now; nothing of it was done."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.why = REFUSALS[word]


def find_refusal(text: str) -> Refused | None:
    """`text` is an error as the server sends it."""
    within = _WITHIN_SCRIPT.match(text)
    word = within[1] if within else text.partition(" ")[0]
    return Refused(word, text) if word in REFUSALS else None


@asynccontextmanager
async def open_redis(url: str, pool_size: int, timeout_s: float, tls_verify: bool) -> AsyncIterator[Redis]:
    """A pool whose callers wait for a free connection instead of failing above its size.

    `timeout_s` must be longer than the reads that block. Raises SetupError.
    """
    options: dict[str, Any] = {
        "max_connections": pool_size,
        "timeout": timeout_s,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        # or it looks up its own version for each new connection
        "driver_info": DRIVER,
        # without retries each connection that the server closed meanwhile costs one failed command
        "retry": _NotInVain(ExponentialBackoff(cap=1, base=0.05), 3, (exceptions.ConnectionError,)),
    }
    if url.startswith("rediss://") and not tls_verify:
        options |= {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    if not url.startswith("unix://"):
        options |= {"maint_notifications_config": _no_maintenance_notices()}
    try:
        if not url.startswith("unix://"):
            int(urlsplit(url).path.strip("/") or 0)  # the library would take another database for a wrong one
        client = Redis(connection_pool=BlockingConnectionPool.from_url(url, **options))
    except ValueError as error:
        # never the URL itself, which holds a password
        raise SetupError("redis_url is no URL; use redis://:password@host:6379/0, rediss:// or unix://") from error
    try:
        yield client
    finally:
        await client.aclose(close_connection_pool=True)


class _NotInVain(Retry):
    """A server that does not answer, or lets us not in, is not asked again: the caller has waited long enough.

    What goes wrong in the handshake of a new connection mostly comes as the cause of a ConnectionError.
    """

    async def call_with_retry(
        self, do: Any, fail: Any, is_retryable: Any = None, with_failure_count: bool = False
    ) -> Any:
        def may_retry(error: Exception) -> bool:
            is_vain = any(isinstance(one, (exceptions.TimeoutError, *LOCKED_OUT)) for one in (error, error.__cause__))
            return not is_vain and (is_retryable is None or is_retryable(error))

        return await super().call_with_retry(do, fail, may_retry, with_failure_count)


def _no_maintenance_notices() -> Any:
    from redis.maint_notifications import MaintNotificationsConfig

    return MaintNotificationsConfig(enabled=False)


class _Translated:
    """A generator would cost more than much of what is translated."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if isinstance(error, Refused):
            raise Unavailable("presence store", why=error.why) from error
        if isinstance(error, OUTAGES):
            raise Unavailable("presence store", why=_reason(error)) from error
        return False


def _reason(error: BaseException) -> str:
    """Of a connection that could not be made; redis-py has no class of its own for most of them."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, LOCKED_OUT):
            return NOT_LET_IN
        if "max number of clients" in str(cause):
            return "has no connection left"
        cause = cause.__cause__
    return "does not answer"


_TRANSLATED = _Translated()


def translated() -> _Translated:
    """Turns every way in which Redis can be out of reach into Unavailable."""
    return _TRANSLATED
