"""The life of an account: how one is found, discarded and gone for everybody, and restored as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Conflict, OwnsServers, Unauthenticated, UserNotFound, WrongState
from chatsrv.domain.listing import Filter, Operator, Sort, UserQuery
from chatsrv.domain.presence import SERVER, PresenceStatus
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.domain.users import AccountState, ExternalId, Onboarding, User, UserRef
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings

EVERYBODY = UserQuery(50)
WITH_DISCARDED = UserQuery(50, with_discarded=True)


@pytest.fixture(autouse=True)
async def anna(services: Services, demo: DemoApp) -> User:
    values = {"username": "Anna", "email": "Anna@x.org", "external_id": "crm-7", "first_name": "A", "last_name": "B"}
    return (await services.users.create("demo", values, SERVER)).user


@pytest.fixture
async def other(services: Services, make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    """Another node on the same stores."""
    async with open_services(make_settings(), clock) as opened:
        yield opened


async def names(services: Services, query: UserQuery = EVERYBODY) -> list[str]:
    page = await services.users.page("demo", query, SERVER)
    assert page.total == len(page.people)
    return [person.user.username for person in page.people]


async def connect(services: Services, user: User) -> None:
    session = NewSession(uuid4().hex, "", False, Device.WEB, False, "websocket", "127.0.0.1")
    await services.presence.open(await services.apps.get("demo"), user, session)


async def test_one_person_is_found_by_whatever_names_them(services: Services, anna: User) -> None:
    refs: list[UserRef] = ["anna", anna.id, UUID(anna.uuid), ExternalId("crm-7")]
    for ref in refs:
        assert (await services.users.find("demo", ref)).id == anna.id
        assert (await services.users.update("demo", ref, {"name": str(ref)}, SERVER)).user.name == str(ref)
    await services.apps.create("other", None)
    for ref in refs:
        with pytest.raises(UserNotFound):
            await services.users.find("other", ref)


async def test_an_external_id_is_found_and_filtered_however_it_is_composed(services: Services) -> None:
    await services.users.create("demo", {"username": "bert", "external_id": "A\u0308B\u00df"}, SERVER)
    for ref in ("A\u0308B\u00df", "\u00c4B\u00df"):
        assert (await services.users.find("demo", ExternalId(ref))).username == "bert"
    for part in ("\u00c4b", "a\u0308", "\u00df", "bSS"):
        query = UserQuery(5, filters=(Filter("external_id", Operator.CONTAINS_ANY, (part,)),))
        assert await names(services, query) == ["bert"]


async def test_what_names_nobody_is_an_error_of_its_own_however_odd(services: Services) -> None:
    odd: list[UserRef] = [0, -1, 2**63, 2**200, uuid4(), ExternalId("ANNA"), ExternalId("\0"), ExternalId("\ud800")]
    for ref in (*odd, "\0", "\ud800", " 1", "crm-7"):
        for act in (services.users.find, services.accounts.delete):
            with pytest.raises(UserNotFound):
                await act("demo", ref)


async def test_who_is_discarded_is_gone_for_everybody_but_those_who_look_for_them(
    services: Services, anna: User, clock: Clock
) -> None:
    await services.users.create("demo", {"username": "bert"}, SERVER)
    await connect(services, anna)
    token, _ = await services.callers.mint_token(await services.apps.get("demo"), "anna", 60)
    room = (await services.channels.create("demo", {"subject": "r"}, "anna", SERVER)).channel
    await services.channels.add_members("demo", room.id, ["bert"], None)
    gone = (await services.accounts.discard("demo", "anna", SERVER)).user
    assert (gone.state, gone.id) == (AccountState.DELETED, anna.id)
    assert anna.created_at < gone.discarded_at <= clock.now()
    for ref in ("Anna", anna.id, UUID(anna.uuid), ExternalId("crm-7")):
        with pytest.raises(UserNotFound):
            await services.users.find("demo", ref)
    with pytest.raises(Unauthenticated):
        await services.callers.identify(token)
    assert await names(services) == ["bert"]
    assert await names(services, WITH_DISCARDED) == ["Anna", "bert"]
    assert await services.users.count("demo") == 1
    assert b"nna" not in b"".join([piece async for piece in services.transfer.export_lines("demo")])
    members, total = await services.channels.members("demo", room.id, 10, 0, SERVER)
    assert ([member.user.username for member in members], total) == (["bert"], 1)
    owned = await services.channels.get("demo", room.id, SERVER)
    assert (owned.owner, owned.channel.members_count) == (None, 1)
    assert await services.channels.present("demo", room.id, SERVER) == []
    with pytest.raises(Unauthenticated):
        await connect(services, anna)


async def test_the_names_of_who_was_discarded_are_free_for_others(services: Services, anna: User) -> None:
    await services.accounts.discard("demo", "anna", SERVER)
    values = {"username": "ANNA", "email": "anna@X.ORG", "external_id": "crm-7"}
    new = (await services.users.create("demo", values, SERVER)).user
    assert new.id != anna.id
    for field in ("username", "email", "external_id"):
        with pytest.raises(Conflict) as refusal:
            await services.accounts.restore("demo", anna.id, SERVER)
        assert refusal.value.field in values
        await services.users.update("demo", new.id, {field: None if field != "username" else "else"}, SERVER)
    restored = (await services.accounts.restore("demo", anna.id, SERVER)).user
    assert (restored.username, restored.email, restored.external_id) == ("Anna", "Anna@x.org", "crm-7")
    await services.accounts.discard("demo", "anna", SERVER)
    await services.accounts.discard("demo", "else", SERVER)
    assert await names(services) == []


async def test_who_is_restored_is_as_they_were(services: Services, anna: User, clock: Clock) -> None:
    await connect(services, anna)
    before = (await services.users.get("demo", "anna", SERVER)).presence.clocks.last_login_at
    clock.advance(60)
    await services.accounts.discard("demo", "anna", SERVER)
    clock.advance(60)
    back = await services.accounts.restore("demo", UUID(anna.uuid), SERVER)
    assert (back.user.state, back.user.discarded_at) == (AccountState.ACTIVE, 0)
    assert back.presence.status is PresenceStatus.OFFLINE
    assert back.presence.clocks.last_login_at == before
    await services.clocks.flush_app("demo")
    again = await services.users.find("demo", "anna")
    assert again.clocks.last_login_at == before
    await connect(services, again)
    assert (await services.users.get("demo", "anna", SERVER)).presence.status is PresenceStatus.ONLINE


async def test_discarding_deleting_and_restoring_have_no_second_time(services: Services, anna: User) -> None:
    await services.accounts.discard("demo", "anna", SERVER)
    for act in (services.accounts.delete, services.users.find):
        with pytest.raises(UserNotFound):
            await act("demo", anna.id)
    with pytest.raises(UserNotFound):
        await services.accounts.discard("demo", anna.id, SERVER)
    assert (await services.accounts.restore("demo", anna.id, SERVER)).user.state is AccountState.ACTIVE
    with pytest.raises(WrongState):
        await services.accounts.restore("demo", anna.id, SERVER)
    await services.accounts.delete("demo", anna.id)
    with pytest.raises(UserNotFound):
        await services.accounts.restore("demo", anna.id, SERVER)


async def test_who_is_discarded_can_still_be_filtered_and_sorted_by_what_they_were(
    services: Services, anna: User
) -> None:
    await services.users.create("demo", {"username": "bert", "email": "b@x.org", "name": "Aaron"}, SERVER)
    await services.accounts.discard("demo", "anna", SERVER)

    async def found(*filters: Filter, sort: str = "id") -> list[str]:
        query = UserQuery(50, with_discarded=True, filters=filters, sort=(Sort(sort),))
        return await names(services, query)

    assert await found(Filter("external_id", Operator.EQ, ("CRM-7",))) == []
    assert await found(Filter("email", Operator.EQ, ("anna@x.org",))) == ["Anna"]
    assert await found(Filter("display_name", Operator.CONTAINS, ("a b",))) == ["Anna"]
    assert await found(Filter("state", Operator.EQ, ("deleted",))) == ["Anna"]
    assert await found(Filter("state", Operator.NOT_IN, ("deleted",))) == ["bert"]
    assert await found(Filter("discarded_at", Operator.BLANK, ())) == ["bert"]
    assert await found(sort="display_name") == ["Anna", "bert"]
    assert await found(sort="email") == ["Anna", "bert"]


async def test_who_owns_servers_stays(services: Services, other: Services, anna: User) -> None:
    server = await services.servers.create("demo", "alpha", anna.id)
    with pytest.raises(OwnsServers):
        await services.accounts.delete("demo", "anna")
    with pytest.raises(OwnsServers):
        await other.accounts.discard("demo", "anna", SERVER)
    await services.servers.delete("demo", server.id)
    await services.accounts.delete("demo", "anna")


async def test_an_app_can_be_deleted_with_everything_in_it(services: Services, anna: User) -> None:
    await services.servers.create("demo", "alpha", anna.id)
    await services.access_tokens.issue("demo", "anna")
    await services.apps.delete("demo")
    with pytest.raises(UserNotFound):
        await services.users.find("demo", "anna")


async def test_a_second_time_is_wrong_only_for_who_says_so(services: Services, anna: User) -> None:
    accounts = services.accounts
    with pytest.raises(WrongState):
        await accounts.reactivate("demo", "anna", SERVER, strict=True)
    assert (await accounts.deactivate("demo", "anna", SERVER, strict=True)).user.state is AccountState.DEACTIVATED
    with pytest.raises(WrongState):
        await accounts.deactivate("demo", "anna", SERVER, strict=True)
    assert (await accounts.deactivate("demo", "anna", SERVER)).user.state is AccountState.DEACTIVATED
    assert (await accounts.reactivate("demo", "anna", SERVER, strict=True)).user.state is AccountState.ACTIVE
    assert (await accounts.reactivate("demo", "anna", SERVER)).user.state is AccountState.ACTIVE


@pytest.mark.parametrize("step", [Onboarding.CREATED, Onboarding.INVITED])
async def test_who_has_not_joined_yet_joins_by_being_reactivated_but_not_twice(
    services: Services, step: Onboarding
) -> None:
    line = f'{{"username": "new", "onboarding": "{step.name.lower()}"}}'.encode()

    async def lines() -> AsyncIterator[bytes]:
        yield line

    await services.transfer.import_lines("demo", lines())
    assert (await services.accounts.reactivate("demo", "new", SERVER)).user.onboarding is step
    await services.accounts.deactivate("demo", "new", SERVER)
    assert (await services.accounts.reactivate("demo", "new", SERVER)).user.state is AccountState.ACTIVE
