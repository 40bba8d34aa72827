"""Supports: who looks after which customer in which channel, and nobody after more than they may."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from chatsrv.domain.clock import Clock
from chatsrv.domain.desk import Relation, Support, SupportQuery
from chatsrv.domain.errors import Invalid, NotFound, Problem, UserNotFound
from chatsrv.domain.instants import NEVER
from chatsrv.domain.users import AccountStatus, User, UserRef
from chatsrv.services.user_changes import find_user, no_user
from chatsrv.storage import channels as channel_rows
from chatsrv.storage import profiles as profile_rows
from chatsrv.storage import relations
from chatsrv.storage import supports as rows
from chatsrv.storage import users as user_rows
from chatsrv.storage.database import Database, Transaction
from chatsrv.storage.sql_errors import Overtaken

TRIES = 3


class Supports:
    """Every method takes the app that the caller proved to belong to."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def open(self, app_id: str, channel_id: int, customer: UserRef, agent: UserRef | None = None) -> Support:
        """The channel is the customer's most recent one from now on.

        Raises NotFound, UserNotFound, and Invalid where the agent cannot take it on.
        """
        now = self._clock.now()
        async with self._db.write() as tx:
            helped = await find_user(tx, app_id, customer)
            helper = await find_user(tx, app_id, agent) if agent is not None else None
            await _lock(tx, helped, helper)
            if helper:
                await _check_can_take(tx, helper, helped.id)
            if not await channel_rows.lock(tx, app_id, channel_id):
                raise NotFound(f"There is no channel {channel_id}.")
            row = {"channel_id": channel_id, "customer_id": helped.id, "created_at": now, "closed_at": NEVER}
            support_id = await rows.add(tx, app_id, {**row, "agent_id": helper.id if helper else None})
            await profile_rows.change(tx, helped.id, {"recent_channel_id": channel_id})
            return await _find(tx, app_id, support_id)

    async def get(self, app_id: str, support_id: int) -> Support:
        """Raises NotFound."""
        async with self._db.read() as tx:
            return await _find(tx, app_id, support_id)

    async def page(self, app_id: str, query: SupportQuery, limit: int, offset: int) -> tuple[list[Support], int]:
        """In order of id, and how many there are; of somebody who is not there, there are none."""
        people = {"customer_id": query.customer, "agent_id": query.agent}
        try:
            async with self._db.read() as tx:
                named = {name: (await find_user(tx, app_id, ref)).id for name, ref in people.items() if ref is not None}
                wanted = named if query.channel_id is None else {**named, "channel_id": query.channel_id}
                found, total = await rows.page(tx, app_id, wanted, query.is_open, limit, offset)
        except UserNotFound:
            return [], 0
        return [support for support in found if isinstance(support, Support)], total

    async def update(self, app_id: str, support_id: int, values: Mapping[str, Any]) -> Support:
        """`agent`: who takes it over, None for nobody; `closed`: whether it is over.

        Raises NotFound, UserNotFound, and Invalid where the agent cannot take it on.
        """
        for attempt in range(TRIES):
            try:
                async with self._db.write() as tx:
                    return await self._update(tx, app_id, support_id, values)
            except Overtaken:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    async def _update(self, tx: Transaction, app_id: str, support_id: int, values: Mapping[str, Any]) -> Support:
        # the state first: what we go by is not older than it, and if it is newer the second look tells
        state = await rows.read_state(tx, support_id)
        old = await _find(tx, app_id, support_id)
        ref = values.get("agent", old.agent_id)
        agent = await find_user(tx, app_id, ref) if ref is not None else None
        will_be_open = not values.get("closed", not old.is_open)
        # people before supports, as whoever deletes a user does
        await _lock(tx, agent)
        if await rows.read_state(tx, support_id, lock=True) != state:
            raise Overtaken("database")
        if agent and will_be_open and not (old.is_open and agent.id == old.agent_id):
            await _check_can_take(tx, agent, old.customer_id)
        changes: dict[str, Any] = {"agent_id": agent.id if agent else None} if "agent" in values else {}
        if will_be_open != old.is_open:
            changes["closed_at"] = NEVER if will_be_open else self._clock.now()
        await rows.change(tx, support_id, changes)
        return await _find(tx, app_id, support_id)

    async def delete(self, app_id: str, support_id: int) -> None:
        """With its drafts. Raises NotFound."""
        async with self._db.write() as tx:
            await _find(tx, app_id, support_id)
            await rows.remove(tx, support_id)

    async def count_active(self, user_ids: Collection[int]) -> dict[int, int]:
        """Open ones of each as the agent; everybody asked for is in it. One statement."""
        async with self._db.read() as tx:
            return await rows.count_open(tx, user_ids)


async def _lock(tx: Transaction, *people: User | None) -> None:
    """Raises UserNotFound."""
    wanted = {user.id: user for user in people if user}
    here = await user_rows.lock(tx, list(wanted))
    for user_id, user in wanted.items():
        if user_id not in here:
            no_user(user.username)


async def _check_can_take(tx: Transaction, agent: User, customer_id: int) -> None:
    """One more, for an agent who is locked. Raises Invalid."""
    if agent.id == customer_id:
        _refuse("must be somebody else than the customer")
    if agent.status is not AccountStatus.ACTIVE:
        _refuse("is deactivated")
    most = (await profile_rows.find(tx, [agent.id]))[agent.id].max_support_count
    if most is not None and (await rows.count_open(tx, [agent.id]))[agent.id] >= most:
        _refuse(f"has {most} open supports, which is as many as they may have")


def _refuse(message: str) -> NoReturn:
    raise Invalid(Problem("agent", message))


async def _find(tx: Transaction, app_id: str, support_id: int) -> Support:
    found = await relations.get(tx, app_id, Relation.SUPPORTS, support_id)
    return found if isinstance(found, Support) else _no_support(support_id)


def _no_support(support_id: int) -> NoReturn:
    raise NotFound(f"There is no support {support_id}.")
