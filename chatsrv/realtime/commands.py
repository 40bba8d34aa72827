"""What a client may ask over its socket. A command is check, one service call, and what is acked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from uuid_utils import uuid7

from chatsrv.domain.errors import ChatError, Invalid, Problem, WrongUser
from chatsrv.domain.instants import NEVER, to_text
from chatsrv.domain.presence import Person, Viewer, see
from chatsrv.domain.presence_input import CLAIM_FIELDS, read_claim, read_usernames
from chatsrv.domain.users import AccountStatus, Clocks, KeptClaims, Onboarding, User
from chatsrv.domain.wire import render_presence, render_roll
from chatsrv.realtime.expiries import Expiries
from chatsrv.realtime.fanout import Fanout
from chatsrv.realtime.watchers import Watcher
from chatsrv.services import Services
from chatsrv.services.watching import NO_VERSION


@dataclass(frozen=True, slots=True)
class Seat:
    """A connected socket and whose it is, for as long as one command takes."""

    watcher: Watcher
    address: str
    services: Services
    fanout: Fanout
    expiries: Expiries

    @property
    def sid(self) -> str:
        return self.watcher.sid

    @property
    def app_id(self) -> str:
        return self.watcher.own.app.id

    @property
    def user_id(self) -> int:
        return self.watcher.own.user_id

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.user_id)

    @property
    def user(self) -> User:
        """Who they are, and nothing that the database alone knows: it may be away, and presence goes on."""
        return User(
            id=self.user_id,
            app_id=self.app_id,
            uuid="",
            username=self.watcher.own.username,
            first_name=None,
            last_name=None,
            name=None,
            email=None,
            external_id=None,
            avatar=None,
            role="",
            status=AccountStatus.ACTIVE,
            metadata=None,
            language=None,
            timezone=None,
            created_at=NEVER,
            updated_at=NEVER,
            clocks=Clocks(),
            clocks_to_others=Clocks(),
            claims=KeptClaims(),
            tokens_since=NEVER,
            onboarding=Onboarding.JOINED,
            discarded_at=NEVER,
        )


Command = Callable[[Seat, Any], Awaitable[dict[str, Any]]]


async def subscribe(seat: Seat, data: Any) -> dict[str, Any]:
    """presence:subscribe {usernames}: watch them, and how they are now."""
    fields = read_fields(data, ("usernames",))
    return await _watch(seat, fields, NO_VERSION)


async def resume(seat: Seat, data: Any) -> dict[str, Any]:
    """presence:resume {epoch, version, usernames}: watch them, and what was missed since that version."""
    fields = read_fields(data, ("epoch", "version", "usernames"))
    return await _watch(seat, fields, (_read_epoch(fields), _read_version(fields)))


async def _watch(seat: Seat, fields: Mapping[str, Any], seen: tuple[str, int]) -> dict[str, Any]:
    """Watching begins before the snapshot is read, so that no change falls between the two."""
    settings = seat.services.settings
    asked = read_usernames(fields, settings.subscribe_max, "subscribe_max")
    users, unknown = await seat.services.watching.find(seat.app_id, asked)
    names = {user.id: user.username for user in users}
    most = settings.subscriptions_per_socket
    if seat.fanout.count_with(seat.watcher, names) > most:
        error = Invalid(Problem("usernames", f"a socket may watch at most {most} users"))
        raise error.over("subscriptions_per_socket")
    new = seat.fanout.subscribe(seat.watcher, names)
    try:
        roll = await seat.services.watching.look(seat.app_id, users, seat.viewer, seen)
        await seat.fanout.show(seat.watcher, names, roll.epoch, roll.version)
    except ChatError:
        await seat.fanout.unsubscribe(seat.watcher, new)
        raise
    finally:
        # behind the ack, which is written before this loop runs anything else
        asyncio.get_running_loop().call_soon(seat.fanout.spawn, seat.fanout.release(seat.watcher))
    return {**render_roll(roll.epoch, roll.version, roll.full, roll.people), "unknown": unknown, **stale(seat.services)}


async def unsubscribe(seat: Seat, data: Any) -> dict[str, Any]:
    """presence:unsubscribe {usernames}: how many are still watched."""
    most = seat.services.settings.subscriptions_per_socket
    names = read_usernames(read_fields(data, ("usernames",)), most, "subscriptions_per_socket")
    users, _ = await seat.services.watching.find(seat.app_id, names)
    return {"count": await seat.fanout.unsubscribe(seat.watcher, [user.id for user in users])}


async def query(seat: Seat, data: Any) -> dict[str, Any]:
    """presence:query {usernames}: how they are now."""
    return await look_up(seat.services, seat.app_id, seat.viewer, data)


async def look_up(services: Services, app_id: str, viewer: Viewer, data: Any) -> dict[str, Any]:
    """{usernames}: how these users of the app are, as the viewer sees them."""
    names = read_usernames(read_fields(data, ("usernames",)), services.settings.bulk_query_max, "bulk_query_max")
    users, _ = await services.watching.find(app_id, names)
    roll = await services.watching.look(app_id, users, viewer)
    people = [render_presence(person) for person in roll.people]
    return {"epoch": roll.epoch, "version": roll.version, "users": people, **stale(services)}


async def set_(seat: Seat, data: Any) -> dict[str, Any]:
    """presence:set {status, text?, emoji?, expires_at?}: what the user says of themselves, which is an action, too."""
    fields = read_fields(data, ("status",), CLAIM_FIELDS)
    if fields["status"] is None:
        raise Invalid(Problem("status", "is required"))
    claim = read_claim(fields, uuid7().hex, seat.services.clock.now())
    user = seat.user
    claimed = await seat.services.claims.set_often(user, claim, seat.sid)
    seat.services.presence.note_action(seat.sid)
    return {
        "applied_at": to_text(claimed.applied_at),
        "coalesced": claimed.coalesced,
        "presence": render_presence(Person(user, see(user, claimed.warm, seat.viewer))),
    }


async def activity(seat: Seat, data: Any) -> dict[str, Any]:
    """presence:activity {active, background?}: an inactive or background session alone makes its user away."""
    fields = read_fields(data, ("active",), ("background",))
    for name, value in fields.items():
        if not isinstance(value, bool):
            raise Invalid(Problem(name, "must be true or false"))
    await seat.services.presence.touch(seat.sid, fields["active"], fields.get("background"))
    return {}


async def enter(seat: Seat, data: Any) -> dict[str, Any]:
    """room:enter {channel}: the user is in that channel with this socket; who is there now."""
    channel_id = _read_channel(read_fields(data, ("channel",)))
    return _render_present(await seat.services.channels.enter(seat.user, seat.sid, channel_id))


async def leave(seat: Seat, data: Any) -> dict[str, Any]:
    """room:leave {channel}: no more; who is there now."""
    channel_id = _read_channel(read_fields(data, ("channel",)))
    return _render_present(await seat.services.channels.leave(seat.user, seat.sid, channel_id))


def _render_present(people: list[Person]) -> dict[str, Any]:
    return {"members": [render_presence(person) for person in people]}


async def refresh(seat: Seat, data: Any) -> dict[str, Any]:
    """auth:refresh {token}: a newer token of the same user, so that the socket outlives the old one."""
    token = read_token(data)
    caller, claims = await seat.services.callers.identify_user(token, seat.address)
    if caller.user is None or (caller.app.id, caller.user.id) != (seat.app_id, seat.user_id):
        raise WrongUser("The token is another user's.")
    seat.services.presence.renew(seat.sid, claims.issued_at, claims.signed_by)
    seat.expiries.keep(seat.sid, claims.expires_at)
    return {"expires_at": to_text(claims.expires_at)}


COMMANDS: Mapping[str, Command] = {
    "presence:subscribe": subscribe,
    "presence:unsubscribe": unsubscribe,
    "presence:resume": resume,
    "presence:query": query,
    "presence:set": set_,
    "presence:activity": activity,
    "room:enter": enter,
    "room:leave": leave,
    "auth:refresh": refresh,
}


def read_fields(data: Any, fields: tuple[str, ...], further: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Raises Invalid for what is no object, and for fields that are missing or unknown; `further` may be missing."""
    if not isinstance(data, Mapping):
        raise Invalid(Problem("data", f"must be an object with {', '.join(fields)}"))
    problems = [Problem(name, "is not known here") for name in data if name not in fields + further]
    problems += [Problem(name, "is required") for name in fields if name not in data]
    if problems:
        raise Invalid(*problems)
    return data


def stale(services: Services) -> dict[str, bool]:
    """While Redis is away, presences are those that were last known."""
    return {} if services.sight.stale_s is None else {"stale": True}


def read_token(data: Any) -> str:
    token = read_fields(data, ("token",))["token"]
    if not isinstance(token, str):
        raise Invalid(Problem("token", "must be a string"))
    return token


def _read_channel(fields: Mapping[str, Any]) -> int:
    """The id, as a number or as its decimal digits."""
    value = fields["channel"]
    text = str(value) if type(value) in (int, str) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid(Problem("channel", "must be the id of a channel"))
    return int(text)


def _read_epoch(fields: Mapping[str, Any]) -> str:
    if not isinstance(fields["epoch"], str):
        raise Invalid(Problem("epoch", "must be a string"))
    return str(fields["epoch"])


def _read_version(fields: Mapping[str, Any]) -> int:
    version = fields["version"]
    if type(version) is not int or version < 0:
        raise Invalid(Problem("version", "must be a number from 0"))
    return version
