"""Many users at once: each is created or updated by its username, and one bad item spoils no other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatsrv.domain.audit import Act, acts_of
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError, Conflict
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import newest
from chatsrv.domain.users import User, fold_case
from chatsrv.services import audit
from chatsrv.services.users import new_user
from chatsrv.storage import identities as identity_rows
from chatsrv.storage import users as rows
from chatsrv.storage.clocks import CLOCKS_TO_OTHERS
from chatsrv.storage.database import Database, Transaction
from chatsrv.storage.sql_errors import Overtaken

TRIES = 3

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item: `created`, `updated` or `error`; `before` is the user that was updated."""

    username: str | None
    status: str
    error: ChatError | None = None
    before: User | None = None


@dataclass(slots=True)
class _Round:
    """Items that touch no name, address or id twice, so that their order does not matter.

    `moved` are the ids of those who get another email.
    """

    touched: set[tuple[str, str]] = field(default_factory=set)
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[tuple[User, dict[str, Any]]] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)


class Upserts:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def apply(self, app_id: str, items: Sequence[Values | ChatError]) -> list[Outcome]:
        """`items` are checked values with a `username`, or what was wrong with them; one outcome each, in order.

        Later items win over earlier ones. All of them are one transaction. Raises Unavailable.
        """
        for attempt in range(TRIES):
            try:
                async with self._db.write() as tx:
                    return await _Batch(tx, app_id, self._clock.now()).run(items)
            except (Conflict, Overtaken):
                # somebody else took a name between our look and our write, or came across us: look again
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("unreachable")


class _Batch:
    """One transaction's work. Who holds which unique value is read once, and again only for what it wrote itself."""

    def __init__(self, tx: Transaction, app_id: str, now: int) -> None:
        self._tx = tx
        self._app_id = app_id
        self._now = now
        self._holders: dict[tuple[str, str], User] = {}
        self._stale: set[tuple[str, str]] = set()
        self._round = _Round()
        self._acts: list[Act] = []

    async def run(self, items: Sequence[Values | ChatError]) -> list[Outcome]:
        good = [item for item in items if not isinstance(item, ChatError)]
        await self._look_up(good)
        outcomes = [await self._take(item) for item in items]
        await self._write_round()
        await audit.note(self._tx, self._now, *self._acts)
        return outcomes

    async def _take(self, item: Values | ChatError) -> Outcome:
        if isinstance(item, ChatError):
            return Outcome(None, "error", item)
        unique = _unique_values(item)
        if not self._round.touched.isdisjoint(unique):
            await self._write_round()
        if not self._stale.isdisjoint(unique):
            await self._look_up([item])
            self._stale -= unique
        target = self._holders.get(("username", fold_case(item["username"])))
        taken = next((key for key in sorted(unique) if (holder := self._holders.get(key)) and holder != target), None)
        if taken:
            error = Conflict(taken[0], f"Another one already has this {taken[0]}.")
            return Outcome(item["username"], "error", error)
        self._round.touched |= unique | (_unique_values_of(target) if target else set())
        return self._put(target, item)

    def _put(self, target: User | None, item: Values) -> Outcome:
        if target is None:
            self._round.new.append(new_user(item, self._now))
            return Outcome(item["username"], "created")
        values = _what_is_newer(target, item)
        self._acts += acts_of(target, values)
        moved = max(self._now, target.updated_at + 1)
        self._round.changed.append((target, {"updated_at": moved, **values}))
        if values.get("email", target.email) != target.email:
            self._round.moved.append(target.id)
        return Outcome(target.username, "updated", before=target)

    async def _look_up(self, items: Iterable[Values]) -> None:
        wanted: dict[str, list[str]] = {"username": [], "email": [], "external_id": [], "uuid": []}
        for item in items:
            for name, values in wanted.items():
                if item.get(name):
                    values.append(item[name])
        found = await rows.find_any(
            self._tx,
            self._app_id,
            usernames=wanted["username"],
            emails=wanted["email"],
            external_ids=wanted["external_id"],
            uuids=wanted["uuid"],
        )
        for user in found:
            self._holders |= dict.fromkeys(_unique_values_of(user), user)

    async def _write_round(self) -> None:
        done, self._round = self._round, _Round()
        self._holders = {key: user for key, user in self._holders.items() if key not in done.touched}
        self._stale |= done.touched
        for group in _by_fields(done.new, lambda values: values):
            await rows.add_many(self._tx, self._app_id, group)
        for changes in _by_fields(done.changed, lambda change: change[1]):
            await rows.change_many(self._tx, self._app_id, changes)
        if done.moved:
            await self._move(done.moved)

    async def _move(self, ids: Collection[int]) -> None:
        """Whoever signs in does so with the new email."""
        for user in await rows.find_by_id(self._tx, await identity_rows.find_linked(self._tx, ids)):
            await identity_rows.follow_email(self._tx, user)


def _what_is_newer(target: User, item: Values) -> dict[str, Any]:
    """Whatever an import says, nobody was here less recently than we know, and what was revoked stays so."""
    values = {name: value for name, value in item.items() if name != "username"}
    for name in [name for name in CLOCKS_TO_OTHERS if name in values]:
        if values[name] <= getattr(target.clocks, name):
            del values[name]
    if values.get("to_others"):
        values["to_others"] = newest(values["to_others"], target.clocks_to_others)
    if values.get("tokens_since", target.tokens_since) <= target.tokens_since:
        values.pop("tokens_since", None)
    if max((claim.set_at for claim in values.get("claims", ())), default=NEVER) <= target.claims.changed_at:
        values.pop("claims", None)
    return values


def _unique_values(values: Values) -> set[tuple[str, str]]:
    """The values that nobody else of the app may have, by field, as they are compared."""
    folded = {(name, fold_case(values[name])) for name in ("username", "email") if values.get(name)}
    return folded | {(name, values[name]) for name in ("external_id", "uuid") if values.get(name)}


def _unique_values_of(user: User) -> set[tuple[str, str]]:
    names = ("username", "email", "external_id", "uuid")
    return _unique_values({name: getattr(user, name) for name in names})


def _by_fields(items: Iterable[Any], values_of: Any) -> Iterable[list[Any]]:
    """Groups that one statement can write: the same fields in each."""
    groups: dict[frozenset[str], list[Any]] = {}
    for item in items:
        groups.setdefault(frozenset(values_of(item)), []).append(item)
    return groups.values()
