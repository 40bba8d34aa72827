"""The dashboard as a browser asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http.cookies import Morsel, SimpleCookie
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, DummyCookieJar
from multidict import CIMultiDictProxy

from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.listening import served_node

COOKIE = "chatsrv_admin"


@dataclass(frozen=True, slots=True)
class Seen:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def cookies(self) -> Mapping[str, Morsel[str]]:
        """What the browser is told to keep."""
        told: SimpleCookie = SimpleCookie()
        for line in self.headers.getall("Set-Cookie", []):
            told.load(line)
        return told


@dataclass(slots=True)
class Browser:
    """A page of the server's own, which sends what it was told to keep. `headers` win over what it would say itself."""

    session: ClientSession
    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, json: Any = None, **options: Any) -> Seen:
        said: dict[str, str | None] = {"Origin": self.url} if method != "GET" else {}
        said |= {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        said |= options.pop("headers", {})
        headers = {name: value for name, value in said.items() if value is not None}
        given = {**({} if json is None else {"json": json}), **options}
        async with self.session.request(
            method, self.url + path, headers=headers, allow_redirects=False, **given
        ) as got:
            seen = Seen(got.status, got.headers, await got.read())
        for name, morsel in seen.cookies.items():
            self.cookies.pop(name, None)
            if morsel["max-age"] != "0":
                self.cookies[name] = morsel.value
        return seen

    async def sign_in(self, **given: str) -> Seen:
        seen = await self.ask("POST", "/admin/session", given)
        assert seen.status == 200, seen.body
        return seen

    async def is_signed_in(self) -> bool:
        seen = await self.ask("GET", "/admin/session")
        assert seen.status == 200
        return bool(seen.json["signed_in"])


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def url(services: Services, demo: DemoApp) -> AsyncIterator[str]:
    async with served_node(services) as url:
        yield url


@pytest.fixture
def browser(http: ClientSession, url: str) -> Browser:
    return Browser(http, url)


@pytest.fixture
async def operator(browser: Browser, services: Services) -> Browser:
    """Somebody who came by a link."""
    await browser.sign_in(link=(await services.admin.make_link())[0])
    return browser
