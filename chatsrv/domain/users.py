"""Users: the stored person, and how far their account has come."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

from chatsrv.domain.instants import NEVER

ADMIN = "admin"
"""The role of those who manage others."""


class AccountStatus(IntEnum):
    """The state of the account, which is not the presence."""

    ACTIVE = 0
    INACTIVE = 1
    DELETED = 2


class Onboarding(IntEnum):
    """How far somebody who was made in the Pulse dialect has come; everybody else has joined."""

    JOINED = 0
    CREATED = 1
    INVITED = 2


class AccountState(StrEnum):
    """Status, onboarding and discarding in one word."""

    CREATED = "created"
    INVITED = "invited"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    DELETED = "deleted"


class ExternalId(str):
    """Names a user by the id that another system gave them."""

    __slots__ = ()


UserRef = str | int | UUID | ExternalId
"""Whom one means: by username, id, uuid or external id."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The four instants that presence keeps, in milliseconds; NEVER (0) where it has not happened."""

    last_login_at: int = NEVER
    last_active_at: int = NEVER
    last_seen_at: int = NEVER
    presence_changed_at: int = NEVER


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether a user may be connected: tokens issued before `tokens_since` (ms) are revoked."""

    status: AccountStatus
    tokens_since: int


@dataclass(frozen=True, slots=True)
class KeptClaims:
    """A user's presence claims as SQL keeps them, in case Redis loses its own: JSON as in claims.lua, or empty."""

    text: str = ""
    changed_at: int = NEVER


@dataclass(frozen=True, slots=True)
class User:
    """A person of one app as the directory keeps them."""

    id: int
    app_id: str
    uuid: str
    username: str
    first_name: str | None
    last_name: str | None
    name: str | None
    email: str | None
    external_id: str | None
    avatar: str | None
    role: str
    status: AccountStatus
    metadata: Mapping[str, Any] | None
    language: str | None
    timezone: str | None
    created_at: int
    updated_at: int
    clocks: Clocks
    clocks_to_others: Clocks
    claims: KeptClaims
    tokens_since: int
    onboarding: Onboarding
    discarded_at: int

    @property
    def full_name(self) -> str:
        return " ".join(name for name in (self.first_name, self.last_name) if name)

    @property
    def display_name(self) -> str:
        return self.name or self.full_name or self.username

    @property
    def is_admin(self) -> bool:
        """Whether they manage others in the dialects that have a sign-in for people."""
        return fold_case(self.role) == ADMIN

    @property
    def state(self) -> AccountState:
        if self.discarded_at != NEVER:
            return AccountState.DELETED
        if self.status is not AccountStatus.ACTIVE:
            return AccountState.DEACTIVATED
        return ONBOARDING_STATES[self.onboarding]

    def revoke_at(self, now: int) -> int:
        """What `tokens_since` becomes. Tokens are dated in whole seconds, and never before the last revocation."""
        return max((now // 1000 + 1) * 1000, self.tokens_since + 1000)


ONBOARDING_STATES: Mapping[Onboarding, AccountState] = {
    Onboarding.JOINED: AccountState.ACTIVE,
    Onboarding.CREATED: AccountState.CREATED,
    Onboarding.INVITED: AccountState.INVITED,
}


def fold_case(text: str) -> str:
    """What two texts share that differ in case or in Unicode composition alone."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
