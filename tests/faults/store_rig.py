"""One node in this process on stores that are ill-treated, asked by every way there is, and what it must never do."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import socketio
from aiohttp import ClientSession
from structlog.testing import capture_logs

from chatsrv.api.probes import metrics_app
from chatsrv.app import create_app
from chatsrv.domain.apps import App
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from chatsrv.settings import Settings
from tests.api.manners import MANNERS
from tests.api.native.refusals import refused
from tests.client import Answer, ApiClient
from tests.faults.timings import DURATIONS, TIMINGS
from tests.faults.waiting import eventually
from tests.listening import served
from tests.realtime.conftest import Client

ONLINE, AWAY, DND = 1, 3, 4
USERS = "/v1/demo/users"
QUIET = ("connect_refused", "request", "socket_connected", "socket_disconnected")
"""Lines that tell what clients do, one for each."""

Ask = Callable[[], Awaitable[Any]]


@dataclass(slots=True)
class Rig:
    """`anna` and `carla` have sockets; `ben` has none. `within_s`: what an answer may take by the settings."""

    services: Services
    api: ApiClient
    url: str
    metrics_url: str
    anna: Client
    carla: Client
    tokens: dict[str, str]
    key: str
    within_s: float
    said: list[dict[str, Any]] = field(default_factory=list)

    async def in_time(self, asking: Awaitable[Any]) -> Any:
        """No request hangs: the bound is that of the settings, and what a busy machine adds."""
        async with asyncio.timeout(self.within_s + TIMINGS.slack_s):
            return await asking

    async def get(self, path: str) -> Answer:
        answer: Answer = await self.in_time(self.api.get(path))
        return answer

    async def claim(self, status: int, text: str | None = None) -> Answer:
        said = {"status": status, "text": text}
        answer: Answer = await self.in_time(self.api.put(f"{USERS}/anna/presence", said))
        return answer

    async def sign_out(self) -> Answer:
        answer: Answer = await self.in_time(self.api.delete(f"{USERS}/carla/sessions"))
        return answer

    async def ready(self) -> dict[str, str]:
        """What /readyz finds; its status agrees with it."""
        answer = await self.get("/readyz")
        checks: dict[str, str] = answer.json["checks"]
        assert (answer.status == 200) == (set(checks.values()) == {"ok"}), answer.json
        return checks

    async def makes_everywhere(self, stem: str) -> dict[str, Answer]:
        """A new user by each dialect."""
        found = await asyncio.gather(
            *(
                self.in_time(manner.speak(self.api, self.key).post(manner.users, manner.new_user(stem + manner.name)))
                for manner in MANNERS
            )
        )
        return {manner.name: answer for manner, answer in zip(MANNERS, found, strict=True)}

    async def lists_everywhere(self) -> dict[str, Answer]:
        """The users as each dialect tells them."""
        found = await asyncio.gather(
            *(self.in_time(manner.speak(self.api, self.key).get(manner.users)) for manner in MANNERS)
        )
        return {manner.name: answer for manner, answer in zip(MANNERS, found, strict=True)}

    async def ask(self, event: str, data: Any) -> Any:
        """Over Anna's socket."""
        return await self.in_time(self.anna.io.call(event, data, timeout=TIMINGS.patience_s))

    async def make(self, username: str) -> Answer:
        answer: Answer = await self.in_time(self.api.post(USERS, {"username": username}))
        return answer

    async def delete(self, username: str) -> Answer:
        answer: Answer = await self.in_time(self.api.delete(f"{USERS}/{username}"))
        return answer

    async def is_let_in(self) -> bool:
        """Whether Ben may connect; where not, the reason is that a store is away."""
        client = Client(self.url)
        try:
            auth, patience_s = {"token": self.tokens["ben"]}, TIMINGS.patience_s
            connecting = client.io.connect(self.url, auth=auth, transports=["websocket"], wait_timeout=patience_s)
            await self.in_time(connecting)
        except socketio.exceptions.ConnectionError:
            assert client.refusal["data"]["code"] == 50300, client.refusal
            return False
        else:
            await client.next("hello")
            return True
        finally:
            await client.io.disconnect()

    async def assert_alive(self) -> None:
        """Whatever is away, the process says that it lives and what it has counted, at its own address."""
        assert (await self.get("/healthz")).status == 200
        metrics = await self.get(f"{self.metrics_url}/metrics")
        assert metrics.status == 200
        assert b"chatsrv_worker_failures_total" in metrics.body

    def failures(self) -> float:
        """Rounds of background loops that failed."""
        families = self.services.metrics.registry.collect()
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == "chatsrv_worker_failures_total"
        )

    async def sessions(self, username: str) -> list[str]:
        answer = await self.get(f"{USERS}/{username}/sessions")
        assert answer.status == 200, answer.json
        return [session["id"] for session in answer.json]

    def assert_said_once(self) -> None:
        """No error, and of each thing that goes on one line."""
        errors = [line for line in self.said if line["log_level"] in ("error", "critical")]
        assert not errors, errors
        lines = Counter(
            (line["event"], line.get("loop"), line.get("shard"))
            for line in self.said
            if line["log_level"] == "warning" and line["event"] not in QUIET
        )
        floods = {line: count for line, count in lines.items() if count > 2}
        assert not floods, floods


