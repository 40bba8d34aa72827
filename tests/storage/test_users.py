"""Users in SQL: what is kept, what is found again, and whose clocks move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatsrv.domain.apps import App
from chatsrv.domain.presence import Claim, PresenceStatus, Source
from chatsrv.domain.users import AccountStatus, Clocks, KeptClaims, Standing, User
from chatsrv.services.users import new_user
from chatsrv.storage import apps, users
from chatsrv.storage import clocks as clock_rows
from chatsrv.storage.database import Database, open_database, parse_url
from chatsrv.storage.records import Unflushed, keep_claims

NOW = 1_772_357_400_123
EVERYTHING: dict[str, Any] = {
    "uuid": "0198c5a0-7b1e-7000-8000-000000000001",
    "username": "Änna 👩‍🚀%_\\'\"",
    "first_name": "Änna",
    "last_name": "O'Hara; DROP TABLE users --",
    "name": "",
    "email": "Anna@Example.org",
    "external_id": "00042",
    "avatar": "https://a.b/c.png",
    "role": "admin",
    "status": AccountStatus.INACTIVE,
    "metadata": {"a": [1, 2.5, None, True, {"ä": "\u0000\u2028"}], "": 2**70},
    "language": "pt-BR",
    "timezone": "Europe/Berlin",
    "created_at": NOW,
    "updated_at": NOW + 1,
    "last_login_at": NOW + 2,
    "last_active_at": NOW + 3,
    "last_seen_at": NOW + 4,
    "presence_changed_at": NOW + 5,
}


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """With the apps demo and other."""
    async with open_database(parse_url(database_url, Path()), 2, 10) as opened:
        async with opened.write() as tx:
            for app_id in ("demo", "other"):
                await apps.add_app(tx, App(app_id, app_id, "secret", 1))
        yield opened


async def add(db: Database, app_id: str = "demo", **values: Any) -> User:
    async with db.write() as tx:
        return await users.add(tx, app_id, new_user(values, NOW))


async def get(db: Database, username: str, app_id: str = "demo") -> User | None:
    async with db.read() as tx:
        return await users.get(tx, app_id, username)


async def test_every_field_comes_back_as_it_went_in(db: Database) -> None:
    added = await add(db, **EVERYTHING)
    expected = {name: value for name, value in EVERYTHING.items() if name not in clock_rows.CLOCKS_TO_OTHERS}
    assert {name: getattr(added, name) for name in expected} == expected
    assert added.clocks == Clocks(NOW + 2, NOW + 3, NOW + 4, NOW + 5)
    assert await get(db, EVERYTHING["username"]) == added


async def test_adding_many_keeps_the_same_as_adding_one(db: Database) -> None:
    one = await add(db, "other", **EVERYTHING)
    async with db.write() as tx:
        await users.add_many(tx, "demo", [new_user(EVERYTHING, NOW)])
    many = await get(db, EVERYTHING["username"])
    assert many
    assert replace(many, id=one.id, app_id="other") == one


async def test_a_user_is_found_without_regard_to_case_and_composition(db: Database) -> None:
    added = await add(db, username="Zo\u00eb STRASSE")
    for name in ("zoë strasse", "ZOE\u0308 straße"):
        assert await get(db, name) == added
    for name in ("zoe strasse", "zoë strasse ", "zo_ strasse", "%", ""):
        assert await get(db, name) is None


async def test_a_user_of_another_app_is_nobody(db: Database) -> None:
    added = await add(db, username="anna", email="a@b", external_id="1", uuid="u")
    assert await get(db, "anna", "other") is None
    async with db.write() as tx:
        assert await users.get_for_update(tx, "other", "anna") is None
        holders = {"usernames": ["anna"], "emails": ["a@b"], "external_ids": ["1"], "uuids": ["u"]}
        assert await users.find_any(tx, "other", **holders) == []
        assert await users.find_any(tx, "demo", **holders) == [added]
        assert await users.count(tx, "other") == 0
        assert await users.batch_after(tx, "other", 0) == []


async def test_whoever_holds_one_of_the_values_is_found_once_in_order_of_id(db: Database) -> None:
    anna = await add(db, username="Anna", email="A@b")
    bert = await add(db, username="bert", external_id="X")
    await add(db, username="carl", uuid="c")
    async with db.write() as tx:
        found = await users.find_any(
            tx, "demo", usernames=["BERT", "nobody"], emails=["a@B"], external_ids=["X", "x"], uuids=[]
        )
        assert found == [anna, bert]
        assert await users.find_any(tx, "demo", usernames=[], emails=[], external_ids=[], uuids=[]) == []


async def test_an_external_id_is_compared_exactly(db: Database) -> None:
    await add(db, username="a", external_id="x")
    await add(db, username="b", external_id="X")


async def test_a_change_touches_the_fields_given_alone(db: Database) -> None:
    added = await add(db, **EVERYTHING)
    async with db.write() as tx:
        changed = await users.change(tx, added, {"first_name": "Berta", "email": None, "metadata": None})
    assert changed == replace(added, first_name="Berta", email=None, metadata=None)
    assert await get(db, EVERYTHING["username"]) == changed
    await add(db, username="next", email=EVERYTHING["email"])


async def test_an_empty_object_is_not_null(db: Database) -> None:
    assert (await add(db, username="a", metadata={})).metadata == {}
    assert (await add(db, username="b", metadata=None)).metadata is None


async def test_many_are_changed_each_with_their_own_values(db: Database) -> None:
    people = [await add(db, username=f"user{number}") for number in range(5)]
    async with db.write() as tx:
        changes = [(person, {"first_name": person.username.upper(), "role": "x"}) for person in reversed(people)]
        await users.change_many(tx, "demo", changes)
        await users.change_many(tx, "demo", [])
    for person in people:
        expected = replace(person, first_name=person.username.upper(), role="x")
        assert await get(db, person.username) == expected


async def test_whoever_is_removed_is_told_once_and_their_id_is_never_given_again(db: Database) -> None:
    added = await add(db, username="anna")
    async with db.write() as tx:
        await users.remove(tx, added)
        assert await users.get(tx, "demo", "anna") is None
    assert (await add(db, username="anna")).id > added.id


async def test_clocks_move_forward_each_by_itself_and_never_back(db: Database) -> None:
    anna = await add(db, username="anna", last_login_at=100, last_active_at=100)
    bert = await add(db, username="bert")
    async with db.write() as tx:
        clocks = {bert.id: Clocks(1, 2, 3, 4), anna.id: Clocks(50, 150, 0, 7), 10**6: Clocks(1)}
        await clock_rows.keep_presence(tx, [warm(user_id, moved, Clocks(60)) for user_id, moved in clocks.items()])
        await clock_rows.keep_presence(tx, [])
    moved = [await get(db, name) for name in ("anna", "bert")]
    assert [person.clocks for person in moved if person] == [Clocks(100, 150, 0, 7), Clocks(1, 2, 3, 4)]
    assert [person.clocks_to_others for person in moved if person] == [Clocks(100, 100), Clocks(60)]
    assert moved[0] == replace(anna, clocks=Clocks(100, 150, 0, 7))


def warm(user_id: int, clocks: Clocks, to_others: Clocks, claims: KeptClaims | None = None) -> Unflushed:
    return Unflushed("demo", user_id, 0, clocks, to_others, claims or KeptClaims())


async def test_claims_are_kept_where_they_are_newer_than_those_that_are_there(db: Database) -> None:
    anna = await add(db, username="anna")
    bert = await add(db, username="bert")
    newer, older = (keep_claims([Claim("c", Source.MANUAL, PresenceStatus.DND, set_at=at)]) for at in (5, 4))
    for claims in (newer, older):
        async with db.write() as tx:
            await clock_rows.keep_presence(
                tx, [warm(anna.id, Clocks(), Clocks(), claims), warm(bert.id, Clocks(), Clocks())]
            )
    found = await get(db, "anna")
    assert found
    assert found.claims == newer
    async with db.read() as tx:
        assert await clock_rows.find_claims(tx, [anna.id, bert.id]) == {anna.id: newer}


async def test_batches_go_through_everybody_in_order_of_id(db: Database) -> None:
    people = [await add(db, username=f"user{number}") for number in range(7)]
    await add(db, "other", username="stranger")
    seen: list[User] = []
    async with db.read() as tx:
        while batch := await users.batch_after(tx, "demo", seen[-1].id if seen else 0, limit=3):
            seen += batch
        assert await users.count(tx, "demo") == 7
    assert seen == people


async def test_account_states_are_told_for_those_who_exist(db: Database) -> None:
    anna = await add(db, username="anna")
    bert = await add(db, "other", username="bert", status=AccountStatus.INACTIVE, tokens_since=7)
    async with db.read() as tx:
        found = await users.find_standings(tx, [anna.id, bert.id, 10**6])
        assert await users.find_standings(tx, []) == {}
    assert found == {anna.id: Standing(AccountStatus.ACTIVE, 0), bert.id: Standing(AccountStatus.INACTIVE, 7)}


async def test_an_app_takes_its_users_and_keys_along(db: Database) -> None:
    await add(db, username="anna")
    async with db.write() as tx:
        assert await apps.delete_app(tx, "demo")
        assert not await apps.delete_app(tx, "demo")
        assert await users.count(tx, "demo") == 0
        assert [(app.id, number) for app, number in await apps.list_apps(tx)] == [("other", 0)]
