"""Users and pages of users as SQL has them, remembered by this node until the change log tells of a change.

Two things move in SQL without a word in the log, because they come from Redis: clocks, of which whoever shows them
takes the newer ones that the mirror has, and claims, which are read from SQL where they count. Nothing is remembered
for longer than `row_cache_s`, whatever the log says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from chatsrv.domain.clock import Clock
from chatsrv.domain.listing import After
from chatsrv.domain.users import User, fold_case
from chatsrv.services.memory.freshness import Freshness

USER_BYTES = 2000
"""What one user takes: an object of 23 fields, their texts, and its places here."""
PAGE_BYTES = 500
"""What a page takes beside its users."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of users without their presence, the number of all that match, and where the next page begins."""

    users: tuple[User, ...]
    total: int
    next_after: After | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """`read_at`: in ms."""

    value: Any
    since: int
    read_at: int
    size: int


class RowCache:
    """Bounded in bytes; what was remembered first gives way. `since` is `Freshness.changes` before SQL was read."""

    def __init__(self, freshness: Freshness, clock: Clock, max_bytes: int, max_age_s: float) -> None:
        self._freshness = freshness
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_age_ms = int(max_age_s * 1000)
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._ids: dict[tuple[str, str], int] = {}
        self._bytes = 0

    def find(self, app_id: str, ref: str | int) -> User | None:
        """By username or id, if they are remembered and nothing can have changed."""
        user_id = ref if isinstance(ref, int) else self._ids.get((app_id, fold_case(ref)))
        user: User | None = None if user_id is None else self._find(app_id, (app_id, user_id))
        return user

    def find_page(self, app_id: str, query: Hashable) -> Rows | None:
        key = (app_id, query)
        kept = self._kept.get(key)
        if kept and self._freshness.rows_have_changed_since(app_id, kept.since):
            self._forget(key)
            return None
        page: Rows | None = self._find(app_id, key)
        return page

    def _find(self, app_id: str, key: Hashable) -> Any:
        kept = self._kept.get(key)
        if kept is None or not self._freshness.is_followed(app_id):
            return None
        # a clock that was set back tells no age
        if not 0 <= self._clock.now() - kept.read_at < self._max_age_ms:
            self._forget(key)
            return None
        return kept.value

    def keep(self, app_id: str, users: Iterable[User], since: int) -> None:
        """Users who are not discarded."""
        if not self._may_keep(app_id, since):
            return
        for user in users:
            size = USER_BYTES + (len(str(user.metadata)) if user.metadata else 0)
            self._put((app_id, user.id), user, since, size)
            if (app_id, user.id) in self._kept:  # else there was no room for it
                self._ids[app_id, fold_case(user.username)] = user.id

    def keep_page(self, app_id: str, query: Hashable, page: Rows, since: int) -> None:
        if self._may_keep(app_id, since):
            self._put((app_id, query), page, since, PAGE_BYTES + USER_BYTES * len(page.users))

    def _may_keep(self, app_id: str, since: int) -> bool:
        """What was read while something changed may be from before it."""
        is_followed = self._freshness.is_followed(app_id)
        return is_followed and not self._freshness.rows_have_changed_since(app_id, since)

    def _put(self, key: Hashable, value: Any, since: int, size: int) -> None:
        self._forget(key)
        self._kept[key] = _Kept(value, since, self._clock.now(), size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))

    def drop(self, app_id: str, user_id: int | None) -> None:
        """The user's row has changed, or (None) any of the app."""
        if user_id is not None:
            self._forget((app_id, user_id))
            return
        for key in [key for key in self._kept if isinstance(key, tuple) and key[0] == app_id]:
            self._forget(key)

    def clear(self) -> None:
        self._kept.clear()
        self._ids.clear()
        self._bytes = 0

    def _forget(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self._bytes -= kept.size
        if isinstance(kept.value, User):
            self._ids.pop((kept.value.app_id, fold_case(kept.value.username)), None)
