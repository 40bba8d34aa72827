"""Channels and members in SQL: what is kept, in which order, and what goes along with what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chatsrv.domain.apps import App
from chatsrv.domain.channels import Channel, ChannelType, Member, MemberRole
from chatsrv.domain.errors import Conflict, NotFound
from chatsrv.domain.users import User
from chatsrv.services.channels import NEW_CHANNEL
from chatsrv.services.users import new_user
from chatsrv.storage import apps, channels, users
from chatsrv.storage.database import Database, open_database, parse_url

NOW = 1_772_357_400_123
OWNER, PARTICIPANT = MemberRole.OWNER, MemberRole.PARTICIPANT


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """With the apps demo and other."""
    async with open_database(parse_url(database_url, Path()), 2, 10) as opened:
        async with opened.write() as tx:
            for app_id in ("demo", "other"):
                await apps.add_app(tx, App(app_id, app_id, "secret", 1))
        yield opened


async def add(db: Database, app_id: str = "demo", **values: Any) -> int:
    async with db.write() as tx:
        return await channels.add(tx, app_id, {**NEW_CHANNEL, "owner_id": None, "created_at": NOW, **values})


async def get(db: Database, channel_id: int, app_id: str = "demo") -> Channel | None:
    async with db.read() as tx:
        return await channels.get(tx, app_id, channel_id)


async def add_user(db: Database, username: str) -> User:
    async with db.write() as tx:
        return await users.add(tx, "demo", new_user({"username": username}, NOW))


async def join(db: Database, channel_id: int, *joined: User, role: MemberRole = PARTICIPANT) -> None:
    async with db.write() as tx:
        await channels.add_members(tx, channel_id, [user.id for user in joined], role, NOW)


async def members(db: Database, channel_id: int, limit: int = 50, offset: int = 0) -> tuple[list[Member], int]:
    async with db.read() as tx:
        return await channels.list_members(tx, channel_id, limit, offset)


async def ids(db: Database, user_id: int | None, limit: int = 50, offset: int = 0) -> tuple[list[int], int]:
    async with db.read() as tx:
        found, total = await channels.page(tx, "demo", user_id, limit, offset)
    return [channel.id for channel in found], total


async def test_a_channel_comes_back_as_it_was_kept(db: Database) -> None:
    anna = await add_user(db, "anna")
    text = "Änna 👩‍🚀%_\\'\"; DROP TABLE channels --"
    values = {name: f"{name} {text}" for name in ("uri", "subject", "label", "metadata", "avatar")}
    made = await add(db, **values, type=ChannelType.DIRECT, owner_id=anna.id)
    expected = Channel(
        id=made,
        app_id="demo",
        **values,
        type=ChannelType.DIRECT,
        owner_id=anna.id,
        created_at=NOW,
        members_count=0,
    )
    assert await get(db, made) == expected
    assert await get(db, made, "other") is None


async def test_only_the_fields_named_change(db: Database) -> None:
    made = await add(db, uri="a", subject="b")
    async with db.write() as tx:
        await channels.change(tx, made, {})
        await channels.change(tx, made, {"subject": None, "type": ChannelType.PRIVATE})
    found = await get(db, made)
    assert found
    assert (found.uri, found.subject, found.type) == ("a", None, ChannelType.PRIVATE)


@pytest.mark.parametrize("uri", ["board", "uuid external_id username_key email_key"])
async def test_a_uri_is_unique_in_each_app_alone_and_the_conflict_says_uri(db: Database, uri: str) -> None:
    first = await add(db, uri=uri)
    await add(db, "other", uri=uri)
    second = await add(db)
    with pytest.raises(Conflict) as caught:
        await add(db, uri=uri)
    assert caught.value.field == "uri"
    with pytest.raises(Conflict) as caught:
        async with db.write() as tx:
            await channels.change(tx, second, {"uri": uri})
    assert caught.value.field == "uri"
    async with db.write() as tx:
        await channels.change(tx, first, {"uri": uri})


async def test_a_page_holds_what_its_reader_may_see_with_the_exact_total(db: Database) -> None:
    anna, ben = await add_user(db, "anna"), await add_user(db, "ben")
    kinds = [ChannelType.PUBLIC, ChannelType.PRIVATE, ChannelType.DIRECT]
    public, private, direct = [await add(db, type=kind) for kind in kinds]
    await add(db, "other")
    await join(db, private, anna, ben)
    await join(db, direct, ben)
    await join(db, public, ben)
    assert await ids(db, None) == ([public, private, direct], 3)
    assert await ids(db, anna.id) == ([public, private], 2)
    assert await ids(db, ben.id) == ([public, private, direct], 3)
    assert await ids(db, ben.id, 1, 1) == ([private], 3)
    assert await ids(db, ben.id, 5, 3) == ([], 3)


async def test_members_are_listed_as_they_came_and_counted(db: Database) -> None:
    anna, ben, carl = [await add_user(db, name) for name in ("anna", "ben", "carl")]
    made, empty = await add(db), await add(db)
    await join(db, made)
    await join(db, made, carl, role=OWNER)
    await join(db, made, anna, ben)
    everybody = [Member(carl, OWNER), Member(anna, PARTICIPANT), Member(ben, PARTICIPANT)]
    assert await members(db, made) == (everybody, 3)
    assert await members(db, made, 1, 1) == (everybody[1:2], 3)
    assert await members(db, empty) == ([], 0)
    counts = [channel.members_count for channel in (await get(db, made), await get(db, empty)) if channel]
    assert counts == [3, 0]


async def test_roles_are_found_and_changed_for_members_alone(db: Database) -> None:
    anna, ben, carl = [await add_user(db, name) for name in ("anna", "ben", "carl")]
    made, other = await add(db), await add(db)
    for channel_id in (made, other):
        await join(db, channel_id, anna, ben)
    async with db.write() as tx:
        await channels.change_role(tx, made, [ben.id, carl.id], OWNER)
        everybody = [anna.id, ben.id, carl.id]
        assert await channels.find_roles(tx, made, everybody) == {anna.id: PARTICIPANT, ben.id: OWNER}
        assert await channels.find_roles(tx, other, everybody) == {anna.id: PARTICIPANT, ben.id: PARTICIPANT}
        assert await channels.find_roles(tx, made, []) == {}
        await channels.remove_members(tx, made, [anna.id, carl.id])
    assert await members(db, made) == ([Member(ben, OWNER)], 1)
    assert (await members(db, other))[1] == 2


async def test_nobody_joins_what_is_not_there(db: Database) -> None:
    anna = await add_user(db, "anna")
    with pytest.raises(NotFound):
        await join(db, 999, anna)


async def test_only_a_channel_of_the_app_can_be_locked_or_removed(db: Database) -> None:
    made = await add(db)
    async with db.write() as tx:
        assert await channels.lock(tx, "demo", made)
        assert not await channels.lock(tx, "other", made)
        assert not await channels.lock(tx, "demo", made + 1)
        assert not await channels.remove(tx, "other", made)
    assert await get(db, made)
    async with db.write() as tx:
        assert await channels.remove(tx, "demo", made)
        assert not await channels.remove(tx, "demo", made)


async def test_a_channel_takes_its_memberships_along_and_its_id_is_not_given_again(db: Database) -> None:
    anna = await add_user(db, "anna")
    made = await add(db, owner_id=anna.id)
    await join(db, made, anna)
    async with db.write() as tx:
        await channels.remove(tx, "demo", made)
    assert await members(db, made) == ([], 0)
    assert await add(db) > made
    async with db.read() as tx:
        assert await users.get(tx, "demo", "anna") == anna


async def test_a_user_takes_their_memberships_along_and_leaves_what_they_own(db: Database) -> None:
    anna, ben = await add_user(db, "anna"), await add_user(db, "ben")
    made = await add(db, owner_id=anna.id)
    await join(db, made, anna, ben)
    async with db.write() as tx:
        await users.remove(tx, anna)
    found = await get(db, made)
    assert found
    assert (found.owner_id, found.members_count) == (None, 1)
    assert await members(db, made) == ([Member(ben, PARTICIPANT)], 1)


async def test_owners_are_found_by_their_ids(db: Database) -> None:
    anna, ben = await add_user(db, "anna"), await add_user(db, "ben")
    for owner_id in (anna.id, anna.id, ben.id, None):
        await add(db, owner_id=owner_id)
    async with db.read() as tx:
        found, _ = await channels.page(tx, "demo", None, 50, 0)
        assert await channels.find_owners(tx, found) == {anna.id: anna, ben.id: ben}
        assert await channels.find_owners(tx, found[3:]) == {}


async def test_many_more_people_than_one_statement_takes_are_asked_for_their_channels(db: Database) -> None:
    anna = await add_user(db, "anna")
    public, private, other = await add(db), await add(db, type=ChannelType.PRIVATE), await add(db, "other")
    await join(db, private, anna)
    crowd = range(1_000_000, 1_040_000)
    wanted = {**{user_id: [public, private] for user_id in crowd}, anna.id: [private, public, other, 999]}
    async with db.read() as tx:
        found = await channels.find_admitted(tx, "demo", wanted)
        assert found.pop(anna.id) == [public, private]
        assert found == {user_id: [public] for user_id in crowd}
        assert await channels.find_admitted(tx, "demo", {}) == {}
