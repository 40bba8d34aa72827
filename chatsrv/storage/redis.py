"""The Redis connection: how it is opened, and what its failures mean."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Literal

from redis import __version__ as redis_version
from redis import exceptions
from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.driver_info import DriverInfo

from chatsrv.domain.errors import SetupError, Unavailable

DRIVER = DriverInfo(lib_version=redis_version)

OUTAGES = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    OSError,
)


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
        "retry": _NotOfTimeouts(ExponentialBackoff(cap=1, base=0.05), 3, (exceptions.ConnectionError,)),
    }
    if url.startswith("rediss://") and not tls_verify:
        options |= {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    if not url.startswith("unix://"):
        options |= {"maint_notifications_config": _no_maintenance_notices()}
    try:
        client = Redis(connection_pool=BlockingConnectionPool.from_url(url, **options))
    except ValueError as error:
        # never the URL itself, which holds a password
        raise SetupError("redis_url is no URL; use redis://:password@host:6379/0, rediss:// or unix://") from error
    try:
        yield client
    finally:
        await client.aclose(close_connection_pool=True)


class _NotOfTimeouts(Retry):
    """A server that does not answer is not asked again: the caller has waited long enough.

    A timeout in the handshake of a new connection comes as a ConnectionError.
    """

    async def call_with_retry(
        self, do: Any, fail: Any, is_retryable: Any = None, with_failure_count: bool = False
    ) -> Any:
        def may_retry(error: Exception) -> bool:
            is_timeout = isinstance(error.__cause__, exceptions.TimeoutError)
            return not is_timeout and (is_retryable is None or is_retryable(error))

        return await super().call_with_retry(do, fail, may_retry, with_failure_count)


def _no_maintenance_notices() -> Any:
    from redis.maint_notifications import MaintNotificationsConfig

    return MaintNotificationsConfig(enabled=False)


async def ping(client: Redis) -> None:
    """Raises Unavailable."""
    with translated():
        await client.ping()


async def read_clock(client: Redis) -> int:
    """Milliseconds since 1970 by the clock in which all expiries are reckoned. Raises Unavailable."""
    with translated():
        seconds, microseconds = await client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


class _Translated:
    """A generator would cost more than much of what is translated."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if isinstance(error, OUTAGES):
            raise Unavailable("presence store") from error
        return False


_TRANSLATED = _Translated()


def translated() -> _Translated:
    """Turns every way in which Redis can be out of reach into Unavailable."""
    return _TRANSLATED
