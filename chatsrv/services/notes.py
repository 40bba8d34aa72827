"""What people write down: memos about users, and drafts of messages."""

from __future__ import annotations

from typing import Any, NoReturn

from chatsrv.domain.clock import Clock
from chatsrv.domain.desk import Draft, InChannel, Memo, Place, Relation, Support, check_text
from chatsrv.domain.errors import NotFound
from chatsrv.domain.presence import SERVER, Viewer
from chatsrv.domain.users import UserRef
from chatsrv.services.channels import find_channel
from chatsrv.services.user_changes import find_user, lock_user
from chatsrv.settings import Settings
from chatsrv.storage import notes as rows
from chatsrv.storage import relations
from chatsrv.storage.database import Database, Transaction


class Notes:
    """Every method takes the app that the caller proved to belong to."""

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock

    async def add_memo(self, app_id: str, about: UserRef, author: UserRef | None, text: Any) -> Memo:
        """Raises UserNotFound for either, and Invalid."""
        checked = check_text(text, self._settings.note_max_chars)
        async with self._db.write() as tx:
            user_id = (await find_user(tx, app_id, about)).id
            author_id = (await find_user(tx, app_id, author)).id if author is not None else None
            memo_id = await rows.add_memo(tx, app_id, user_id, author_id, checked, self._clock.now())
            return await _find_memo(tx, app_id, memo_id)

    async def get_memo(self, app_id: str, memo_id: int) -> Memo:
        """Raises NotFound."""
        async with self._db.read() as tx:
            return await _find_memo(tx, app_id, memo_id)

    async def change_memo(self, app_id: str, memo_id: int, text: Any) -> Memo:
        """Raises NotFound and Invalid."""
        checked = check_text(text, self._settings.note_max_chars)
        async with self._db.write() as tx:
            await _find_memo(tx, app_id, memo_id)
            await rows.change_memo(tx, memo_id, checked, self._clock.now())
            return await _find_memo(tx, app_id, memo_id)

    async def delete_memo(self, app_id: str, memo_id: int) -> None:
        """Raises NotFound."""
        async with self._db.write() as tx:
            await _find_memo(tx, app_id, memo_id)
            await rows.remove_memo(tx, memo_id)

    async def put_draft(self, app_id: str, ref: UserRef, place: Place, text: Any, viewer: Viewer = SERVER) -> Draft:
        """The one that the user has for this place, which the viewer must be able to see.

        Raises UserNotFound, NotFound and Invalid.
        """
        checked = check_text(text, self._settings.note_max_chars)
        async with self._db.write() as tx:
            user = await lock_user(tx, app_id, ref)
            await _check_place(tx, app_id, place, viewer)
            draft_id = await rows.put_draft(tx, app_id, user.id, place, checked, self._clock.now())
            draft = await relations.get(tx, app_id, _relation(place), draft_id)
        return draft if isinstance(draft, Draft) else _no_draft(place)

    async def delete_draft(self, app_id: str, ref: UserRef, place: Place) -> None:
        """Raises UserNotFound, and NotFound where there is none."""
        async with self._db.write() as tx:
            user = await lock_user(tx, app_id, ref)
            await rows.remove_draft(tx, user.id, place) or _no_draft(place)


async def _find_memo(tx: Transaction, app_id: str, memo_id: int) -> Memo:
    found = await relations.get(tx, app_id, Relation.MEMOS, memo_id)
    return found if isinstance(found, Memo) else _no_memo(memo_id)


async def _check_place(tx: Transaction, app_id: str, place: Place, viewer: Viewer) -> None:
    """Raises NotFound."""
    if isinstance(place, InChannel):
        await find_channel(tx, app_id, place.id, viewer)
        return
    found = await relations.get(tx, app_id, Relation.SUPPORTS, place.id)
    if not isinstance(found, Support) or not found.is_seen_by(viewer):
        raise NotFound(f"There is no support {place.id}.")


def _relation(place: Place) -> Relation:
    return Relation.DRAFTS if isinstance(place, InChannel) else Relation.SUPPORT_DRAFTS


def _no_memo(memo_id: int) -> NoReturn:
    raise NotFound(f"There is no memo {memo_id}.")


def _no_draft(place: Place) -> NoReturn:
    raise NotFound(f"There is no draft for {place.id}.")
