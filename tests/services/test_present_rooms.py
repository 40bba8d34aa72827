"""Which channels people are in right now, for many of them at once, and joining and parting. Both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event

from chatsrv.domain.channels import ChannelType, Membership
from chatsrv.domain.desk import Relation
from chatsrv.domain.errors import NotFound, UserNotFound
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source, Viewer
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.domain.users import User
from chatsrv.services import Services, open_services
from chatsrv.storage.redis import open_redis
from tests.api.serving import wire_to
from tests.conftest import DemoApp, MakeSettings

STRANGER = Viewer(0)
"""Nobody has this id."""
sqlite_alone = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
async def people(services: Services, demo: DemoApp) -> list[User]:
    return [(await services.users.create("demo", {"username": name}, SERVER)).user for name in ("anna", "bert", "carl")]


@pytest.fixture
async def rooms(services: Services, people: list[User]) -> list[int]:
    return [(await services.channels.create("demo", {}, None, SERVER)).channel.id for _ in range(3)]


async def come(services: Services, user: User) -> str:
    session = NewSession(uuid4().hex, uuid4().hex, False, Device.WEB, False, "websocket", "127.0.0.1")
    await services.presence.open(await services.apps.get("demo"), user, session)
    return session.id


async def claim(services: Services, user: User, status: PresenceStatus) -> None:
    await services.claims.put(user, Claim(uuid4().hex, Source.MANUAL, status), None, "127.0.0.1", SERVER)


async def rooms_of(services: Services, users: list[User], viewer: Viewer = STRANGER) -> list[list[int]]:
    found = await services.channels.present_rooms("demo", [user.id for user in users], viewer)
    assert list(found) == [user.id for user in users]
    return list(found.values())


async def test_people_are_in_the_channels_that_their_sessions_entered(
    services: Services, people: list[User], rooms: list[int]
) -> None:
    anna, bert, _ = people
    tab, phone, other = await come(services, anna), await come(services, anna), await come(services, bert)
    assert await rooms_of(services, people) == [[], [], []]
    await services.channels.enter(anna, tab, rooms[2])
    await services.channels.enter(anna, tab, rooms[0])
    await services.channels.enter(anna, phone, rooms[0])
    await services.channels.enter(bert, other, rooms[1])
    assert await rooms_of(services, people) == [[rooms[0], rooms[2]], [rooms[1]], []]
    await services.channels.leave(anna, tab, rooms[0])
    assert await rooms_of(services, [anna]) == [[rooms[0], rooms[2]]]
    await services.channels.leave(anna, phone, rooms[0])
    await services.channels.delete("demo", rooms[1])
    assert await rooms_of(services, people) == [[rooms[2]], [], []]
    assert await services.channels.present_rooms("demo", [], SERVER) == {}


@sqlite_alone
async def test_who_was_put_out_is_not_in_again_when_redis_has_lost_its_data(
    services: Services, make_settings: MakeSettings, valkey_url: str, people: list[User]
) -> None:
    anna, bert, _ = people
    room = (await services.channels.create("demo", {"type": int(ChannelType.PRIVATE)}, None, SERVER)).channel.id
    await services.channels.add_members("demo", room, [anna.id, bert.id], None)
    for user in (anna, bert):
        await services.channels.enter(user, await come(services, user), room)
    await services.channels.remove_members("demo", room, [anna.id])
    await lose_data(services, valkey_url)
    await services.upkeep.beat()
    assert await rooms_of(services, [anna, bert]) == [[], [room]]
    here = await services.channels.present("demo", room, SERVER)
    assert [person.user.username for person in here] == ["bert"]
    await services.channels.delete("demo", room)
    await lose_data(services, valkey_url)
    await services.upkeep.beat()
    assert await rooms_of(services, [anna, bert]) == [[], []]
    assert await services.channels.present("demo", room, SERVER) == []


async def lose_data(services: Services, valkey_url: str) -> None:
    async with open_redis(valkey_url, 2, 5.0, True) as redis:
        names = [name async for name in redis.scan_iter(f"{services.settings.redis_prefix}:*")]
        assert names
        await redis.delete(*names)


async def test_who_hides_is_nowhere_but_for_themselves_and_servers(
    services: Services, people: list[User], rooms: list[int]
) -> None:
    anna, bert, _ = people
    session = await come(services, anna)
    await services.channels.enter(anna, session, rooms[0])
    await claim(services, anna, PresenceStatus.DND)
    assert await rooms_of(services, [anna]) == [[rooms[0]]]
    await claim(services, anna, PresenceStatus.INVISIBLE)
    for viewer, expected in (
        (STRANGER, []),
        (Viewer(bert.id), []),
        (Viewer(anna.id), [rooms[0]]),
        (SERVER, [rooms[0]]),
    ):
        assert await rooms_of(services, [anna], viewer) == [expected]
    await claim(services, anna, PresenceStatus.ONLINE)
    assert await rooms_of(services, [anna]) == [[rooms[0]]]


@sqlite_alone
async def test_while_redis_is_away_nobody_is_anywhere(
    services: Services, make_settings: MakeSettings, valkey_url: str, people: list[User], rooms: list[int]
) -> None:
    anna = people[0]
    await services.channels.enter(anna, await come(services, anna), rooms[0])
    async with wire_to(valkey_url) as wire:
        settings = make_settings(redis_url=f"redis://127.0.0.1:{wire.port}", redis_timeout_s=0.5)
        async with open_services(settings) as other:
            assert await rooms_of(other, [anna]) == [[rooms[0]]]
            await wire.cut()
            assert await rooms_of(other, [anna]) == [[]]


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements of everybody meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_however_many_people_it_takes_one_statement(
    services: Services, people: list[User], rooms: list[int]
) -> None:
    for user in people:
        await services.channels.join("demo", user.id, rooms)
        await services.channels.enter(user, await come(services, user), rooms[0])
    ids = [user.id for user in people]
    asks: list[Callable[[], Awaitable[Any]]] = [
        partial(services.channels.present_rooms, "demo", ids, STRANGER),
        partial(services.profiles.get_many, ids),
        partial(services.supports.count_active, ids),
        *(partial(services.desk.links, "demo", relation, ids) for relation in Relation),
        *(partial(services.desk.find, "demo", relation, ids) for relation in Relation),
    ]
    for ask in asks:
        with counted() as statements:
            await ask()
        assert len(statements) == 1


# Members


async def test_a_user_joins_and_parts_in_many_channels_at_once(
    services: Services, people: list[User], rooms: list[int]
) -> None:
    anna = people[0]
    session = await come(services, anna)
    await services.channels.join("demo", anna.id, [rooms[0]])
    before = await services.channels.membership_of("demo", rooms[0], anna.id)
    await services.channels.join("demo", "anna", [rooms[1], rooms[0], rooms[1]])
    assert await services.channels.membership_of("demo", rooms[0], "ANNA") == before
    assert await services.desk.links("demo", Relation.ROOMS, [anna.id]) == {anna.id: rooms[:2]}
    await services.channels.enter(anna, session, rooms[0])
    await services.channels.part("demo", anna.id, [rooms[0], rooms[2]])
    assert await services.desk.links("demo", Relation.ROOMS, [anna.id]) == {anna.id: [rooms[1]]}
    assert await rooms_of(services, [anna]) == [[]]


async def test_where_one_channel_is_not_there_nothing_is_done(
    services: Services, people: list[User], rooms: list[int]
) -> None:
    anna = people[0]
    await services.apps.create("other", None)
    theirs = (await services.channels.create("other", {}, None, SERVER)).channel.id
    await services.channels.join("demo", anna.id, rooms[:1])
    for missing in (theirs, 0, -1, 2**70):
        with pytest.raises(NotFound):
            await services.channels.join("demo", anna.id, [rooms[1], missing])
        with pytest.raises(NotFound):
            await services.channels.part("demo", anna.id, [rooms[0], missing])
    assert await services.desk.links("demo", Relation.ROOMS, [anna.id]) == {anna.id: rooms[:1]}


async def test_a_membership_is_found_and_ended_by_its_id(
    services: Services, people: list[User], rooms: list[int]
) -> None:
    anna, bert, _ = people
    session = await come(services, anna)
    made = (await services.channels.create("demo", {"type": int(ChannelType.PRIVATE)}, None, SERVER)).channel.id
    for ref in (0, 2**70, "nobody", "\0", "\ud800"):
        with pytest.raises(UserNotFound):
            await services.channels.add_members("demo", made, [anna.id, ref], None)
    added = await services.channels.add_members("demo", made, [anna.id, "bert", "ANNA"], None)
    assert [member.user.username for member in added] == ["anna", "bert"]
    found = await services.channels.membership_of("demo", made, anna.id)
    assert found == Membership(found.id, made, anna.id, found.role, found.created_at, 0, 0)
    assert await services.desk.get("demo", Relation.MEMBERS, found.id) == found
    await services.channels.enter(anna, session, made)
    await services.channels.remove_member("demo", found.id)
    assert await rooms_of(services, [anna]) == [[]]
    for gone in (found.id, 0, 2**70):
        with pytest.raises(NotFound):
            await services.channels.remove_member("demo", gone)
    with pytest.raises(NotFound):
        await services.channels.membership_of("demo", made, anna.id)
    (left,), _ = await services.channels.members("demo", made, 5, 0, SERVER)
    assert left.user.id == bert.id


async def test_who_joins_and_parts_on_many_nodes_at_once_ends_in_or_out(
    services: Services, make_settings: MakeSettings, people: list[User], rooms: list[int]
) -> None:
    anna = people[0]
    async with open_services(make_settings()) as other:
        for _ in range(5):
            await asyncio.gather(
                services.channels.join("demo", anna.id, rooms),
                other.channels.join("demo", anna.id, rooms[::-1]),
                services.channels.part("demo", anna.id, rooms[::-1]),
                other.channels.add_members("demo", rooms[1], [anna.id], None),
            )
            found = (await services.desk.links("demo", Relation.ROOMS, [anna.id]))[anna.id]
            members = (await services.desk.links("demo", Relation.MEMBERS, [anna.id]))[anna.id]
            assert found in ([], [rooms[1]], rooms)
            assert len(members) == len(found)
