"""Lists of users in SQL against a plain model in Python: the same people in the same order on both databases."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from functools import cmp_to_key
from pathlib import Path
from typing import Any

import pytest

from chatsrv.domain.apps import App
from chatsrv.domain.listing import (
    CODE_FIELDS,
    FILTER_FIELDS,
    SORT_FIELDS,
    TEXT_FIELDS,
    Filter,
    FilterValue,
    Operator,
    Sort,
    UserQuery,
)
from chatsrv.domain.presence import SERVER, PresenceStatus
from chatsrv.domain.users import AccountStatus, User, fold_case
from chatsrv.services.users import new_user
from chatsrv.storage import apps, listing, users
from chatsrv.storage.database import Database, open_database, parse_url

WORDS = ["", "a", "A", "ä", "a\u0308", "ab", "Ba", "b%", "b_", "b/c", "\\", "ß", "SS", "z", "Ω", "👍", "名", "'", "ﬁ"]
NAMES = ["", "a", "A", "ab", "Ä", "ss", "b%", "b_a", "👍", "\uffee"]
INSTANTS = [0, 1, 1000, 1001, 1_772_357_400_123]
OTHERS = [status for status in PresenceStatus if status is not PresenceStatus.OFFLINE]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with open_database(parse_url(database_url, Path()), 2, 30) as opened:
        async with opened.write() as tx:
            for app_id in ("demo", "other"):
                await apps.add_app(tx, App(app_id, app_id, "secret", 1))
        yield opened


def made_up(dice: random.Random, number: int) -> dict[str, Any]:
    return new_user(
        {
            "username": f"{dice.choice(WORDS)}{number}{dice.choice(WORDS)}",
            "first_name": dice.choice([None, *NAMES]),
            "last_name": dice.choice([None, *NAMES]),
            "role": dice.choice(["user", "User", "admin"]),
            "status": dice.choice([AccountStatus.ACTIVE, AccountStatus.INACTIVE]),
            "created_at": dice.choice(INSTANTS[1:]),
            "updated_at": dice.choice(INSTANTS[1:]),
            "last_login_at": dice.choice(INSTANTS),
        },
        1,
    )


async def populate(db: Database, dice: random.Random, count: int = 40) -> list[User]:
    """The users of the app demo; as many of another app lie between them."""
    async with db.write() as tx:
        for number in range(count):
            values = made_up(dice, number)
            await users.add(tx, "demo", values)
            await users.add(tx, "other", values)
        return await users.batch_after(tx, "demo", 0)


# The model


def key_of(user: User, field: str) -> FilterValue:
    if field == "last_login_at":
        return user.clocks.last_login_at
    value: FilterValue | None = getattr(user, field)
    return fold_case(str(value or "")) if field in TEXT_FIELDS else int(value or 0)


MEETS: Mapping[Operator, Callable[[Any, list[Any]], bool]] = {
    Operator.EQ: lambda key, values: key == values[0],
    Operator.NOT_EQ: lambda key, values: key != values[0],
    Operator.GTE: lambda key, values: key >= values[0],
    Operator.LTE: lambda key, values: key <= values[0],
    Operator.GT: lambda key, values: key > values[0],
    Operator.LT: lambda key, values: key < values[0],
    Operator.NOT_IN: lambda key, values: key not in values,
    Operator.CONTAINS_ANY: lambda key, values: any(value in key for value in values),
    Operator.NOT_CONTAINS: lambda key, values: values[0] not in key,
    Operator.BLANK: lambda key, _: not key,
    Operator.PRESENT: lambda key, _: bool(key),
    Operator.IN: lambda key, values: key in values,
    Operator.CONTAINS: lambda key, values: values[0] in key,
    Operator.BEGINS: lambda key, values: key.startswith(values[0]),
    Operator.ENDS: lambda key, values: key.endswith(values[0]),
}


ORDER = {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE}


def meets(user: User, item: Filter, shown: Mapping[int, PresenceStatus]) -> bool:
    if item.field == "presence_status":
        return MEETS[item.operator](shown.get(user.id, PresenceStatus.OFFLINE), list(item.values))
    values = [fold_case(str(value)) if item.field in TEXT_FIELDS else value for value in item.values]
    if item.field == "last_login_at" and item.operator in ORDER and not user.clocks.last_login_at:
        return False
    return MEETS[item.operator](key_of(user, item.field), values)


def compare(sorts: tuple[Sort, ...], one: User, other: User) -> int:
    for sort in sorts:
        left, right = key_of(one, sort.field), key_of(other, sort.field)
        if left != right:
            return -1 if (left < right) != sort.descending else 1  # type: ignore[operator] # both are of one kind
    return one.id - other.id


def expected(people: list[User], query: UserQuery, shown: Mapping[int, PresenceStatus]) -> list[User]:
    found = [user for user in people if all(meets(user, item, shown) for item in query.filters)]

    def order(one: User, other: User) -> int:
        return compare(query.sort, one, other)

    return sorted(found, key=cmp_to_key(order))


# The questions


def some_sort(dice: random.Random) -> tuple[Sort, ...]:
    fields = dice.sample(SORT_FIELDS, dice.choice([0, 1, 1, 2, 3]))
    return tuple(Sort(field, dice.random() < 0.5) for field in fields)


OF_TEXTS = {
    Operator.CONTAINS,
    Operator.CONTAINS_ANY,
    Operator.NOT_CONTAINS,
    Operator.BEGINS,
    Operator.ENDS,
}
NOT_OF: Mapping[str, set[Operator]] = {
    "text": set(),
    "number": OF_TEXTS,
    "presence": OF_TEXTS | {Operator.GT, Operator.LT, Operator.NOT_IN, Operator.BLANK, Operator.PRESENT},
}
"""What no dialect asks for."""


def kind_of(field: str) -> str:
    if field in TEXT_FIELDS:
        return "text"
    return "presence" if field == "presence_status" else "number"


def some_filter(dice: random.Random) -> Filter:
    field = dice.choice(FILTER_FIELDS)
    operator = dice.choice([item for item in Operator if item not in NOT_OF[kind_of(field)]])
    if operator in (Operator.BLANK, Operator.PRESENT):
        return Filter(field, operator, ())
    count = dice.randint(1, 3) if operator in (Operator.IN, Operator.NOT_IN, Operator.CONTAINS_ANY) else 1
    return Filter(field, operator, tuple(some_value(dice, field) for _ in range(count)))


def some_value(dice: random.Random, field: str) -> FilterValue:
    if field in CODE_FIELDS:
        return dice.randint(0, 4 if field == "presence_status" else 2)
    if field in TEXT_FIELDS:
        return dice.choice([*WORDS, *NAMES, "user", "ADMIN", "%", "_", "/"])
    return dice.choice([*INSTANTS, -1])


@pytest.mark.parametrize("seed", range(3))
async def test_any_query_gives_what_the_model_gives_by_offset_and_by_cursor(db: Database, seed: int) -> None:
    dice = random.Random(seed)
    people = await populate(db, dice)
    shown = {user.id: dice.choice(OTHERS) for user in dice.sample(people, 15)}
    here = {status: [i for i, own in shown.items() if own is status] for status in OTHERS}
    async with db.read() as tx:
        for _ in range(60):
            filters = tuple(some_filter(dice) for _ in range(dice.choice([0, 1, 1, 2])))
            query = UserQuery(limit=dice.randint(1, 15), sort=some_sort(dice), filters=filters)
            wanted = expected(people, query, shown)
            assert await by_offset(tx, query, here, len(wanted)) == wanted, query
            assert await by_cursor(tx, query, here, len(wanted)) == wanted, query


async def by_offset(tx: Any, query: UserQuery, here: Any, total: int) -> list[User]:
    seen: list[User] = []
    while True:
        paged = UserQuery(query.limit, offset=len(seen), sort=query.sort, filters=query.filters)
        found, counted, after = await listing.page(tx, "demo", paged, here, SERVER)
        assert counted == total
        seen += found
        if after is None:
            return seen
        assert len(found) == query.limit


async def by_cursor(tx: Any, query: UserQuery, here: Any, total: int) -> list[User]:
    seen: list[User] = []
    after = None
    while True:
        paged = UserQuery(query.limit, by_cursor=True, after=after, sort=query.sort, filters=query.filters)
        found, counted, after = await listing.page(tx, "demo", paged, here, SERVER)
        assert counted == total
        seen += found
        if after is None:
            return seen


async def test_a_cursor_leaves_nobody_out_who_stays_while_others_come_and_go(db: Database) -> None:
    dice = random.Random(7)
    people = await populate(db, dice, 30)
    sort = (Sort("first_name", descending=True), Sort("last_name"))
    order = expected(people, UserQuery(50, sort=sort), {})
    gone, seen, after = order[5:25:4], [], None
    while True:
        async with db.write() as tx:
            found, _, after = await listing.page(
                tx, "demo", UserQuery(4, by_cursor=True, after=after, sort=sort), {}, SERVER
            )
            seen += [user.id for user in found]
            if gone:
                await users.remove(tx, gone.pop(0))
            await users.add(tx, "demo", made_up(dice, 1000 + len(seen)))
        if after is None or len(seen) > 200:
            break
    stayed = [user.id for user in order if user not in order[5:25:4]]
    assert [user_id for user_id in seen if user_id in stayed] == stayed
    assert len(set(seen)) == len(seen)


async def test_a_filter_on_presence_takes_a_hundred_thousand_ids(db: Database) -> None:
    people = await populate(db, random.Random(1), 3)
    here = {PresenceStatus.ONLINE: [people[1].id, *range(10**6, 10**6 + 100_000)]}
    online = UserQuery(10, filters=(Filter("presence_status", Operator.IN, (1, 3)),))
    offline = UserQuery(10, filters=(Filter("presence_status", Operator.EQ, (0,)),))
    async with db.read() as tx:
        assert (await listing.page(tx, "demo", online, here, SERVER))[:2] == ([people[1]], 1)
        assert (await listing.page(tx, "demo", offline, here, SERVER))[:2] == ([people[0], people[2]], 2)


async def test_an_empty_app_has_one_empty_page(db: Database) -> None:
    async with db.read() as tx:
        assert await listing.page(tx, "demo", UserQuery(10), {}, SERVER) == ([], 0, None)
        assert await listing.page(tx, "nowhere", UserQuery(10, offset=10_000), {}, SERVER) == ([], 0, None)
