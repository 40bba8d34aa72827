"""A server all of whose limits are small, and what clients do to come up against them over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiohttp import ClientSession, TCPConnector
from yarl import URL

from chatsrv.api.jsonapi import MEDIA_TYPE
from chatsrv.app import REALTIME, create_app
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from chatsrv.settings import Settings
from tests.api.raw import read_answer
from tests.client import Answer, ApiClient
from tests.listening import served

USERS = "/v1/demo/users"
PATIENCE_S = 10.0
LIMITED = "chatsrv_limits_reached_total"


@dataclass
class World:
    """A server all of whose limits are small, and anna and ben in it."""

    api: ApiClient
    services: Services
    key: str
    token: str
    channels: list[int]
    send_event: Callable[..., None]

    def speaking(self, credential: str | None, address: str = "203.0.113.1", **headers: str) -> ApiClient:
        authorization = {"Authorization": f"Bearer {credential}"} if credential else {}
        return self.api.with_headers({**authorization, "X-Forwarded-For": address, **headers})

    @property
    def backend(self) -> ApiClient:
        return self.speaking(self.key)

    @property
    def sky(self) -> ApiClient:
        return self.api.with_headers({"X-Access-Token": self.key})

    def seen(self, name: str, **labels: str) -> float:
        return self.services.metrics.registry.get_sample_value(name, labels) or 0


SMALL: Mapping[str, Any] = {
    "body_max_bytes": 4096,
    "bulk_body_max_bytes": 8192,
    "header_max_bytes": 2048,
    "header_max_fields": 40,
    "json_max_depth": 8,
    "metadata_max_bytes": 100,
    "import_line_max_bytes": 1024,
    "import_failures_max": 2,
    "page_default": 5,
    "page_max": 10,
    "offset_max": 20,
    "filters_max": 2,
    "bulk_max_users": 2,
    "bulk_query_max": 3,
    "members_max": 2,
    "panel_page_max": 3,
    "oksky_page_max": 26,
    "pulse_page_max": 26,
    "pulse_filters_max": 2,
    "pulse_included_max": 1,
    "include_max": 2,
    "included_max": 1,
    "note_max_chars": 50,
    "heartbeat_ttl_max_s": 100,
    "password_queue_max": 1,
    "password_threads": 1,
    "named_values_max": 1,
    "webhooks_per_app": 0,
    "token_ttl_max_s": 3600,
    "body_timeout_s": 0.3,
    "slowest_bytes_per_s": 2_000_000,
    "keepalive_s": 0.5,
    "token_rate_per_minute": 60,
    "token_rate_burst": 2,
    "key_rate_per_minute": 600,
    "key_rate_burst": 100,
    "panel_rate_per_minute": 60,
    "pulse_rate_per_minute": 6,
    "pulse_auth_attempts": 2,
    "address_rate_per_minute": 60,
    "address_rate_burst": 30,
    "failed_credentials_per_minute": 3,
    "auth_deadline_s": 0.5,
    "sessions_per_user": 2,
    "sockets_per_address": 3,
    "sockets_per_app": 4,
    "observers_per_app": 2,
    "socket_events_burst": 30,
    "bad_packets_max": 3,
    "subscriptions_per_socket": 2,
    "subscribe_max": 2,
    "channels_per_socket": 1,
    "socket_message_max_bytes": 2048,
    "socket_queue_max_bytes": 65_536,
}


async def running_world(
    sqlite_template: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("limits")
    copy(sqlite_template, folder / "chatsrv.db")
    settings = Settings(
        database_url=f"sqlite:///{folder}/chatsrv.db",
        redis_url=valkey_url,
        redis_prefix=f"t{uuid4().hex}",
        data_dir=str(folder),
        access_log=False,
        drain_s=0,
        trusted_proxies=1,
        password_memory_kib=16_384,
        password_time_cost=1,
        **SMALL,
    )
    connector = TCPConnector(force_close=True)  # a connection that rests is soon closed here
    async with open_services(settings) as services, ClientSession(connector=connector) as session:
        app, key = await services.apps.create("demo", None)
        for name in ("anna", "ben", "cleo"):
            await services.users.create("demo", {"username": name}, SERVER)
        web_app = create_app(services)
        async with served(web_app, settings) as url:
            api = ApiClient(session, url, {})
            backend = api.speaking_as(key)
            channels = [
                (await backend.post("/v1/demo/channels", {"subject": subject, "type": 0})).json["id"]
                for subject in "ab"
            ]
            await backend.post(f"/v1/demo/channels/{channels[0]}/users", {"members": ["anna", "ben"]})
            token, _ = await services.callers.mint_token(app, "anna", 600)
            send_event = web_app[REALTIME]._server.send_event
            yield World(api, services, key, token, channels, send_event)


@dataclass(frozen=True, slots=True)
class Came:
    """What the client got. `code`: of the answer, of a close, or the word for how it ended."""

    status: int
    code: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Provoke = Callable[[World], Awaitable[Came]]


def native(answer: Answer) -> Came:
    return Came(answer.status, answer.json.get("code") if isinstance(answer.json, dict) else None, answer.headers)


def listed(answer: Answer) -> Came:
    return Came(answer.status, answer.json["errors"][0]["code"], answer.headers)


def asking(path: str) -> Provoke:
    async def provoke(world: World) -> Came:
        return native(await world.backend.get(path))

    return provoke


def sending(method: str, path: str, body: Any) -> Provoke:
    async def provoke(world: World) -> Came:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"}
        filled = path.replace("{channel}", str(world.channels[0]))
        return native(await world.backend.request(method, filled, data=data, headers=headers))

    return provoke


def asking_sky(path: str) -> Provoke:
    async def provoke(world: World) -> Came:
        return listed(await world.sky.get(f"/rapi/v1{path}"))

    return provoke


def asking_pulse(path: str) -> Provoke:
    async def provoke(world: World) -> Came:
        address = f"198.51.100.{abs(hash(path)) % 250}"
        return listed(await world.speaking(world.key, address).get(f"/api/v1{path}"))

    return provoke


async def talk(world: World, *pieces: bytes, pause_s: float = 0.0) -> Came:
    """Bytes on a connection of their own, and the answer; 0 where the server ends it without one."""
    url = URL(world.api.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    sending = asyncio.create_task(_write(writer, pieces, pause_s))
    try:
        async with asyncio.timeout(PATIENCE_S):
            return native(await read_answer(reader))
    except (asyncio.IncompleteReadError, ConnectionError):
        return Came(0)
    finally:
        sending.cancel()
        writer.close()


async def _write(writer: asyncio.StreamWriter, pieces: tuple[bytes, ...], pause_s: float) -> None:
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)


def talking(*pieces: bytes, pause_s: float = 0.0) -> Provoke:
    async def provoke(world: World) -> Came:
        return await talk(world, *(piece.replace(b"KEY", world.key.encode()) for piece in pieces), pause_s=pause_s)

    return provoke


async def read_nothing(world: World) -> Came:
    """Asks for more than the system takes in, again and again, and never looks at it."""
    url = URL(world.api.url)
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(wire, (url.host, url.port))
        before = world.seen(LIMITED, limit="keepalive_s")
        async with asyncio.timeout(PATIENCE_S):
            with suppress(ConnectionError):
                for number in range(100):
                    fields = f"Host: x\r\nX-Forwarded-For: 192.0.2.{number}"
                    await loop.sock_sendall(wire, f"GET /openapi/native.json HTTP/1.1\r\n{fields}\r\n\r\n".encode())
            while world.seen(LIMITED, limit="keepalive_s") == before:
                await asyncio.sleep(0.02)
    return Came(0)


async def sign_in_all_at_once(world: World) -> Came:
    """From everywhere, so that it is the hashing that is too much."""
    body = {"data": {"type": "identity", "attributes": {"email": "x@x.org", "password": "guess"}}}
    clients = [world.speaking(None, f"198.18.0.{number}", **{"Content-Type": MEDIA_TYPE}) for number in range(16)]
    answers = await asyncio.gather(*(client.post("/auth/signin", body) for client in clients))
    assert {answer.status for answer in answers} == {401, 503}
    return listed(max(answers, key=lambda answer: answer.status))


async def ask_for_a_large_page(world: World) -> Came:
    """The panel gives less than was asked for."""
    answer = await world.backend.get("/api/application/users?per_page=100")
    return Came(answer.status, answer.json["meta"]["pagination"]["per_page"])


def importing(*lines: bytes) -> Provoke:
    """The error of the last line that failed."""

    async def provoke(world: World) -> Came:
        headers = {"Content-Type": "application/x-ndjson"}
        answer = await world.backend.request("PUT", "/v1/demo/bulk/users", data=b"\n".join(lines), headers=headers)
        assert answer.json.get("stopped", False) is (len(lines) > 1)
        return Came(answer.status, answer.json["failed"][-1]["error"]["code"])

    return provoke


async def put_two_infos(world: World) -> Came:
    answers = [await world.backend.put(f"{USERS}/anna/infos/{name}", {"value": "x"}) for name in "ab"]
    return native(answers[-1])
