"""A running server and an app of its own, written and read in every dialect; the watchers that follow it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import ClientSession

from chatsrv.api.jsonapi import MEDIA_TYPE
from chatsrv.domain.apps import App
from chatsrv.domain.clock import Clock
from chatsrv.domain.users import fold_case
from chatsrv.services import Services
from tests.api.native.people import pass_time
from tests.client import Answer, ApiClient
from tests.fuzz.asking import AskingClient
from tests.fuzz.directory_model import Account

PATIENCE_S = 5.0
OBSERVER = "zoe"
"""Somebody who is not changed, and looks at everybody else with a token and a socket of their own."""
TOKEN_LIFE_S = 2_000_000


def _resource(type_: str, id_: str | None = None, **attributes: Any) -> dict[str, Any]:
    return {"data": {"type": type_, **({"id": id_} if id_ else {}), "attributes": attributes}}


@dataclass
class Follower:
    """Goes after the changes by `since=` as a client of the observer, who sees what others see.

    `shown` by folded names: that a name is written otherwise is no news.
    """

    cursor: str = ""
    shown: dict[str, tuple[int, str | None]] = field(default_factory=dict)

    def take(self, answer: Any) -> None:
        version = int(self.cursor.rpartition(".")[2]) if self.cursor else -1
        assert answer["version"] >= version, "the version ran backwards"
        if answer["full"]:
            self.shown.clear()
        for person in answer["users"] if answer["full"] else answer["changes"]:
            self.shown[fold_case(person["username"])] = (person["presence_status"], person["text"])
        self.cursor = f"{answer['epoch']}.{answer['version']}"


class World:
    """One app. Users are meant by `Account`; `key` asks with the app's server key, in each dialect."""

    def __init__(self, services: Services, clock: Clock, http: ClientSession, url: str) -> None:
        self.services = services
        self.clock = clock
        self.http = http
        self.url = url
        self.app: App
        self.tabs: dict[tuple[Account, str], AskingClient] = {}
        self.follower = Follower()
        self.watcher: AskingClient
        self._told = 0
        self._version = -1
        self.view: dict[str, tuple[int, str | None]] = {}

    async def begin(self, app_id: str) -> None:
        self.app, key = await self.services.apps.create(app_id, None)
        self.key = ApiClient(self.http, self.url, {"Authorization": f"Bearer {key}"})
        self.oksky = self.key.with_headers({"X-Access-Token": key, "Content-Type": MEDIA_TYPE})
        self.pulse = self.key.with_headers({**self.key.headers, "Content-Type": MEDIA_TYPE})
        self.users = f"/v1/{app_id}/users"
        assert (await self.key.post(self.users, {"username": OBSERVER})).status == 201
        token = await self.token_of(OBSERVER)
        self.observer = self.key.speaking_as(token)
        self.watcher = await AskingClient.connect(self.http, self.url, {"token": token, "client_id": "watcher"})

    async def end(self) -> None:
        for client in (self.watcher, *self.tabs.values()):
            await client.end()

    @property
    def now(self) -> int:
        return self.clock.now()

    async def token_of(self, username: str) -> str:
        token, _ = await self.services.callers.mint_token(self.app, username, TOKEN_LIFE_S)
        return token

    def path(self, account: Account) -> str:
        return f"{self.users}/{quote(account.username, safe='')}"

    # Writing

    async def create(self, dialect: str, account: Account) -> Answer:
        """It learns id and uuid, and where the dialect makes up a username, that, too."""
        answer: Answer = await CREATE[dialect](self, account)
        if answer.status == 201:
            uuid = answer.json["data"]["id"] if dialect == "pulse" else ""
            found = await self.all_native()
            made = next(one for one in found if one["uuid"] == uuid or one["username"] == account.username)
            account.id, account.uuid = made["id"], made["uuid"]
            if dialect == "pulse":
                account.username = made["username"]
        return answer

    async def _create_native(self, account: Account) -> Answer:
        names = ("username", "first_name", "last_name", "name", "email", "role")
        return await self.key.post(self.users, {name: getattr(account, name) for name in names})

    async def _create_oksky(self, account: Account) -> Answer:
        values = {"username": account.username, "full_name": account.full_name, "email": account.email}
        return await self.oksky.post("/rapi/v1/users", _resource("users", **values))

    async def _create_panel(self, account: Account) -> Answer:
        return await self.key.post("/api/application/users", panel_body(account))

    async def _create_pulse(self, account: Account) -> Answer:
        return await self.pulse.post("/api/v1/users", _resource("user", name=account.name, email=account.email))

    async def update(self, dialect: str, account: Account, values: dict[str, Any]) -> Answer:
        """`values` by the names of the native dialect."""
        if dialect == "native":
            return await self.key.patch(self.path(account), values)
        if dialect == "oksky":
            named = {name: value for name, value in values.items() if name in ("username", "name", "email")}
            if "first_name" in values or "last_name" in values:
                words = (values.get("first_name"), values.get("last_name"))
                named["full_name"] = " ".join(word for word in words if word)
            body = _resource("users", str(account.id), **named)
            return await self.oksky.patch(f"/rapi/v1/users/{account.id}", body)
        if dialect == "panel":
            return await self.key.patch(f"/api/application/users/{account.id}", values)
        named = {name: value for name, value in values.items() if name in ("name", "email")}
        return await self.pulse.patch(f"/api/v1/users/{account.uuid}", _resource("users", **named))

    async def delete(self, dialect: str, account: Account) -> Answer:
        """For good."""
        if dialect == "native":
            return await self.key.delete(self.path(account))
        if dialect == "oksky":
            return await self.oksky.delete(f"/rapi/v1/users/{account.id}")
        return await self.key.delete(f"/api/application/users/{account.id}")

    async def set_active(self, dialect: str, account: Account, is_active: bool) -> Answer:
        if dialect == "native":
            return await self.key.post(f"{self.path(account)}/{'re' if is_active else 'de'}activate")
        if dialect == "oksky":
            path = f"/rapi/v1/users/{'re' if is_active else 'de'}activate?filter[id]={account.id}"
            return await self.oksky.patch(path)
        path = f"/api/v1/users/{account.uuid}/deactivate"
        return await (self.pulse.delete(path) if is_active else self.pulse.post(path))

    # Sockets

    async def connect(self, account: Account, tab: str) -> None:
        """Raises Refused. Another one with the same tab gives way."""
        auth = {"token": await self.token_of(account.username), "client_id": tab}
        client = await AskingClient.connect(self.http, self.url, auth)
        before = self.tabs.pop((account, tab), None)
        self.tabs[account, tab] = client
        if before:
            await before.end()

    async def leave(self, account: Account, tab: str, *, logs_out: bool) -> None:
        client = self.tabs.pop((account, tab))
        if logs_out:
            await client.log_out()
        else:
            await client.end()

    async def forget_tabs(self, account: Account) -> None:
        """The server has closed them, with a reason."""
        for key in [key for key in self.tabs if key[0] is account]:
            client = self.tabs.pop(key)
            await is_over(client, account)
            assert client.heard("session:close"), "a socket was closed without a reason"
            await client.end()

    async def pass_time(self, seconds: float) -> None:
        await pass_time(self.services, self.clock, seconds)

    async def sweep(self) -> None:
        await self.services.upkeep.sweep()

    # Reading

    async def page(self, query: Sequence[tuple[str, str]] = (), viewer: ApiClient | None = None) -> Any:
        """A presence page of the native dialect, with all fields."""
        asked = urlencode([("presence", "true"), ("fields", "*"), ("limit", "200"), *query])
        answer = await (viewer or self.key).get(f"{self.users}?{asked}")
        assert answer.status == 200, answer.json
        assert answer.json["total_count"] == answer.json["count"] == len(answer.json["users"])
        return answer.json["users"]

    async def all_native(self) -> Any:
        return await self.page()

    async def read(self, client: ApiClient, path: str) -> Any:
        answer = await client.get(path)
        assert answer.status == 200, answer.json
        return answer.json

    async def follow(self) -> None:
        path = f"/v1/{self.app.id}/presence" + (f"?since={self.follower.cursor}" if self.follower.cursor else "")
        self.follower.take(await self.read(self.observer, path))

    async def watch(self, usernames: Sequence[str]) -> None:
        """Anew: the answer is what the watcher takes for true from then on."""
        if usernames:
            answer = await self.watcher.ask("presence:subscribe", {"usernames": list(usernames)})
            assert not answer["unknown"], answer["unknown"]

    def take_events(self) -> None:
        """What the watcher has been told since the last time, into `view`, in its order."""
        for name, payload in self.watcher.events[self._told :]:
            self._told += 1
            if name == "presence:diff":
                assert payload["version"] > self._version, "a diff came twice, or out of order"
                self._version = payload["version"]
            else:
                assert name == "ack", (name, payload)
            for one in payload["changes"] if name == "presence:diff" else payload["users"]:
                self.view[one["username"]] = (one["presence_status"], one["text"])


CREATE: dict[str, Callable[[World, Account], Any]] = {
    "native": World._create_native,
    "oksky": World._create_oksky,
    "panel": World._create_panel,
    "pulse": World._create_pulse,
}


def panel_body(account: Account) -> dict[str, Any]:
    return {
        **{name: getattr(account, name) for name in ("username", "email", "first_name", "last_name")},
        "root_admin": account.role == "admin",
    }


async def is_over(client: AskingClient, account: Account) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not client.is_over:
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"a socket of {account.username} has not been closed in {PATIENCE_S:g} s") from None