class Complaints(logging.Handler):
    """What libraries and the event loop log as a warning or worse: exceptions that nobody took, for example."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.name}: {self.format(record)}")


@contextmanager
def listening() -> Iterator[Complaints]:
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        yield complaints
    finally:
        logging.getLogger().removeHandler(complaints)


def settings_for(**values: object) -> Settings:
    durations = asdict(DURATIONS) | {"drain_s": 0.0}
    return Settings(**durations, access_log=False, password_memory_kib=8, password_time_cost=1, **values)  # type: ignore[arg-type]


@asynccontextmanager
async def running_rig(settings: Settings, within_s: float) -> AsyncIterator[Rig]:
    """Whatever is done to its stores, no library complains."""
    async with AsyncExitStack() as stack:
        complaints = stack.enter_context(listening())
        said: list[Any] = stack.enter_context(capture_logs())
        services = await stack.enter_async_context(open_services(settings))
        app, key = await services.apps.create("demo", None)
        tokens = {name: await _add(services, app, name) for name in ("anna", "ben", "carla")}
        web = create_app(services)
        url = await stack.enter_async_context(served(web, settings))
        metrics_url = await stack.enter_async_context(served(metrics_app(web), settings))
        http = await stack.enter_async_context(ClientSession())
        api = ApiClient(http, url, {"Authorization": f"Bearer {key}"})
        anna, carla = Client(url), Client(url)
        for name, client in (("anna", anna), ("carla", carla)):
            stack.push_async_callback(client.io.disconnect)
            await client.connect({"token": tokens[name]})
        rig = Rig(services, api, url, metrics_url, anna, carla, tokens, key, within_s)
        rig.said = said
        await eventually(lambda: _warmed(rig), "the node is well")
        yield rig
        assert not complaints.said, complaints.said


async def _add(services: Services, app: App, username: str) -> str:
    await services.users.create(app.id, {"username": username}, SERVER)
    return (await services.callers.mint_token(app, username, 600))[0]


async def _warmed(rig: Rig) -> bool:
    """Everything was asked once, so that whatever connects has."""
    await rig.lists_everywhere()
    return set((await rig.ready()).values()) == {"ok"}


def says_so_in_its_own_words(dialect: str, answer: Answer) -> bool:
    """503 as that dialect puts it, and when to come back."""
    manner = next(manner for manner in MANNERS if manner.name == dialect)
    assert answer.status == 503, (dialect, answer.status, answer.body)
    return manner.is_error(answer) and int(answer.headers["Retry-After"]) >= 1


def refused_for_now(answer: Answer) -> str:
    """503 in the native dialect's words, with when to come back. Returns the message."""
    assert int(answer.headers["Retry-After"]) >= 1
    refused(answer, 503, 50300)
    return str(answer.json["message"])
