"""Reading users from SQL, or from what this node remembers of it. What many ask for at once is read once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from chatsrv.domain.listing import UserQuery
from chatsrv.domain.presence import Viewer
from chatsrv.domain.users import ExternalId, User, UserRef, fold_case
from chatsrv.services.memory.freshness import Freshness
from chatsrv.services.memory.row_cache import RowCache, Rows
from chatsrv.services.user_changes import check_storable, no_user
from chatsrv.storage import listing as lists
from chatsrv.storage import users as rows
from chatsrv.storage.database import Database

BATCH = 500
CROWD, GATHER_S = 8, 0.01
"""Where so many asked at once, the next statement waits a little for more of them. Sockets that come in a crowd come
once: their users' rows are not remembered."""
STAYS, PASSES = True, False
T = TypeVar("T")


@dataclass(slots=True)
class _Wanted:
    """`is_to_stay`: somebody wants it who is likely to ask again."""

    found: asyncio.Future[User | None]
    is_to_stay: bool = False


class UserReads:
    """Every method raises Unavailable."""

    def __init__(self, db: Database, row_cache: RowCache, freshness: Freshness) -> None:
        self._db = db
        self._row_cache = row_cache
        self._freshness = freshness
        self._waiting: dict[str, dict[str, _Wanted]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._reading: dict[Hashable, tuple[int, asyncio.Future[Any]]] = {}

    async def find(self, app_id: str, ref: UserRef, *, with_discarded: bool = False) -> User:
        """Raises UserNotFound."""
        check_storable(ref)
        if with_discarded or not isinstance(ref, str | int) or isinstance(ref, ExternalId):
            async with self._db.read() as tx:
                return await rows.get(tx, app_id, ref, with_discarded=with_discarded) or no_user(ref)
        user = self._row_cache.find(app_id, ref)
        if user is None:
            reading = self._read_one(app_id, ref) if isinstance(ref, int) else self._find_by_name(app_id, ref, STAYS)
            user = await reading
        return user or no_user(ref)

    async def find_in_passing(self, app_id: str, username: str) -> User:
        """For a socket that comes, who may be one of a crowd. Raises UserNotFound."""
        check_storable(username)
        known = self._row_cache.find(app_id, username)
        return known or await self._find_by_name(app_id, username, PASSES) or no_user(username)

    async def _read_one(self, app_id: str, user_id: int) -> User | None:
        since = self._freshness.changes
        async with self._db.read() as tx:
            user = await rows.get(tx, app_id, user_id)
        self._row_cache.keep(app_id, [user] if user else [], since)
        return user

    async def find_many(self, app_id: str, usernames: Iterable[str]) -> dict[str, User]:
        """Living users by their folded names; who does not exist is left out."""
        since = self._freshness.changes
        keys = {fold_case(name) for name in usernames}
        found = {key: user for key in keys if (user := self._row_cache.find(app_id, key))}
        if len(found) < len(keys):
            async with self._db.read() as tx:
                read = await rows.find_by_username(tx, app_id, keys - found.keys())
            self._row_cache.keep(app_id, read.values(), since)
            found |= read
        return found

    async def find_by_ids(self, app_id: str, user_ids: Iterable[int]) -> dict[int, User]:
        """Living users; who does not exist is left out. One statement for some hundred who are not remembered."""
        since = self._freshness.changes
        wanted = set(user_ids)
        found = {user_id: user for user_id in wanted if (user := self._row_cache.find(app_id, user_id))}
        if len(found) < len(wanted):
            async with self._db.read() as tx:
                read = [user for user in await rows.find_by_id(tx, wanted - found.keys()) if user.app_id == app_id]
            if len(read) < CROWD:
                self._row_cache.keep(app_id, read, since)
            found |= {user.id: user for user in read}
        return found

    # By name: a storm of connects costs a statement for some hundred users instead of one for each

    async def _find_by_name(self, app_id: str, username: str, is_to_stay: bool) -> User | None:
        key, waiting = fold_case(username), self._waiting.setdefault(app_id, {})
        if key not in waiting:
            waiting[key] = _Wanted(asyncio.get_running_loop().create_future())
        wanted = waiting[key]
        wanted.is_to_stay |= is_to_stay
        if app_id not in self._tasks:
            self._tasks[app_id] = asyncio.create_task(self._read_names(app_id))
        # who is cancelled must not cancel it for others who wait for the same user
        return await asyncio.shield(wanted.found)

    async def _read_names(self, app_id: str) -> None:
        """What is asked for while a statement runs is read by the next one."""
        try:
            while waiting := self._waiting.pop(app_id, None):
                for names in _batches(list(waiting)):
                    await self._read_batch(app_id, names, waiting)
                if len(waiting) >= CROWD:
                    await asyncio.sleep(GATHER_S)
        finally:
            # without a turn of the loop since nobody was waiting: whoever comes next begins a new task
            del self._tasks[app_id]

    async def _read_batch(self, app_id: str, names: list[str], waiting: dict[str, _Wanted]) -> None:
        since = self._freshness.changes
        try:
            async with self._db.read() as tx:
                found = await rows.find_by_username(tx, app_id, names)
        except BaseException as error:
            for name in names:
                waiting[name].found.set_exception(error)
                waiting[name].found.exception()  # nobody may be waiting any more
            if not isinstance(error, Exception):
                raise
            return
        is_crowd = len(names) >= CROWD
        staying = [user for name, user in found.items() if waiting[name].is_to_stay or not is_crowd]
        self._row_cache.keep(app_id, staying, since)
        for name in names:
            waiting[name].found.set_result(found.get(name))

    # By the page

    async def page(self, app_id: str, query: UserQuery, here: lists.StatusIds, viewer: Viewer) -> Rows:
        """What depends on presence is read anew each time; the rest is the same to every viewer."""
        if query.touches_presence:
            async with self._db.read() as tx:
                users, total, next_after = await lists.page(tx, app_id, query, here, viewer)
            return Rows(tuple(users), total, next_after)
        query = replace(query, with_presence=False)
        return await self._remembered(app_id, query, lambda: self._read_page(app_id, query, viewer))

    async def _read_page(self, app_id: str, query: UserQuery, viewer: Viewer) -> Rows:
        """Pages of the same list share their total: to count a million users takes longer than to find fifty."""
        since = self._freshness.changes
        everybody = UserQuery(1, filters=query.filters, with_discarded=query.with_discarded)
        counted = await self._remembered(app_id, ("total", everybody), lambda: self._read_total(app_id, everybody))
        async with self._db.read() as tx:
            users, next_after = await lists.users_of(tx, app_id, query, {}, viewer)
        if not self._freshness.rows_have_changed_since(app_id, since):
            return Rows(tuple(users), counted.total, next_after)
        # the total may be from before a change that the page is from after
        async with self._db.read() as tx:
            users, total, next_after = await lists.page(tx, app_id, query, {}, viewer)
        return Rows(tuple(users), total, next_after)

    async def _read_total(self, app_id: str, query: UserQuery) -> Rows:
        async with self._db.read() as tx:
            return Rows((), await lists.count(tx, app_id, query, {}), None)

    async def count(self, app_id: str) -> int:
        """The living."""
        query = UserQuery(1)
        return (await self._remembered(app_id, ("total", query), lambda: self._read_total(app_id, query))).total

    async def _remembered(self, app_id: str, what: Hashable, read: Callable[[], Awaitable[Rows]]) -> Rows:
        """Whoever comes while it is read waits for the same, unless something has changed since that began."""
        known = self._row_cache.find_page(app_id, what)
        if known is not None:
            return known
        began, reading = self._reading.get((app_id, what), (-1, None))
        if reading is None or self._freshness.rows_have_changed_since(app_id, began):
            reading = asyncio.ensure_future(self._read_and_keep(app_id, what, read))
            entry = self._reading[app_id, what] = (self._freshness.changes, reading)
            reading.add_done_callback(lambda done: self._end_reading((app_id, what), entry, done))
        rows_: Rows = await asyncio.shield(reading)
        return rows_

    async def _read_and_keep(self, app_id: str, what: Hashable, read: Callable[[], Awaitable[Rows]]) -> Rows:
        since = self._freshness.changes
        found = await read()
        self._row_cache.keep_page(app_id, what, found, since)
        return found

    def _end_reading(self, key: Hashable, entry: tuple[int, asyncio.Future[Any]], done: asyncio.Future[Any]) -> None:
        if self._reading.get(key) is entry:
            del self._reading[key]
        if not done.cancelled():
            done.exception()  # everybody who wanted to know may have gone


def _batches(names: list[str]) -> list[list[str]]:
    return [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
