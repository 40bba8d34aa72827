"""Profiles: what a service desk knows of its users beyond the directory, written along with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.presence import Person, Viewer
from chatsrv.domain.profiles import Profile, check_profile
from chatsrv.domain.users import User, UserRef
from chatsrv.services.user_changes import Then
from chatsrv.services.users import Users
from chatsrv.settings import Settings
from chatsrv.storage import channels as channel_rows
from chatsrv.storage import profiles as rows
from chatsrv.storage.database import Database, Transaction
from chatsrv.storage.users import ID_MAX


class Profiles:
    """Every method takes the app that the caller proved to belong to."""

    def __init__(self, db: Database, users: Users, settings: Settings) -> None:
        self._db = db
        self._users = users
        self._settings = settings

    async def get(self, app_id: str, ref: UserRef) -> Profile:
        """Raises UserNotFound."""
        user = await self._users.find(app_id, ref)
        return (await self.get_many([user.id]))[user.id]

    async def get_many(self, user_ids: Collection[int]) -> dict[int, Profile]:
        """Everybody asked for is in it. One statement."""
        async with self._db.read() as tx:
            return await rows.find(tx, user_ids)

    async def create(
        self, app_id: str, user_values: Mapping[str, Any], values: Mapping[str, Any], viewer: Viewer
    ) -> tuple[Person, Profile]:
        """A user with a profile, or neither. Raises Invalid and Conflict."""
        checked = self._check(user_values, values)
        person = await self._users.create(app_id, user_values, viewer, then=_writing(checked))
        return person, (await self.get_many([person.user.id]))[person.user.id]

    async def update(
        self, app_id: str, ref: UserRef, user_values: Mapping[str, Any], values: Mapping[str, Any], viewer: Viewer
    ) -> tuple[Person, Profile]:
        """Sets fields of both, or of neither; None clears. Another username is a rename.

        Raises UserNotFound, Invalid and Conflict.
        """
        checked = self._check(user_values, values)
        then = _writing(checked) if checked else None
        person = await self._users.update(app_id, ref, user_values, viewer, then=then)
        return person, (await self.get_many([person.user.id]))[person.user.id]

    def _check(self, user_values: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """The profile's values as they are kept. Raises Invalid with what is wrong in either."""
        problems: list[Problem] = []
        checked: dict[str, Any] = {}
        try:
            self._users.check(user_values)
        except Invalid as error:
            problems += error.problems
        try:
            checked = check_profile(values, self._settings.metadata_max_bytes)
        except Invalid as error:
            problems += error.problems
        if problems:
            raise Invalid(*problems)
        return checked


def _writing(checked: Mapping[str, Any]) -> Then:
    async def write(tx: Transaction, user: User) -> None:
        channel_id = checked.get("recent_channel_id")
        if channel_id is not None and not await _is_channel(tx, user.app_id, channel_id):
            raise Invalid(Problem("recent_channel_id", "is no channel of this app"))
        await rows.change(tx, user.id, checked)

    return write


async def _is_channel(tx: Transaction, app_id: str, channel_id: int) -> bool:
    return 0 < channel_id <= ID_MAX and bool(await channel_rows.find_existing(tx, app_id, [channel_id]))
