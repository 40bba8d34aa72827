"""Import and export: NDJSON, a user a line, in constant memory however many there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from chatsrv.domain import instants
from chatsrv.domain.errors import ChatError, Invalid, Malformed, Problem, TooLarge
from chatsrv.domain.presence import Claim
from chatsrv.domain.user_fields import RESTORABLE, RULES, check_restored
from chatsrv.domain.users import AccountStatus, Clocks, User
from chatsrv.services.accounts import Accounts
from chatsrv.services.clocks import ClockFlush
from chatsrv.services.presence import PresenceService
from chatsrv.services.upserts import Outcome, Upserts
from chatsrv.services.users import Users
from chatsrv.settings import Settings
from chatsrv.storage.records import read_claims

FIELDS = (
    "username",
    "first_name",
    "last_name",
    "name",
    "email",
    "external_id",
    "avatar",
    "role",
    "status",
    "metadata",
    "language",
    "timezone",
    "uuid",
    "created_at",
    "updated_at",
    "last_login_at",
    "last_active_at",
    "last_seen_at",
    "presence_changed_at",
    "to_others",
    "claims",
    "tokens_since",
    "onboarding",
)
"""What a line holds; all of it goes in again as it is."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A line that was not taken; lines count from 1."""

    line: int
    error: ChatError


@dataclass(slots=True)
class ImportReport:
    """`stopped` when there were so many failures that the rest was not tried."""

    created: int = 0
    updated: int = 0
    failed: list[Failure] = field(default_factory=list)
    stopped: bool = False


class Transfer:
    def __init__(
        self,
        users: Users,
        upserts: Upserts,
        accounts: Accounts,
        presence: PresenceService,
        clocks: ClockFlush,
        settings: Settings,
    ) -> None:
        self._users = users
        self._upserts = upserts
        self._presence = presence
        self._accounts = accounts
        self._clocks = clocks
        self._settings = settings

    async def export_lines(self, app_id: str) -> AsyncIterator[bytes]:
        """Batches of lines, in the order in which the users were made."""
        await self._clocks.flush_app(app_id)
        async for users in self._users.walk(app_id):
            yield b"".join(_line(user) for user in users)

    async def import_lines(
        self,
        app_id: str,
        lines: AsyncIterator[bytes | ChatError],
        on_progress: Callable[[int], None] | None = None,
    ) -> ImportReport:
        """Takes the lines as they come, a batch a transaction. A bad line spoils no other."""
        report = ImportReport()
        batch: list[tuple[int, bytes | ChatError]] = []
        number = 0
        async for line in lines:
            number += 1
            if isinstance(line, ChatError) or line.strip():
                batch.append((number, line))
            if len(batch) >= self._settings.import_batch:
                await self._take(app_id, batch, report)
                batch = []
                if on_progress:
                    on_progress(number)
            if report.stopped:
                return report
        await self._take(app_id, batch, report)
        if on_progress:
            on_progress(number)
        return report

    async def _take(self, app_id: str, batch: list[tuple[int, bytes | ChatError]], report: ImportReport) -> None:
        items = [self._read(line) for _, line in batch]
        outcomes = await self._upserts.apply(app_id, items)
        for (number, _), item, outcome in zip(batch, items, outcomes, strict=True):
            _count(report, number, outcome)
            if outcome.before and isinstance(item, Mapping):
                await self._follow_status(outcome.before, item.get("status", outcome.before.status))
        report.stopped = len(report.failed) >= self._settings.import_failures_max

    async def _follow_status(self, before: User, status: AccountStatus) -> None:
        """Whom a line deactivated loses their sockets; whom it reactivated may connect. Raises Unavailable."""
        if status is AccountStatus.INACTIVE and before.status is AccountStatus.ACTIVE:
            await self._accounts.leave(before)
        elif status is AccountStatus.ACTIVE and before.status is AccountStatus.INACTIVE:
            await self._presence.admit(before)

    def _read(self, line: bytes | ChatError) -> Mapping[str, Any] | ChatError:
        if isinstance(line, ChatError):
            return line
        try:
            return self._check(_decode(line))
        except ChatError as error:
            return error

    def _check(self, values: dict[str, Any]) -> dict[str, Any]:
        _check_depth(values, self._settings.json_max_depth)
        unknown = [Problem(name, "is not a field of a user") for name in values if name not in FIELDS]
        if unknown:
            raise Invalid(*unknown)
        if "username" not in values:
            raise Invalid(Problem("username", "is required"))
        restored = {name: value for name, value in values.items() if name in RESTORABLE}
        return self._users.check({k: v for k, v in values.items() if k in RULES}) | check_restored(restored)


def _count(report: ImportReport, number: int, outcome: Outcome) -> None:
    if outcome.error:
        report.failed.append(Failure(number, outcome.error))
    elif outcome.status == "created":
        report.created += 1
    else:
        report.updated += 1


def _decode(line: bytes) -> dict[str, Any]:
    try:
        values = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"The line is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise Malformed("The line must be a JSON object.")
    return values


def _check_depth(value: dict[str, Any] | list[Any], most: int) -> None:
    """What is nested deeper than any request may be could be stored, but not read again everywhere."""
    if most == 0:
        raise Malformed("The line is nested too deeply.")
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            _check_depth(inner, most - 1)


def _line(user: User) -> bytes:
    values = {name: _stored(user, name) for name in FIELDS}
    return msgspec.json.encode(values) + b"\n"


def _stored(user: User, name: str) -> Any:
    if name in WRITERS:
        return WRITERS[name](user)
    value = getattr(user, name)
    return instants.to_text(value) if name in ("created_at", "updated_at") else value


def _clocks(clocks: Clocks) -> dict[str, str | None]:
    return {field.name: instants.to_text_or_none(getattr(clocks, field.name)) for field in fields(Clocks)}


def _clock(name: str) -> Callable[[User], str | None]:
    return lambda user: instants.to_text_or_none(getattr(user.clocks, name))


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "id": claim.id,
        "source": claim.source,
        "status": claim.status,
        "text": claim.text,
        "emoji": claim.emoji,
        "expires_at": instants.to_text_or_none(claim.expires_at),
        "set_at": instants.to_text(claim.set_at),
    }


WRITERS: Mapping[str, Callable[[User], Any]] = {
    **{field.name: _clock(field.name) for field in fields(Clocks)},
    "to_others": lambda user: None if user.clocks_to_others == user.clocks else _clocks(user.clocks_to_others),
    "claims": lambda user: [_claim(claim) for claim in read_claims(user.claims)] or None,
    "tokens_since": lambda user: instants.to_text_or_none(user.tokens_since),
    "onboarding": lambda user: user.onboarding.name.lower(),
}
"""Fields that a line holds in other words than the user does."""


async def split_lines(pieces: AsyncIterator[bytes], line_max_bytes: int) -> AsyncIterator[bytes | ChatError]:
    """Lines without their ends. One that is too long is an error in its place, and is not kept."""
    rest, skipping = b"", False
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield _too_long(line_max_bytes) if skipping or len(line) > line_max_bytes else line
            skipping = False
        if len(rest) > line_max_bytes:
            rest, skipping = b"", True
    if rest or skipping:
        yield _too_long(line_max_bytes) if skipping or len(rest) > line_max_bytes else rest


def _too_long(line_max_bytes: int) -> ChatError:
    return TooLarge(f"A line may have at most {line_max_bytes} bytes.")
