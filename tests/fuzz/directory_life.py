"""One life of a directory, step by step: each is taken in the world and in the model, and then the two are compared."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any, ClassVar

from aiohttp import ClientSession
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text
from chatsrv.domain.presence import PresenceStatus
from chatsrv.services import Services
from tests.client import Answer
from tests.fuzz.directory_checks import ProbeDraw, check_all, check_probe, probes, settled
from tests.fuzz.directory_draws import (
    changes,
    claimed,
    emails,
    names,
    new_accounts,
    picks,
    plain_usernames,
    roles,
    tabs,
    usernames,
)
from tests.fuzz.directory_model import FOREVER, Account, Directory, Outcome
from tests.fuzz.directory_world import OBSERVER, World, panel_body

GRACE_S = 40
"""The server's `grace_s`."""
STATUS: dict[Outcome, tuple[int, ...]] = {
    Outcome.DONE: (200, 201, 204),
    Outcome.TAKEN: (409, 422),
    Outcome.WRONG_STATE: (422,),
    Outcome.INACTIVE: (403,),
}
DRAWN = ("username", "first_name", "last_name", "name", "email", "role", "has_joined")
MOST = 5
"""Users at a time, so that they come across each other."""


class Lives:
    """What all lives of a test share: one server, on one clock that only ever goes on."""

    def __init__(self, services: Services, clock: Clock, http: ClientSession, url: str) -> None:
        self.services, self.clock, self.http, self.url = services, clock, http, url
        self.loop = asyncio.get_running_loop()
        self.numbers = count()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """From Hypothesis' thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


class Life(RuleBasedStateMachine):
    """One app from its first user on; who looks at it is asked after every step."""

    lives: ClassVar[Lives]

    def __init__(self) -> None:
        super().__init__()
        self.model = Directory()
        self.world = World(self.lives.services, self.lives.clock, self.lives.http, self.lives.url)
        self.has_news = True
        """Who there is has changed, so that the watcher has to ask for them."""

    @initialize(status=claimed)
    def begin(self, status: PresenceStatus) -> None:
        """Two are here, the first of whom claims something; a third has never joined and may not."""
        self.model.accounts.append(Account(OBSERVER, tabs={"watcher": None}))
        self.lives.do(self.world.begin(f"life{next(self.lives.numbers)}"))
        zoe = self.model.accounts[0]
        (found,) = self.lives.do(self.world.page())
        zoe.id, zoe.uuid = found["id"], found["uuid"]
        for account in (Account("anna", "Ann", "Berg", email="anna@mail.test"), Account("ben", name="Ünal")):
            self.create(("native", account))
            self.connect(-1, "one")
        self.create(("pulse", Account("", name="O'Neil", has_joined=False)))
        self.claim(0, status, None, "manual", None)
        self.set_active(2, "pulse", False)

    def teardown(self) -> None:
        if self.model.accounts:
            self.lives.do(self.world.end())

    # Whom and what

    def others(self, *, discarded: bool = False) -> list[Account]:
        return [one for one in self.model.accounts[1:] if one.is_discarded is discarded]

    def pick(self, number: int, *, discarded: bool = False) -> Account:
        found = self.others(discarded=discarded)
        return found[number % len(found)]

    def expect(self, answer: Answer, outcome: Outcome) -> None:
        assert answer.status in STATUS[outcome], (outcome, answer.status, answer.json)

    def has_somebody(self) -> bool:
        return bool(self.others())

    def has_many(self) -> bool:
        return len(self.others()) > 2

    def who_are_here(self) -> list[Account]:
        return [account for account in self.others() if account.tabs]

    # Users

    @precondition(lambda self: len(self.others()) < MOST)
    @rule(new=new_accounts)
    def create(self, new: tuple[str, Account]) -> None:
        dialect, drawn = new
        account = Account(**{name: getattr(drawn, name) for name in DRAWN})
        if dialect == "pulse":
            account.username = self.model.pick_username(account.name or "", account.email)
        answer = self.lives.do(self.world.create(dialect, account))
        self.expect(answer, self.model.add(account))
        self.has_news = True

    @precondition(has_somebody)
    @rule(number=picks, change=changes)
    def update(self, number: int, change: tuple[str, dict[str, Any]]) -> None:
        account, (dialect, values) = self.pick(number), change
        answer = self.lives.do(self.world.update(dialect, account, values))
        self._changed(account, answer, values)

    @precondition(has_somebody)
    @rule(number=picks, new=st.builds(Account, plain_usernames, names, names, email=emails, role=roles))
    def update_in_the_panel(self, number: int, new: Account) -> None:
        """All of it is required there, and the username is no other if it is written otherwise."""
        account, values = self.pick(number), panel_body(new)
        answer = self.lives.do(self.world.update("panel", account, values))
        del values["root_admin"]
        values["role"] = new.role
        if new.username.lower() == account.username.lower():
            del values["username"]
        self._changed(account, answer, values)

    @precondition(has_somebody)
    @rule(number=picks, username=usernames)
    def rename(self, number: int, username: str) -> None:
        account = self.pick(number)
        answer = self.lives.do(self.world.key.post(f"{self.world.path(account)}/rename", {"username": username}))
        self._changed(account, answer, {"username": username})

    def _changed(self, account: Account, answer: Answer, values: dict[str, Any]) -> None:
        before = account.username
        self.expect(answer, self.model.change(account, **values))
        self._lost_tabs(account)
        if account.username != before:
            self.has_news = True

    @rule(
        items=st.lists(
            st.fixed_dictionaries({"username": plain_usernames, "first_name": names, "email": emails}), max_size=3
        )
    )
    def upsert(self, items: list[dict[str, Any]]) -> None:
        answer = self.lives.do(self.world.key.post(f"/v1/{self.world.app.id}/bulk/users", {"users": items}))
        found = {one["username"].lower(): one for one in self.lives.do(self.world.page())}
        for item, result in zip(items, answer.json["results"], strict=True):
            account = self.model.find(item["username"])
            values = {name: value for name, value in item.items() if name != "username"}
            if account is None:
                account, expected = Account(**item), "created"
                outcome = self.model.add(account)
            else:
                outcome, expected = self.model.change(account, **values), "updated"
            assert result["status"] == (expected if outcome is Outcome.DONE else "error"), (item, result)
            if (outcome, expected) == (Outcome.DONE, "created"):
                made = found[account.username.lower()]
                account.id, account.uuid = made["id"], made["uuid"]
        self.has_news = True

    @precondition(has_somebody)
    @rule(number=picks, dialect=st.sampled_from(["native", "oksky", "pulse"]), is_active=st.booleans())
    def set_active(self, number: int, dialect: str, is_active: bool) -> None:
        account, strict = self.pick(number), dialect == "pulse"
        answer = self.lives.do(self.world.set_active(dialect, account, is_active))
        change = self.model.reactivate if is_active else self.model.deactivate
        self.expect(answer, change(account, strict=strict))
        self._lost_tabs(account)

    @precondition(has_many)
    @rule(number=picks, dialect=st.sampled_from(["native", "oksky", "panel"]))
    def delete(self, number: int, dialect: str) -> None:
        account = self.pick(number)
        answer = self.lives.do(self.world.delete(dialect, account))
        account.tabs.clear()
        self.expect(answer, self.model.delete(account))
        self._lost_tabs(account)
        self.has_news = True

    @precondition(has_many)
    @rule(number=picks)
    def discard(self, number: int) -> None:
        account = self.pick(number)
        answer = self.lives.do(self.world.pulse.delete(f"/api/v1/users/{account.uuid}"))
        self.expect(answer, self.model.discard(account))
        self._lost_tabs(account)
        self.has_news = True

    @precondition(lambda self: bool(self.others(discarded=True)))
    @rule(number=picks)
    def restore(self, number: int) -> None:
        account = self.pick(number, discarded=True)
        answer = self.lives.do(self.world.pulse.delete(f"/api/v1/users/{account.uuid}/discard"))
        self.expect(answer, self.model.restore(account))
        self.has_news = True

    def _lost_tabs(self, account: Account) -> None:
        if not account.tabs:
            self.lives.do(self.world.forget_tabs(account))

    # Sockets, claims and time

    @precondition(has_somebody)
    @rule(number=picks, tab=tabs)
    def connect(self, number: int, tab: str) -> None:
        """Whoever is deactivated is made active first: there is little to see of them."""
        account = self.pick(number)
        if not account.is_active:
            self.set_active(number, "native", True)
        else:
            self.lives.do(self.world.connect(account, tab))
            account.tabs[tab] = None

    @precondition(lambda self: any(self.world.tabs))
    @rule(number=picks, logs_out=st.booleans())
    def disconnect(self, number: int, logs_out: bool) -> None:
        keys = sorted(self.world.tabs, key=lambda key: (key[0].id, key[1]))
        self.leave(*keys[number % len(keys)], logs_out)

    def leave(self, account: Account, tab: str, logs_out: bool) -> None:
        self.lives.do(self.world.leave(account, tab, logs_out=logs_out))
        if logs_out:
            del account.tabs[tab]
        else:
            account.tabs[tab] = self.world.now + GRACE_S * 1000

    @precondition(has_somebody)
    @rule(
        number=picks,
        status=claimed,
        text=st.sampled_from([None, None, "lunch"]),
        source=st.sampled_from(["manual", "manual", "calendar"]),
        lasts_s=st.sampled_from([None, 25, 100]),
    )
    def claim(self, number: int, status: PresenceStatus, text: str | None, source: str, lasts_s: int | None) -> None:
        account, now = self.pick(number), self.world.now
        if status is PresenceStatus.INVISIBLE:
            source = "manual"
        until = FOREVER if lasts_s is None else now + lasts_s * 1000
        body = {"status": status.name.lower(), "text": text, "source": source}
        if lasts_s is not None:
            body["expires_at"] = to_text(until)
        answer = self.lives.do(self.world.key.put(f"{self.world.path(account)}/presence", body))
        self.expect(answer, self.model.claim(account, source, status, text, now, until))

    @precondition(has_somebody)
    @rule(
        number=picks, tab=tabs, statuses=st.lists(claimed, min_size=2, max_size=4), logs_out=st.none() | st.booleans()
    )
    def be_here_a_while(self, number: int, tab: str, statuses: list[PresenceStatus], logs_out: bool | None) -> None:
        """What somebody claims who is not here shows later, or never."""
        account = self.pick(number)
        self.connect(number, tab)
        for status in statuses:
            self.every_dialect_and_viewer_agrees()
            self.claim(number, status, None, "manual", None)
        if logs_out is not None and (account, tab) in self.world.tabs:
            self.every_dialect_and_viewer_agrees()
            self.leave(account, tab, logs_out)

    @precondition(lambda self: bool(self.who_are_here()))
    @rule(number=picks, username=usernames, is_active=st.booleans())
    def change_while_here(self, number: int, username: str, is_active: bool) -> None:
        """Where their sockets close, and those who watch hear of it."""
        here = self.who_are_here()
        place = self.others().index(here[number % len(here)])
        if is_active:
            self.rename(place, username)
        else:
            self.set_active(place, "native", False)

    @precondition(has_somebody)
    @rule(number=picks)
    def take_back(self, number: int) -> None:
        account = self.pick(number)
        answer = self.lives.do(self.world.key.delete(f"{self.world.path(account)}/presence"))
        self.expect(answer, self.model.take_back(account))

    @rule(seconds=st.sampled_from([1, 15, 45]))
    def wait(self, seconds: float) -> None:
        self.lives.do(self.world.pass_time(seconds))

    # What must be so

    @invariant()
    def every_dialect_and_viewer_agrees(self) -> None:
        if self.model.accounts:
            self.lives.do(settled(self.world, self.model, has_news=self.has_news))
            self.has_news = False
            self.lives.do(check_all(self.world, self.model))

    @rule(probe=probes)
    def ask(self, probe: ProbeDraw) -> None:
        self.lives.do(check_probe(self.world, self.model, probe))
