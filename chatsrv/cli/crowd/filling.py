"""The app and its people, made where they are missing, in the stores of a server that may run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatsrv.cli.crowd.people import MADE_BY, PEOPLE_MAX, make_people
from chatsrv.domain.users import AccountStatus, User, fold_case
from chatsrv.services import Services
from chatsrv.services.tokens import mint

BATCH = 500


@dataclass(frozen=True, slots=True)
class Crowd:
    """`names` by username, of those who come and go; `total`: users of the app, others too. `key` is that of an app
    which was made for them, shown this once."""

    names: Mapping[str, str]
    created: int
    total: int
    key: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """What there is: whom we made, by folded username, and how many users are others."""

    ours: Mapping[str, User]
    taken: frozenset[str]
    others: int


async def look(services: Services, app_id: str) -> Look:
    """Of an app that may not exist yet."""
    if await services.apps.find(app_id) is None:
        return Look({}, frozenset(), 0)
    found = await services.users.find_many(app_id, [fold_case(one["username"]) for one in make_people(PEOPLE_MAX)])
    ours = {name: user for name, user in found.items() if _is_ours(user)}
    return Look(ours, frozenset(found), await services.users.count(app_id) - len(ours))


async def fill(services: Services, app_id: str, count: int) -> Crowd:
    """Nobody who is there is changed, and nobody of the app's own is played. Raises Invalid and Unavailable."""
    key = None
    if await services.apps.find(app_id) is None:
        _, key = await services.apps.create(app_id, None)
    known = await look(services, app_id)
    wanted = make_people(count)
    missing = [one for one in wanted if fold_case(one["username"]) not in known.taken]
    for begin in range(0, len(missing), BATCH):
        await services.upserts.apply(app_id, [services.users.check(one) for one in missing[begin : begin + BATCH]])
    cast = [one for one in wanted if one in missing or _may_come(known.ours.get(fold_case(one["username"])))]
    total = await services.users.count(app_id)
    return Crowd({one["username"]: one["name"] for one in cast}, len(missing), total, key)


async def sign_tokens(services: Services, app_id: str, usernames: Sequence[str], ttl_s: int) -> dict[str, str]:
    """Of those who are still there. Raises NotFound."""
    app = await services.apps.get(app_id)
    users = await services.users.find_many(app_id, [fold_case(username) for username in usernames])
    return {user.username: mint(app, user, services.clock.now(), ttl_s)[0] for user in users.values()}


def _is_ours(user: User) -> bool:
    metadata: Mapping[str, Any] = user.metadata or {}
    return all(metadata.get(name) == value for name, value in MADE_BY.items())


def _may_come(user: User | None) -> bool:
    return user is not None and user.status is AccountStatus.ACTIVE
