"""Stars: the channels and customers that a user wants at hand."""

from __future__ import annotations

from chatsrv.domain.desk import Relation
from chatsrv.domain.presence import SERVER, Viewer
from chatsrv.domain.users import UserRef
from chatsrv.services.channels import find_channel
from chatsrv.services.user_changes import find_user, lock_user
from chatsrv.storage import stars as rows
from chatsrv.storage.database import Database


class Stars:
    """Every method takes the app that the caller proved to belong to, and may be repeated."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def star_channel(self, app_id: str, ref: UserRef, channel_id: int, viewer: Viewer = SERVER) -> None:
        """Raises UserNotFound, and NotFound also for what the viewer may not see."""
        async with self._db.write() as tx:
            user = await lock_user(tx, app_id, ref)
            await find_channel(tx, app_id, channel_id, viewer)
            await rows.add(tx, Relation.STARRED_ROOMS, user.id, channel_id)

    async def unstar_channel(self, app_id: str, ref: UserRef, channel_id: int) -> None:
        """Raises UserNotFound; a channel that has no star, or is not there, is no error."""
        async with self._db.write() as tx:
            user = await lock_user(tx, app_id, ref)
            await rows.remove(tx, Relation.STARRED_ROOMS, user.id, channel_id)

    async def star_customer(self, app_id: str, ref: UserRef, customer: UserRef) -> None:
        """Raises UserNotFound for either."""
        async with self._db.write() as tx:
            user = await lock_user(tx, app_id, ref)
            starred = await find_user(tx, app_id, customer)
            await rows.add(tx, Relation.STARRED_CUSTOMERS, user.id, starred.id)

    async def unstar_customer(self, app_id: str, ref: UserRef, customer: UserRef) -> None:
        """Raises UserNotFound for either."""
        async with self._db.write() as tx:
            user = await lock_user(tx, app_id, ref)
            starred = await find_user(tx, app_id, customer)
            await rows.remove(tx, Relation.STARRED_CUSTOMERS, user.id, starred.id)
