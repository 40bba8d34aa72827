"""What the doctor asks of the machine: the port and what answers there, open files, and the folder with its disk."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chatsrv.cli.banner import url_of
from chatsrv.cli.findings import Finding, fail, note, ok
from chatsrv.cli.listening import reserved
from chatsrv.domain.errors import SetupError
from chatsrv.settings import Settings

PROBE_TIMEOUT_S = 3.0
NEAR = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - only read here
"""How this machine reaches a server that listens everywhere."""

ANSWER_MAX_BYTES = 65_536
SOCKETS = 10_000
"""So many people may have a socket at once on a server that nobody has prepared for more."""

OTHER_FILES = 200
"""What a process opens beside its sockets: logs, and connections to the stores."""

DISK_LOW_BYTES, DISK_FULL_BYTES = 1 << 30, 1 << 26


async def check_port(settings: Settings) -> list[Finding]:
    findings = [await _check_port(settings.host, settings.port)]
    if settings.metrics_port:
        findings.append(_check_metrics_port(settings.metrics_host, settings.metrics_port))
    return findings


async def _check_port(host: str, port: int) -> Finding:
    try:
        return _check_address("port", host, port, "--host, --port or PORT")
    except SetupError as error:
        found, _, mend = str(error).rpartition(": ")
        return await _ask_who_is_there(host, port, fail("port", found, mend))


def _check_metrics_port(host: str, port: int) -> Finding:
    """A server that runs has it, and what answers there does not say whose it is."""
    try:
        return _check_address("metrics", host, port, "metrics_port")
    except SetupError as error:
        found, _, mend = str(error).rpartition(": ")
        return note("metrics", found, f"fine if that is chatsrv; else {mend}")


def _check_address(check: str, host: str, port: int, option: str) -> Finding:
    """Raises SetupError."""
    if not port:
        return ok(check, f"{host}, and whichever is free")
    with reserved(host, port, option):
        return ok(check, f"{host}:{port} is free")


async def _ask_who_is_there(host: str, port: int, nobody: Finding) -> Finding:
    """`nobody`: what it means where the system lets us through to no one."""
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            checks = await _ask_readiness(NEAR.get(host, host), port)
    except ConnectionRefusedError:
        return nobody
    except (OSError, ValueError, TimeoutError):
        return fail("port", f"something that is no chatsrv has {where}", f"stop that, or {nobody['mend']}")
    troubles = [f"{name}: {told}" for name, told in checks.items() if told != "ok"]
    if troubles:
        return fail("port", f"chatsrv answers on {where}, and is not ready ({'; '.join(troubles)})", "mend that first")
    return ok("port", f"chatsrv answers on {where}, and is ready")


async def check_elsewhere(settings: Settings, urls: Sequence[str]) -> list[Finding]:
    """Of servers on these stores that have another port than the settings name."""
    places = [urlsplit(url) for url in urls if url != url_of(settings.host, settings.port)]
    return [await _check_place(place.hostname or "", place.port or 80) for place in places]


async def _check_place(host: str, port: int) -> Finding:
    found = f"a server says that it listens on {host}:{port}, where nobody does"
    return await _ask_who_is_there(
        host, port, note("port", found, "look again in a minute: it may have ended just now")
    )


async def _ask_readiness(host: str, port: int) -> Mapping[str, Any]:
    """The checks that /readyz tells. Raises OSError, and ValueError where it is no chatsrv that answers."""
    reader, writer = await asyncio.open_connection(host, port)
    with closing(writer):
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while len(answer) < ANSWER_MAX_BYTES and (piece := await reader.read(ANSWER_MAX_BYTES)):
            answer += piece
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    if not isinstance(told, dict) or not isinstance(told.get("checks"), dict):
        raise ValueError("no chatsrv answers like that")
    checks: Mapping[str, Any] = told["checks"]
    return checks


def check_proxies(settings: Settings, sources: Mapping[str, str]) -> Iterator[Finding]:
    """Platforms that name a PORT mostly stand in front of it."""
    if sources.get("port") == "PORT" and settings.port and not settings.trusted_proxies:
        found = "the platform names the port: if its router stands in front, all clients have the router's address"
        yield note("proxies", found, "set CHATSRV_TRUSTED_PROXIES=1 if so")


def check_files() -> Finding:
    if sys.platform == "win32":
        return ok("open files", "not limited")
    import resource

    # a server asks for as many as it may have
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return ok("open files", "not limited")
    sockets = max(0, limit - OTHER_FILES)
    found = f"{limit:,}: {sockets:,} sockets for each process"
    if sockets >= SOCKETS:
        return ok("open files", found)
    return note("open files", found, "for more: ulimit -Hn 65536 as root, or LimitNOFILE=65536 of a systemd unit")


def check_folder(settings: Settings) -> Iterator[Finding]:
    if settings.database_url and settings.redis_url:
        yield ok("data folder", "not used: database and Redis are elsewhere")
        return
    folder = Path(settings.data_dir).resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        yield fail("data folder", f"{existing} cannot be written to", "set CHATSRV_DATA_DIR to a folder of yours")
        return
    yield ok("data folder", str(folder))
    yield _check_disk(existing)


def _check_disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    found = f"{free / (1 << 30):,.1f} GiB free" if free >= DISK_LOW_BYTES else f"{free >> 20} MiB free"
    mend = "make room, or set CHATSRV_DATA_DIR to a folder on another disk"
    if free < DISK_FULL_BYTES:
        return fail("disk", found, mend)
    return note("disk", found, mend) if free < DISK_LOW_BYTES else ok("disk", found)
