"""Servers that users own: made, read and released."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from uuid_utils import uuid7

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import NotFound
from chatsrv.domain.servers import Server, check_name
from chatsrv.domain.users import UserRef
from chatsrv.services.user_changes import check_storable, no_user
from chatsrv.storage import servers as rows
from chatsrv.storage import users as user_rows
from chatsrv.storage.database import Database, Transaction


class Servers:
    """Every method takes the app that the caller proved to belong to."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def create(self, app_id: str, name: Any, owner: UserRef) -> Server:
        """Raises Invalid and UserNotFound."""
        checked, now = check_name(name), self._clock.now()
        check_storable(owner)
        async with self._db.write() as tx:
            owner_id = await _hold_owner(tx, app_id, owner)
            values = {"uuid": str(uuid7()), "name": checked, "owner_id": owner_id, "created_at": now, "updated_at": now}
            server_id = await rows.add(tx, app_id, values)
            return await rows.get(tx, app_id, server_id) or _no_server(server_id)

    async def get(self, app_id: str, server_id: int) -> Server:
        """Raises NotFound."""
        async with self._db.read() as tx:
            return await rows.get(tx, app_id, server_id) or _no_server(server_id)

    async def page(self, app_id: str, limit: int, offset: int) -> tuple[list[Server], int]:
        """In order of id, and how many there are."""
        async with self._db.read() as tx:
            return await rows.page(tx, app_id, limit, offset)

    async def find_owned(self, app_id: str, owner_ids: Sequence[int]) -> Mapping[int, Sequence[Server]]:
        """The servers of each of these users in order of id; whoever owns none is left out."""
        owned = defaultdict(list)
        async with self._db.read() as tx:
            for server in await rows.find_owned(tx, app_id, owner_ids):
                owned[server.owner_id].append(server)
        return dict(owned)

    async def delete(self, app_id: str, server_id: int) -> None:
        """Raises NotFound."""
        async with self._db.write() as tx:
            await rows.remove(tx, app_id, server_id) or _no_server(server_id)


async def _hold_owner(tx: Transaction, app_id: str, owner: UserRef) -> int:
    """The owner cannot be deleted before the server is there, which forbids it."""
    user = await user_rows.get(tx, app_id, owner) or no_user(owner)
    return user.id if await user_rows.hold(tx, [user.id]) else no_user(owner)


def _no_server(server_id: int) -> NoReturn:
    raise NotFound(f"There is no server {server_id}.")
