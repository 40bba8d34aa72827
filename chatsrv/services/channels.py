"""Channels: making and changing them, who is a member, and who is in one right now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from chatsrv.domain.channels import Channel, ChannelType, Member, MemberRole, Membership, check_channel
from chatsrv.domain.clock import Clock
from chatsrv.domain.desk import Relation
from chatsrv.domain.errors import Forbidden, Invalid, NotFound, Problem, Unavailable, UserNotFound
from chatsrv.domain.presence import OFFLINE, Person, Viewer
from chatsrv.domain.users import User, UserRef, fold_case
from chatsrv.services.memory.sight import Sight
from chatsrv.services.presence import PresenceService
from chatsrv.services.user_changes import ECHO_MAX, check_storable, find_user
from chatsrv.settings import Settings
from chatsrv.storage import channels as rows
from chatsrv.storage import relations
from chatsrv.storage import users as user_rows
from chatsrv.storage.database import Database, Transaction
from chatsrv.storage.records import Whereabouts
from chatsrv.storage.users import ID_MAX

NEW_CHANNEL: Mapping[str, Any] = {
    "uri": None,
    "subject": None,
    "label": None,
    "metadata": None,
    "avatar": None,
    "type": ChannelType.PUBLIC,
}


@dataclass(frozen=True, slots=True)
class Owned:
    """A channel with its owner, if it has one, as the viewer sees them."""

    channel: Channel
    owner: Person | None


class Channels:
    """Every method takes the app that the caller proved to belong to.

    A viewer who is a user sees public channels and their own; the others are not there for them.
    """

    def __init__(self, db: Database, presence: PresenceService, sight: Sight, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._presence = presence
        self._sight = sight
        self._settings = settings
        self._clock = clock

    async def create(self, app_id: str, values: Mapping[str, Any], owner: str | None, viewer: Viewer) -> Owned:
        """The owner becomes a member. Raises Invalid, Conflict and UserNotFound."""
        checked, now = check_channel(values, self._settings.metadata_max_bytes), self._clock.now()
        async with self._db.write() as tx:
            owner_id = (await _hold_users(tx, app_id, [owner]))[0].id if owner is not None else None
            row = {**NEW_CHANNEL, **checked, "owner_id": owner_id, "created_at": now}
            channel_id = await rows.add(tx, app_id, row)
            if owner_id is not None:
                await rows.add_members(tx, channel_id, [owner_id], MemberRole.OWNER, now)
            channel = await rows.get(tx, app_id, channel_id) or _no_channel(channel_id)
        return await self._with_owner(channel, viewer)

    async def get(self, app_id: str, channel_id: int, viewer: Viewer) -> Owned:
        """Raises NotFound."""
        async with self._db.read() as tx:
            channel = await find_channel(tx, app_id, channel_id, viewer)
        return await self._with_owner(channel, viewer)

    async def find(self, app_id: str, channel_ids: Collection[int]) -> list[Channel]:
        """In order of id, what is not there left out; whoever looks. One statement."""
        async with self._db.read() as tx:
            found = await relations.find(tx, app_id, Relation.ROOMS, channel_ids)
        return [channel for channel in found if isinstance(channel, Channel)]

    async def page(self, app_id: str, limit: int, offset: int, viewer: Viewer) -> tuple[list[Owned], int]:
        """In order of id, and how many there are."""
        async with self._db.read() as tx:
            found, total = await rows.page(tx, app_id, viewer.user_id, limit, offset)
        return await self._with_owners(app_id, found, viewer), total

    async def update(self, app_id: str, channel_id: int, values: Mapping[str, Any], viewer: Viewer) -> Owned:
        """Sets the fields given; None clears. Raises NotFound, Invalid and Conflict."""
        checked = check_channel(values, self._settings.metadata_max_bytes)
        async with self._db.write() as tx:
            await rows.lock(tx, app_id, channel_id) or _no_channel(channel_id)
            await rows.change(tx, channel_id, checked)
            channel = await rows.get(tx, app_id, channel_id) or _no_channel(channel_id)
        return await self._with_owner(channel, viewer)

    async def delete(self, app_id: str, channel_id: int) -> None:
        """For good; nobody is in it any more. Raises NotFound."""
        async with self._db.write() as tx:
            await rows.remove(tx, app_id, channel_id) or _no_channel(channel_id)
        await self._presence.vacate(app_id, channel_id, None)

    async def add_members(
        self, app_id: str, channel_id: int, refs: Sequence[str | int], role: MemberRole | None
    ) -> list[Member]:
        """Who is a member already stays one, with the role if one is given. Raises NotFound and UserNotFound."""
        async with self._db.write() as tx:
            users = await _hold_users(tx, app_id, refs)
            await rows.lock(tx, app_id, channel_id) or _no_channel(channel_id)
            roles = await rows.find_roles(tx, channel_id, [user.id for user in users])
            new = role or MemberRole.PARTICIPANT
            await rows.add_members(
                tx, channel_id, [user.id for user in users if user.id not in roles], new, self._clock.now()
            )
            if role is not None:
                await rows.change_role(tx, channel_id, roles, role)
                roles = dict.fromkeys(roles, role)
        return [Member(user, roles.get(user.id, new)) for user in users]

    async def remove_members(self, app_id: str, channel_id: int, refs: Sequence[str | int]) -> list[Member]:
        """Those who were members; they are in it no more. Raises NotFound and UserNotFound."""
        async with self._db.write() as tx:
            users = await _hold_users(tx, app_id, refs)
            await rows.lock(tx, app_id, channel_id) or _no_channel(channel_id)
            roles = await rows.find_roles(tx, channel_id, [user.id for user in users])
            await rows.remove_members(tx, channel_id, roles)
        for user_id in roles:
            await self._presence.vacate(app_id, channel_id, user_id)
        return [Member(user, roles[user.id]) for user in users if user.id in roles]

    async def members(
        self, app_id: str, channel_id: int, limit: int, offset: int, viewer: Viewer
    ) -> tuple[list[Member], int]:
        """In the order in which they came, and how many there are. Raises NotFound."""
        async with self._db.read() as tx:
            await find_channel(tx, app_id, channel_id, viewer)
            return await rows.list_members(tx, channel_id, limit, offset)

    async def membership_of(self, app_id: str, channel_id: int, ref: UserRef) -> Membership:
        """Raises UserNotFound, and NotFound where they are no member."""
        async with self._db.read() as tx:
            user = await find_user(tx, app_id, ref)
            found = await rows.find_membership(tx, channel_id, user.id)
        return found or _no_membership()

    async def remove_member(self, app_id: str, membership_id: int) -> None:
        """They are in the channel no more. Raises NotFound."""
        async with self._db.write() as tx:
            found = await relations.get(tx, app_id, Relation.MEMBERS, membership_id)
            if not isinstance(found, Membership) or not await rows.remove_membership(tx, membership_id):
                _no_membership()
        await self._presence.vacate(app_id, found.channel_id, found.user_id)

    async def join(
        self, app_id: str, ref: str | int, channel_ids: Sequence[int], role: MemberRole = MemberRole.PARTICIPANT
    ) -> None:
        """All of them or none; who is a member already stays one. Raises UserNotFound and NotFound."""
        async with self._db.write() as tx:
            (user,) = await _hold_users(tx, app_id, [ref])
            await _lock_all(tx, app_id, channel_ids)
            joined = await rows.find_joined(tx, user.id, channel_ids)
            new = [channel_id for channel_id in dict.fromkeys(channel_ids) if channel_id not in joined]
            await rows.join(tx, user.id, new, role, self._clock.now())

    async def part(self, app_id: str, ref: str | int, channel_ids: Sequence[int]) -> None:
        """All of them or none; they are in these no more. Raises UserNotFound and NotFound."""
        async with self._db.write() as tx:
            (user,) = await _hold_users(tx, app_id, [ref])
            await _lock_all(tx, app_id, channel_ids)
            joined = await rows.find_joined(tx, user.id, channel_ids)
            await rows.part(tx, user.id, joined)
        for channel_id in joined:
            await self._presence.vacate(app_id, channel_id, user.id)

    async def enter(self, user: User, session_id: str, channel_id: int) -> list[Person]:
        """The user is in the channel with this session. Who is there now, as they see them.

        Raises NotFound, Forbidden where they are no member of a channel that is not public, Invalid where the session
        is in too many, and Unavailable.
        """
        async with self._db.read() as tx:
            channel = await rows.get(tx, user.app_id, channel_id) or _no_channel(channel_id)
            if channel.type is not ChannelType.PUBLIC and not await rows.find_roles(tx, channel_id, [user.id]):
                raise Forbidden("Only its members may enter this channel.")
        if not await self._presence.enter(session_id, channel_id, self._settings.channels_per_socket):
            most = self._settings.channels_per_socket
            error = Invalid(Problem("channel", f"a socket may be in at most {most} channels"))
            raise error.over("channels_per_socket")
        return await self.present(user.app_id, channel_id, Viewer(user.id))

    async def leave(self, user: User, session_id: str, channel_id: int) -> list[Person]:
        """Leaving where one is not is no error. Who is there now. Raises NotFound and Unavailable."""
        async with self._db.read() as tx:
            await find_channel(tx, user.app_id, channel_id, Viewer(user.id))
        await self._presence.leave(session_id, channel_id)
        return await self.present(user.app_id, channel_id, Viewer(user.id))

    async def present(self, app_id: str, channel_id: int, viewer: Viewer) -> list[Person]:
        """Who is in it right now; whoever hides from this viewer is not. Raises Unavailable."""
        ids = await self._presence.present(app_id, channel_id)
        async with self._db.read() as tx:
            # a node that puts its sessions back into Redis may not know yet who is no member any more
            admitted = await rows.find_admitted(tx, app_id, dict.fromkeys(ids, (channel_id,)))
            users = await user_rows.find_by_id(tx, [user_id for user_id, found in admitted.items() if found])
        people = await self._sight.see_all(app_id, users, viewer)
        return [person for person in people if person.presence.status is not OFFLINE]

    async def present_rooms(self, app_id: str, user_ids: Sequence[int], viewer: Viewer) -> dict[int, list[int]]:
        """The channels in which each of them is right now; whoever hides from this viewer is in none.

        One round trip and one statement. While Redis is away nobody is anywhere.
        """
        found = await self._whereabouts(app_id, user_ids)
        seen = {
            user_id: one.channels
            for user_id, one in found.items()
            if one.warm and one.warm.seen_by(viewer, user_id).status is not OFFLINE
        }
        async with self._db.read() as tx:
            here = await rows.find_admitted(tx, app_id, seen)
        return {user_id: here.get(user_id, []) for user_id in user_ids}

    async def _whereabouts(self, app_id: str, user_ids: Sequence[int]) -> Mapping[int, Whereabouts]:
        if self._sight.stale_s is not None:
            return {}
        try:
            return await self._presence.whereabouts(app_id, user_ids)
        except Unavailable:
            return {}

    async def _with_owner(self, channel: Channel, viewer: Viewer) -> Owned:
        return (await self._with_owners(channel.app_id, [channel], viewer))[0]

    async def _with_owners(self, app_id: str, found: Sequence[Channel], viewer: Viewer) -> list[Owned]:
        async with self._db.read() as tx:
            owners = await rows.find_owners(tx, found)
        people = {person.user.id: person for person in await self._sight.see_all(app_id, list(owners.values()), viewer)}
        return [Owned(channel, people.get(channel.owner_id or 0)) for channel in found]


async def find_channel(tx: Transaction, app_id: str, channel_id: int, viewer: Viewer) -> Channel:
    """As far as the viewer may see it. Raises NotFound."""
    channel = await rows.get(tx, app_id, channel_id) or _no_channel(channel_id)
    if viewer.user_id is None or channel.type is ChannelType.PUBLIC:
        return channel
    return channel if await rows.find_roles(tx, channel_id, [viewer.user_id]) else _no_channel(channel_id)


async def _hold_users(tx: Transaction, app_id: str, refs: Sequence[str | int]) -> list[User]:
    """In their order and each once; they stay until the transaction ends. Raises UserNotFound with the first unknown.

    Before the channel is locked: a deletion locks the user first, and then the channels that they own.
    """
    for ref in refs:
        check_storable(ref)
    by_name = await user_rows.find_by_username(tx, app_id, [ref for ref in refs if isinstance(ref, str)])
    by_id = await user_rows.find_by_id(tx, [ref for ref in refs if isinstance(ref, int) and 0 < ref <= ID_MAX])
    found: dict[str | int, User] = {user.id: user for user in by_id if user.app_id == app_id}
    found.update(by_name)
    held = await user_rows.hold(tx, [user.id for user in found.values()])
    meant = {}
    for ref in refs:
        user = found.get(fold_case(ref) if isinstance(ref, str) else ref)
        if user is None or user.id not in held:
            shown = ref[:ECHO_MAX] if isinstance(ref, str) else ref
            raise UserNotFound(f"There is no user {shown!r}.")
        meant[user.id] = user
    return list(meant.values())


async def _lock_all(tx: Transaction, app_id: str, channel_ids: Sequence[int]) -> None:
    there = await rows.lock_many(tx, app_id, {channel_id for channel_id in channel_ids if 0 < channel_id <= ID_MAX})
    for channel_id in channel_ids:
        if channel_id not in there:
            _no_channel(channel_id)


def _no_membership() -> NoReturn:
    raise NotFound("There is no such membership.")


def _no_channel(channel_id: int) -> Channel:
    raise NotFound(f"There is no channel {channel_id}.")
