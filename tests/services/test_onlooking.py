"""Looking on as a guest: who is here, in truth and up to date, whatever others do meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source
from chatsrv.domain.sessions import Departure, Device, NewSession
from chatsrv.domain.users import User
from chatsrv.services import Services, open_services
from chatsrv.services.onlooking import CHECK_S, Onlooker
from chatsrv.storage import changelog
from tests.api.serving import wire_to
from tests.conftest import DemoApp, MakeSettings
from tests.services.test_present_rooms import lose_data

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)
AT_ONCE_MS = 1


class Moment:
    """A clock that stands until it is moved."""

    s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
async def people(services: Services, demo: DemoApp) -> list[User]:
    await services.upkeep.beat()
    # a keyspace that is new ends nothing before every node has had the time to put its sockets back
    services.clock.advance(services.settings.node_dead_s + 1)
    await services.upkeep.beat()
    return [(await services.users.create("demo", {"username": name}, SERVER)).user for name in ("anna", "bert", "carl")]


@pytest.fixture
async def guest(make_settings: MakeSettings, people: list[User], clock: Clock) -> AsyncIterator[Services]:
    async with open_services(make_settings(), clock, as_guest=True, with_presence=False) as opened:
        yield opened


@pytest.fixture
async def onlooker(guest: Services, moment: Moment) -> Onlooker:
    made = guest.onlookers.of("demo", moment)
    await made.begin()
    return made


async def come(services: Services, user: User, app_id: str = "demo") -> str:
    session = NewSession(uuid4().hex, uuid4().hex, False, Device.WEB, False, "websocket", "127.0.0.1")
    await services.presence.open(await services.apps.get(app_id), user, session)
    return session.id


async def claim(services: Services, user: User, status: PresenceStatus, text: str | None = None) -> None:
    await services.claims.put(user, Claim(uuid4().hex, Source.MANUAL, status, text), None, "127.0.0.1", SERVER)


def here(onlooker: Onlooker) -> dict[str, int]:
    return {person.user.username: int(person.presence.status) for person in onlooker.crowd.people}


async def changes(onlooker: Onlooker) -> dict[str, int]:
    changed = await onlooker.follow(AT_ONCE_MS)
    return {person.user.username: int(person.presence.status) for person in changed}


async def test_whoever_was_here_before_is_seen_at_once_and_counted(
    services: Services, guest: Services, people: list[User]
) -> None:
    anna, bert, _ = people
    await come(services, anna)
    await come(services, bert)
    await claim(services, bert, PresenceStatus.DND, "in a call")
    onlooker = guest.onlookers.of("demo")
    await onlooker.begin()
    assert here(onlooker) == {"anna": 1, "bert": 4}
    assert {status.name: count for status, count in onlooker.crowd.count().items() if count} == {"ONLINE": 1, "DND": 1}
    assert (onlooker.crowd.total, onlooker.crowd.nodes) == (3, 1)


async def test_who_comes_changes_and_goes_is_told_once_each(
    services: Services, onlooker: Onlooker, people: list[User]
) -> None:
    anna = people[0]
    session = await come(services, anna)
    assert await changes(onlooker) == {"anna": 1}
    await claim(services, anna, PresenceStatus.AWAY, "lunch")
    [person] = await onlooker.follow(AT_ONCE_MS)
    assert (person.presence.display.text, person.presence.devices) == ("lunch", ("web",))
    assert await changes(onlooker) == {}
    await services.presence.close(session, Departure.LOGOUT)
    assert await changes(onlooker) == {"anna": 0}
    assert here(onlooker) == {}


async def test_who_hides_is_seen_to_come_and_go(services: Services, onlooker: Onlooker, people: list[User]) -> None:
    """No version counts that, and nobody else is told."""
    anna = people[0]
    await claim(services, anna, PresenceStatus.INVISIBLE)
    session = await come(services, anna)
    assert await changes(onlooker) == {"anna": 2}
    await services.presence.close(session, Departure.LOGOUT)
    assert await changes(onlooker) == {"anna": 0}


async def test_neighbours_are_not_seen(services: Services, onlooker: Onlooker) -> None:
    """Some of them are in the same shard of the log."""
    for number in range(20):
        await services.apps.create(f"app{number}", None)
        user = (await services.users.create(f"app{number}", {"username": "anna"}, SERVER)).user
        await come(services, user, f"app{number}")
    assert await changes(onlooker) == {}
    assert here(onlooker) == {}


async def test_a_new_name_is_seen_and_whoever_is_deleted_is_gone(
    services: Services, onlooker: Onlooker, people: list[User], moment: Moment
) -> None:
    anna, bert, _ = people
    for user in (anna, bert):
        await come(services, user)
    await changes(onlooker)
    await services.users.update("demo", "anna", {"name": "Anna A"}, SERVER)
    await services.announcements.flush()
    [person] = await onlooker.follow(AT_ONCE_MS)
    assert person.user.display_name == "Anna A"
    await services.accounts.delete("demo", "bert")
    await services.announcements.flush()
    assert await changes(onlooker) == {"bert": 0}
    assert here(onlooker) == {"anna": 1}
    moment.s = CHECK_S
    await onlooker.follow(AT_ONCE_MS)
    assert onlooker.crowd.total == 2


async def test_what_was_missed_in_the_log_is_read_anew(
    services: Services, onlooker: Onlooker, people: list[User], valkey_url: str
) -> None:
    anna, bert, carl = people
    await come(services, anna)
    await changes(onlooker)
    await come(services, bert)
    # as a log does that was trimmed before it was read
    await onlooker._log.read(AT_ONCE_MS)
    await come(services, carl)
    assert await changes(onlooker) == {"bert": 1, "carl": 1}


async def test_more_than_one_read_brings_is_taken_in_one_go(
    services: Services, onlooker: Onlooker, people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelog, "READ_COUNT", 1)
    for user in people:
        await come(services, user)
    assert await changes(onlooker) == {"anna": 1, "bert": 1, "carl": 1}


async def test_after_redis_lost_its_data_those_are_seen_who_are_put_back(
    services: Services, onlooker: Onlooker, people: list[User], moment: Moment, valkey_url: str
) -> None:
    anna, bert, _ = people
    await come(services, anna)
    session = await come(services, bert)
    await changes(onlooker)
    services.presence._local.get(session).is_open = False  # type: ignore[union-attr]
    await lose_data(services, valkey_url)
    await services.upkeep.beat()
    moment.s = CHECK_S
    assert await changes(onlooker) == {"bert": 0}
    assert here(onlooker) == {"anna": 1}
    await come(services, people[2])
    assert await changes(onlooker) == {"carl": 1}


async def test_where_no_node_lives_that_is_known(
    services: Services, onlooker: Onlooker, people: list[User], moment: Moment, clock: Clock
) -> None:
    await come(services, people[0])
    clock.advance(services.settings.node_dead_s + 1)
    moment.s = CHECK_S
    await changes(onlooker)
    assert (onlooker.crowd.nodes, here(onlooker)) == (0, {"anna": 1})


async def test_while_redis_is_away_it_says_so(
    services: Services, make_settings: MakeSettings, people: list[User], valkey_url: str, clock: Clock
) -> None:
    async with wire_to(valkey_url) as wire:
        settings = make_settings(redis_url=f"redis://127.0.0.1:{wire.port}", redis_timeout_s=0.5)
        async with open_services(settings, clock, as_guest=True, with_presence=False) as guest:
            onlooker = guest.onlookers.of("demo")
            await onlooker.begin()
            await wire.cut()
            with pytest.raises(Unavailable):
                await onlooker.follow(AT_ONCE_MS)
            await wire.open()
            await come(services, people[0])
            await onlooker.begin()
            assert here(onlooker) == {"anna": 1}
