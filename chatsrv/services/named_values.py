"""Infos about users, and settings of their widgets: values under names, both written the same way."""

from __future__ import annotations

from typing import Any, NoReturn

from chatsrv.domain.desk import CHECKS, NamedValue, Relation, check_name
from chatsrv.domain.errors import Invalid, NotFound, Problem
from chatsrv.domain.users import UserRef
from chatsrv.services.user_changes import find_user, lock_user
from chatsrv.settings import Settings
from chatsrv.storage import named_values as rows
from chatsrv.storage import relations
from chatsrv.storage.database import Database


class NamedValues:
    """Every method takes the app that the caller proved to belong to; `relation` is INFOS or WIDGET_SETTINGS."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._most = settings.named_values_max
        self._limits = {
            Relation.INFOS: settings.note_max_chars,
            Relation.WIDGET_SETTINGS: settings.metadata_max_bytes,
        }

    async def put(self, app_id: str, ref: UserRef, relation: Relation, name: Any, value: Any) -> NamedValue:
        """Raises UserNotFound, and Invalid, also where there are too many."""
        name, checked = check_name(name), CHECKS[relation](value, self._limits[relation])
        async with self._db.write() as tx:
            user_id = (await lock_user(tx, app_id, ref)).id
            value_id = await rows.put(tx, app_id, user_id, relation, name, checked)
            if await rows.count(tx, user_id, relation) > self._most:
                error = Invalid(Problem("name", f"is one too many: there may be {self._most}"))
                raise error.over("named_values_max")
            found = await relations.get(tx, app_id, relation, value_id)
        return found if isinstance(found, NamedValue) else _no_value(name)

    async def get(self, app_id: str, ref: UserRef, relation: Relation, name: str) -> NamedValue:
        """Raises UserNotFound and NotFound."""
        known = _known(name)
        async with self._db.read() as tx:
            user = await find_user(tx, app_id, ref)
            value_id = await rows.find(tx, user.id, relation, known) or _no_value(name)
            found = await relations.get(tx, app_id, relation, value_id)
        return found if isinstance(found, NamedValue) else _no_value(name)

    async def delete(self, app_id: str, ref: UserRef, relation: Relation, name: str) -> None:
        """Raises UserNotFound and NotFound."""
        known = _known(name)
        async with self._db.write() as tx:
            user_id = (await lock_user(tx, app_id, ref)).id
            await rows.remove(tx, user_id, relation, known) or _no_value(name)


def _known(name: str) -> str:
    """As it would be kept; nothing is kept under what is no name."""
    try:
        return check_name(name)
    except Invalid:
        _no_value(name)


def _no_value(name: str) -> NoReturn:
    raise NotFound(f"There is nothing under the name {name!r}.")
