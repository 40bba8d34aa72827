"""What belongs to users, read: one thing, those with these ids, a page, and who has which."""

from __future__ import annotations

from collections.abc import Collection

from chatsrv.domain.desk import Related, Relation
from chatsrv.domain.errors import NotFound
from chatsrv.domain.presence import SERVER, Viewer
from chatsrv.domain.users import UserRef
from chatsrv.services.user_changes import find_user
from chatsrv.storage import relations as rows
from chatsrv.storage.database import Database


class Desk:
    """Every method takes the app that the caller proved to belong to; what is another's is not there."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, app_id: str, relation: Relation, item_id: int) -> Related:
        """Raises NotFound."""
        found = await self.find(app_id, relation, [item_id])
        if not found:
            raise NotFound(f"There is no {item_id} among the {relation.value}.")
        return found[0]

    async def find(self, app_id: str, relation: Relation, ids: Collection[int]) -> list[Related]:
        """In order of id, what is not there left out. One statement."""
        async with self._db.read() as tx:
            return await rows.find(tx, app_id, relation, ids)

    async def page(
        self,
        app_id: str,
        relation: Relation,
        user_id: int | None,
        limit: int,
        offset: int,
        viewer: Viewer = SERVER,
    ) -> tuple[list[Related], int]:
        """Of one user, or of the whole app; in order of id, and how many there are. Two statements.

        A viewer who is a user sees no channels that are hidden from them.
        """
        async with self._db.read() as tx:
            return await rows.page(tx, app_id, relation, user_id, limit, offset, viewer)

    async def page_of(
        self, app_id: str, relation: Relation, ref: UserRef, limit: int, offset: int, viewer: Viewer
    ) -> tuple[list[Related], int]:
        """The same of whoever is meant. Raises UserNotFound."""
        async with self._db.read() as tx:
            user = await find_user(tx, app_id, ref)
            return await rows.page(tx, app_id, relation, user.id, limit, offset, viewer)

    async def links(self, app_id: str, relation: Relation, user_ids: Collection[int]) -> dict[int, list[int]]:
        """The ids of what each of these users has, in order; everybody asked for is in it. One statement."""
        async with self._db.read() as tx:
            return await rows.find_links(tx, app_id, relation, user_ids)
