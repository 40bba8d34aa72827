"""One server for both tenants, and how ours asks for what is the neighbour's."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from uuid import uuid4

from aiohttp import ClientSession

from chatsrv.services import Services, open_services
from chatsrv.settings import Settings
from tests.api.manners import MANNERS
from tests.api.tenancy.requests import Asked
from tests.api.tenancy.tenants import FAR, FAR_END, Tenant, begin_far_off, furnish, missing
from tests.api.tenancy.watch import Costs, Row, Rows, counted, redis_items, sql_rows
from tests.client import Answer, ApiClient
from tests.listening import served_node

UNLIMITED = {
    "key_rate_per_minute": 10**6,
    "key_rate_burst": 10**6,
    "token_rate_per_minute": 10**6,
    "token_rate_burst": 10**6,
    "panel_rate_per_minute": 10**6,
    "pulse_rate_per_minute": 10**6,
    "pulse_auth_attempts": 10**6,
    "address_rate_per_minute": 10**6,
    "address_rate_burst": 10**6,
    "failed_credentials_per_minute": 10**6,
}
BY_NAME = {manner.name: manner for manner in MANNERS}
FRESH = ("date", "x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "etag")
"""Headers that no two answers share; an ETag is made of the body, which may repeat what was asked for."""
WHOLE = -1
"""The place that stands for all of them."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer's headers and body without what no two answers share, and without the ids that were asked for."""

    status: int
    text: str


@dataclass(slots=True)
class World:
    """`nobodys`: ids like the neighbour's that nobody has. `before`: what is kept of the neighbour in SQL and Redis."""

    api: ApiClient
    services: Services
    ours: Tenant
    theirs: Tenant
    nobodys: Mapping[str, str]
    before: tuple[Rows, Rows]
    costs: Costs
    numbers: Iterator[int] = field(default_factory=count)

    async def ask(
        self, asked: Asked, credential: str, place: int, ids: Mapping[str, str]
    ) -> tuple[Answer, Counter[str]]:
        """For what is ours, but with one of these ids at that place; and what it cost."""
        path, body = asked.filled(ids) if place == WHOLE else asked.filled(self.ours.ids, place, ids)
        return await self.send(asked, credential, path, body)

    async def send(
        self, asked: Asked, credential: str, path: str, body: object, **headers: str
    ) -> tuple[Answer, Counter[str]]:
        number = f"r{next(self.numbers)}"
        text = None if body is None else json.dumps(body).replace("{n}", uuid4().hex[:8]).encode()
        client = BY_NAME[asked.dialect].speak(self.api, credential)
        answer = await client.request(asked.method, path, data=text, headers={"X-Request-Id": number, **headers})
        return answer, self.costs.of(number)

    async def is_told_apart(self, asked: Asked, credential: str, place: int) -> str | None:
        """How what the neighbour has is answered differently from what nobody has, if it is."""
        nobodys, cost_of_nobodys = await self.ask(asked, credential, place, self.nobodys)
        theirs, cost_of_theirs = await self.ask(asked, credential, place, self.theirs.ids)
        one, other = told(nobodys, self.nobodys), told(theirs, self.theirs.ids)
        if one != other:
            return f"{one} for nobody's, {other} for the neighbour's"
        if cost_of_nobodys == cost_of_theirs:
            return None
        # what is ours in the request may just have come to be remembered: ask again, the other way round
        _, cost_of_theirs = await self.ask(asked, credential, place, self.theirs.ids)
        _, cost_of_nobodys = await self.ask(asked, credential, place, self.nobodys)
        difference = (cost_of_theirs - cost_of_nobodys) | (cost_of_nobodys - cost_of_theirs)
        return f"these statements for one alone: {list(difference)}" if difference else None

    async def losses(self) -> list[Row]:
        """What was kept of the neighbour and is not any more, or is otherwise."""
        (sql, redis), now_redis = self.before, await redis_items(self.services)
        return sorted(self._of_theirs(sql) - await sql_rows(self.services), key=str) + sorted(
            self._of_theirs(redis) ^ self._of_theirs(now_redis), key=str
        )

    async def gains(self) -> list[Row]:
        """Rows that have come to name something of the neighbour's."""
        ids = self.theirs.ids.values()
        named = {*ids, *(int(id_) for id_ in ids if id_.isdigit())}
        return sorted((row for row in await sql_rows(self.services) - self.before[0] if named & set(row)), key=str)

    def _of_theirs(self, rows: Rows) -> Rows:
        """Those that the server had not before the neighbour came, or that speak of it."""
        return frozenset(row for row in rows if self.theirs.id in str(row) or any(_is_far(value) for value in row))


def _is_far(value: object) -> bool:
    return isinstance(value, int) and FAR <= value < FAR_END


def told(answer: Answer, ids: Mapping[str, str]) -> Told:
    headers = [f"{name.lower()}: {value}" for name, value in answer.headers.items() if name.lower() not in FRESH]
    text = _named(frozenset(ids.items())).sub("<id>", "\n".join([*sorted(headers), answer.body.decode()]))
    # what was made has a name, an id and a date of its own
    return Told(answer.status, MADE.sub("#", text) if answer.status < 300 else TRACE.sub("", text))


MADE = re.compile(r"\b(new|x)-[0-9a-f]{8}\b|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\d+")
TRACE = re.compile(r'"traceId":"[^"]*"')


@cache
def _named(ids: frozenset[tuple[str, str]]) -> re.Pattern[str]:
    values = sorted((value for _, value in ids), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, values)), re.IGNORECASE)


def unlimited(database_url: str, valkey_url: str, folder: Path) -> Settings:
    """Of a server that counts nothing, and changes nothing by itself."""
    return Settings(
        database_url=database_url,
        redis_url=valkey_url,
        redis_prefix=f"t{uuid4().hex}",
        data_dir=str(folder),
        access_log=False,
        drain_s=0,
        password_memory_kib=8,
        password_time_cost=1,
        run_worker=False,
        webhooks_per_app=10**6,
        **UNLIMITED,  # type: ignore[arg-type]
    )


@asynccontextmanager
async def two_tenants(template: Path, valkey_url: str, folder: Path) -> AsyncIterator[World]:
    shutil.copy(template, folder / "chatsrv.db")
    settings = unlimited(f"sqlite:///{folder}/chatsrv.db", valkey_url, folder)
    async with open_services(settings) as services, served_node(services) as url, ClientSession() as session:
        api = ApiClient(session, url, {})
        ours = await furnish(api, services, "demo")
        await begin_far_off(services.db)
        theirs = await furnish(api, services, "next-door")
        before = (await sql_rows(services), await redis_items(services))
        with counted() as costs:
            yield World(api, services, ours, theirs, missing(theirs.ids), before, costs)
