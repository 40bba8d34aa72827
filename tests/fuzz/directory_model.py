"""What the directory of one app must be, kept by a model that knows no database, no Redis and no dialect."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from chatsrv.domain.presence import PresenceStatus
from tests.domain.test_claims_machine import Said, naive_display

OFFLINE, INVISIBLE = PresenceStatus.OFFLINE, PresenceStatus.INVISIBLE
FOREVER = 2**60


class Outcome(StrEnum):
    """What must come of a write, whichever dialect it is made in."""

    DONE = "done"
    TAKEN = "taken"
    """Somebody else has the username or the email."""
    WRONG_STATE = "wrong state"
    INACTIVE = "inactive"


@dataclass(eq=False)
class Account:
    """One user. `tabs` are their sessions: None while one lives, else when its grace ends (ms)."""

    username: str
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    email: str | None = None
    role: str = "user"
    is_active: bool = True
    has_joined: bool = True
    is_discarded: bool = False
    id: int = 0
    uuid: str = ""
    tabs: dict[str, int | None] = field(default_factory=dict)
    story: list[Said] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        return " ".join(word for word in (self.first_name, self.last_name) if word)

    @property
    def display_name(self) -> str:
        return self.name or self.full_name or self.username

    @property
    def state(self) -> str:
        if self.is_discarded:
            return "deleted"
        if not self.is_active:
            return "deactivated"
        return "active" if self.has_joined else "created"

    def is_here(self, now: int) -> bool:
        return any(until is None or now < until for until in self.tabs.values())

    def truth(self, now: int) -> tuple[PresenceStatus, str | None]:
        """Status and text, as a server key and the user's own sessions see them."""
        return naive_display(PresenceStatus.ONLINE if self.is_here(now) else OFFLINE, self.story, now)

    def to_others(self, now: int) -> tuple[PresenceStatus, str | None]:
        status, text = self.truth(now)
        return (OFFLINE, None) if status is INVISIBLE else (status, text)

    def deadlines(self) -> list[int]:
        """The instants at which they change by themselves."""
        ends = [until for until in self.tabs.values() if until is not None]
        return ends + [said.until for said in self.story if said.until < FOREVER]


class Directory:
    """All accounts that there have been, but those that were deleted for good."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []

    @property
    def alive(self) -> list[Account]:
        return [account for account in self.accounts if not account.is_discarded]

    def find(self, username: str) -> Account | None:
        return next((one for one in self.alive if one.username.lower() == username.lower()), None)

    def is_taken(self, account: Account | None, username: str | None, email: str | None) -> bool:
        """By somebody else who is alive; without regard to case."""
        return any(
            other is not account
            and (
                (username is not None and other.username.lower() == username.lower())
                or (email is not None and (other.email or "").lower() == email.lower())
            )
            for other in self.alive
        )

    def add(self, account: Account) -> Outcome:
        if self.is_taken(None, account.username, account.email):
            return Outcome.TAKEN
        self.accounts.append(account)
        return Outcome.DONE

    def pick_username(self, name: str, email: str | None) -> str:
        """For somebody who was entered without one: from the email or the name, with a number where it is taken."""
        plain = re.sub(r"[^\w.+-]", "", ".".join(((email or "").partition("@")[0] or name).lower().split()))
        tries = [plain, *(f"{plain}{number}" for number in range(2, 5))]
        return next((name for name in tries if not self.is_taken(None, name, None)), "")

    def change(self, account: Account, **values: str | None) -> Outcome:
        """With another `username` their sessions end."""
        if self.is_taken(account, values.get("username"), values.get("email")):
            return Outcome.TAKEN
        if (values.get("username") or account.username).lower() != account.username.lower():
            account.tabs.clear()
        for name, value in values.items():
            setattr(account, name, value)
        return Outcome.DONE

    def deactivate(self, account: Account, *, strict: bool = False) -> Outcome:
        if strict and not account.is_active:
            return Outcome.WRONG_STATE
        account.is_active = False
        account.tabs.clear()
        return Outcome.DONE

    def reactivate(self, account: Account, *, strict: bool = False) -> Outcome:
        if account.is_active:
            return Outcome.WRONG_STATE if strict else Outcome.DONE
        account.is_active = account.has_joined = True
        return Outcome.DONE

    def delete(self, account: Account) -> Outcome:
        self.accounts.remove(account)
        return Outcome.DONE

    def discard(self, account: Account) -> Outcome:
        account.is_discarded = True
        account.tabs.clear()
        return Outcome.DONE

    def restore(self, account: Account) -> Outcome:
        if self.is_taken(account, account.username, account.email):
            return Outcome.TAKEN
        account.is_discarded = False
        account.is_active = account.has_joined = True
        return Outcome.DONE

    def claim(
        self, account: Account, source: str, status: PresenceStatus, text: str | None, now: int, until: int
    ) -> Outcome:
        if not account.is_active:
            return Outcome.INACTIVE
        account.story.append(Said(source, status, text, now, until))
        return Outcome.DONE

    def take_back(self, account: Account) -> Outcome:
        if not account.is_active:
            return Outcome.INACTIVE
        account.story.clear()
        return Outcome.DONE

    def count(self, now: int) -> dict[str, int]:
        """As anybody is told: who is invisible is here for nobody."""
        shown = [account.to_others(now)[0] for account in self.alive]
        words = {"online": PresenceStatus.ONLINE, "away": PresenceStatus.AWAY, "dnd": PresenceStatus.DND}
        return {**{word: shown.count(status) for word, status in words.items()}, "total": len(self.alive)}

    def deadlines(self) -> Iterable[int]:
        return (at for account in self.accounts for at in account.deadlines())
