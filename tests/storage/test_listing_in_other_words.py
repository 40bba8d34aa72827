"""Lists of users by what is no column of theirs, as the other dialects name it, against a plain model in Python."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chatsrv.domain.apps import App
from chatsrv.domain.listing import Filter, FilterValue, Operator, Sort, UserQuery
from chatsrv.domain.presence import SERVER
from chatsrv.domain.users import AccountState, AccountStatus, Onboarding, User, fold_case
from chatsrv.storage import apps, listing, users
from chatsrv.storage.database import Database, open_database, parse_url
from tests.storage.test_listing import INSTANTS, MEETS, NAMES, NOT_OF, OF_TEXTS, ORDER, made_up


def other_key_of(user: User, field: str) -> FilterValue:
    match field:
        case "display_name" | "full_name" | "username" | "role":
            return fold_case(getattr(user, field))
        case "email":
            return fold_case(user.email or "")
        case "avatar" | "timezone" | "language":
            return str(getattr(user, field) or "")
        case "state":
            return user.state.value
        case "alive":
            return int(user.state in (AccountState.DEACTIVATED, AccountState.DELETED))
        case "rank":
            return int(not user.is_admin)
        case "is_active":
            return int(user.status is AccountStatus.ACTIVE)
    value: FilterValue = getattr(user, field)
    return value


TEXTS = ("display_name", "full_name", "email", "avatar", "timezone", "language", "state", "uuid")
NUMBERS = ("alive", "rank", "is_active", "discarded_at", "created_at")
OTHERS_FIELDS = TEXTS + NUMBERS
MAY_LACK = ("email", "avatar", "timezone", "language", "discarded_at")


async def populate_with_states(db: Database, dice: random.Random) -> list[User]:
    async with db.write() as tx:
        for number in range(30):
            state = {
                "name": dice.choice([None, *NAMES]),
                "email": dice.choice([None, f"{dice.choice(NAMES)}{number}@X.test"]),
                "avatar": dice.choice([None, "a.png", "A.png", "ä.png"]),
                "timezone": dice.choice([None, "Asia/Tokyo", "Europe/Berlin", "UTC"]),
                "language": dice.choice([None, "de", "ja", "pt-BR"]),
                "onboarding": dice.choice(list(Onboarding)),
            }
            user = await users.add(tx, "demo", made_up(dice, number) | state)
            if dice.random() < 0.3:
                await users.discard(tx, user, dice.choice(INSTANTS[1:]))
        await users.add(tx, "other", made_up(dice, 100))
        query = UserQuery(100, with_discarded=True)
        return (await listing.page(tx, "demo", query, {}, SERVER))[0]


def other_filter(dice: random.Random, people: list[User]) -> Filter:
    """Values are those of somebody, or a part of them."""
    field = dice.choice(OTHERS_FIELDS)
    operator = dice.choice([item for item in Operator if item not in NOT_OF["number" if field in NUMBERS else "text"]])
    if operator in (Operator.BLANK, Operator.PRESENT):
        return Filter(field, operator, ())
    values = [other_key_of(dice.choice(people), field) for _ in range(dice.randint(1, 3))]
    if operator in OF_TEXTS and dice.random() < 0.7:
        values = [str(value)[: dice.randint(0, 3)] for value in values]
    return Filter(field, operator, tuple(values if "_" in operator or operator is Operator.IN else values[:1]))


def meets_other(user: User, item: Filter) -> bool:
    """Nothing is neither less nor more than anything, and no part of it is found."""
    key = other_key_of(user, item.field)
    if not key and item.field in MAY_LACK and item.operator in (ORDER | OF_TEXTS) - {Operator.NOT_CONTAINS}:
        return False
    return MEETS[item.operator](key, list(item.values))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(parse_url(database_url, Path()), 2, 30) as opened:
        async with opened.write() as tx:
            for app_id in ("demo", "other"):
                await apps.add_app(tx, App(app_id, app_id, "secret", 1))
        yield opened


async def test_what_is_no_column_gives_what_the_model_gives(database: Database) -> None:
    dice = random.Random(11)
    people = await populate_with_states(database, dice)
    async with database.read() as tx:
        for _ in range(150):
            sorts = tuple(Sort(field, dice.random() < 0.5) for field in dice.sample(OTHERS_FIELDS, dice.randint(0, 2)))
            item = other_filter(dice, people)
            wanted = [one for one in people if meets_other(one, item)]
            for sort in reversed(sorts):
                wanted.sort(key=lambda one, sort=sort: other_key_of(one, sort.field), reverse=sort.descending)  # type: ignore[misc]
            query = UserQuery(100, sort=sorts, filters=(item,), with_discarded=True)
            assert (await listing.page(tx, "demo", query, {}, SERVER))[:2] == (wanted, len(wanted)), query
