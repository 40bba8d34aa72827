"""One email is one identity across apps: whoever runs one app never gets at a person of another."""

from __future__ import annotations

import pytest

from chatsrv.domain.errors import Conflict, Invalid, Unauthenticated, UserNotFound
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.services.people import (
    ANNA,
    PASSWORD,
    caller_of,
    can_sign_in,
    invite,
    is_live,
    make_app,
    make_newcomer,
    make_user,
    refusal_of,
)

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

EVE = "eve@example.org"


@pytest.fixture
async def shop(services: Services, demo: DemoApp) -> str:
    """Another app, in which Anna signs in."""
    await make_app(services, "shop")
    await make_user(services, "shop", ANNA, PASSWORD)
    return "shop"


async def is_annas_own(services: Services) -> bool:
    """She signs in as ever, and only in shop."""
    signed_in = await services.bearers.sign_in(ANNA, PASSWORD)
    return [one.app_id for one in signed_in.identity.accounts] == ["shop"]


async def test_no_other_app_sets_her_password(services: Services, shop: str) -> None:
    before = await services.bearers.sign_in(ANNA, PASSWORD)
    with pytest.raises(Conflict) as caught:
        await services.users.create("demo", {"username": "anna", "email": ANNA.upper()}, SERVER, "evil evil")
    assert caught.value.field == "password"
    assert await services.users.count("demo") == 0
    anna = await make_user(services, "demo", ANNA)
    renamed = {"first_name": "Evil"}
    assert await refusal_of(services.users.update("demo", anna.id, renamed, SERVER, "evil evil")) is Conflict
    assert await services.users.find("demo", anna.id) == anna
    eve = await make_user(services, "demo", EVE, "evil evil")
    await services.accounts.delete("demo", anna.id)
    assert await refusal_of(services.users.update("demo", eve.id, {"email": ANNA}, SERVER, "evil evil")) is Conflict
    assert (await services.users.find("demo", eve.id)).email == EVE
    assert await is_live(services, before)
    assert await is_annas_own(services)


@pytest.mark.parametrize("fate", ["deactivated", "discarded"])
async def test_nor_while_she_is_out_of_hers(services: Services, shop: str, fate: str) -> None:
    """She may come back there, and then whoever set it could sign in as her."""
    out = services.accounts.deactivate if fate == "deactivated" else services.accounts.discard
    back = services.accounts.reactivate if fate == "deactivated" else services.accounts.restore
    user = (await out("shop", "anna", SERVER)).user
    assert await refusal_of(make_user(services, "demo", ANNA, "evil evil")) is Conflict
    await back("shop", user.id, SERVER)
    assert await is_annas_own(services)


async def test_an_invitation_does_not_give_her_to_whoever_invites(services: Services, shop: str) -> None:
    anna = await make_newcomer(services, "demo")
    token = await invite(services, "demo", anna)
    assert await refusal_of(services.invitations.accept(token, "evil evil")) is Unauthenticated
    assert await is_annas_own(services)


async def test_one_of_two_apps_cannot_change_the_password_of_both(services: Services, shop: str) -> None:
    anna = await make_newcomer(services, "demo")
    signed_in = await services.invitations.accept(await invite(services, "demo", anna), PASSWORD)
    for app_id in ("demo", "shop"):
        change = services.users.update(app_id, "anna", {}, SERVER, "evil evil")
        assert await refusal_of(change) is Conflict
    assert await is_live(services, signed_in)
    await services.accounts.delete("demo", anna.id)
    assert await refusal_of(services.users.update("shop", "anna", {}, SERVER, "new one, hers")) is None
    assert not await is_live(services, signed_in)


async def test_an_app_takes_its_own_user_from_an_identity_and_nothing_else(services: Services, shop: str) -> None:
    anna = await make_newcomer(services, "demo")
    await services.invitations.accept(await invite(services, "demo", anna), PASSWORD)
    await services.users.update("demo", anna.id, {"email": EVE}, SERVER, "evil evil")
    assert await is_annas_own(services)
    evil = await services.bearers.sign_in(EVE, "evil evil")
    assert [one.app_id for one in evil.identity.accounts] == ["demo"]


async def test_who_takes_an_admins_address_does_not_become_the_admin(services: Services, demo: DemoApp) -> None:
    """Eve gives herself the email of somebody who never signed in, and waits until they get a password."""
    await make_user(services, "demo", EVE, PASSWORD)
    eve = await services.bearers.sign_in(EVE, PASSWORD)
    admin = await make_user(services, "demo", "admin@example.org")
    taken = {"email": "admin@example.org"}
    assert await refusal_of(services.identities.update(await caller_of(services, eve), taken, eve.token)) is Invalid
    await services.users.update("demo", admin.id, {}, SERVER, "given to the admin")
    assert not await can_sign_in(services, "admin@example.org", PASSWORD)
    signed_in = await services.bearers.sign_in("admin@example.org", "given to the admin")
    assert [one.user.id for one in signed_in.identity.accounts] == [admin.id]


async def test_who_takes_an_address_in_another_app_does_not_get_in(services: Services, demo: DemoApp) -> None:
    await make_app(services, "shop")
    await make_user(services, "demo", EVE, PASSWORD)
    eve = await services.bearers.sign_in(EVE, PASSWORD)
    attempt = services.identities.update(await caller_of(services, eve), {"email": ANNA}, eve.token)
    assert await refusal_of(attempt) is Invalid
    anna = await make_newcomer(services, "shop")
    await services.invitations.accept(await invite(services, "shop", anna), "hers, hers")
    assert await can_sign_in(services, ANNA, "hers, hers")
    assert not await can_sign_in(services, ANNA, PASSWORD)


async def test_a_bearer_says_nothing_of_accounts_in_which_they_are_not_active(services: Services, shop: str) -> None:
    anna = await make_newcomer(services, "demo")
    signed_in = await services.invitations.accept(await invite(services, "demo", anna), PASSWORD)
    caller = await caller_of(services, signed_in)
    await services.accounts.deactivate("shop", "anna", SERVER)
    assert [one.app_id for one in (await services.identities.get(caller)).accounts] == ["demo"]


async def test_an_operator_sets_a_password_where_there_is_one_person_to_set_it_for(
    services: Services, shop: str
) -> None:
    set_password = services.identities.set_password
    await set_password(ANNA.upper(), "by the operator")
    assert await can_sign_in(services, ANNA, "by the operator")
    await make_user(services, "demo", ANNA)
    assert await refusal_of(set_password(ANNA, "long enough")) is Invalid
    assert await refusal_of(set_password(ANNA, "long enough", "demo")) is Conflict
    assert await refusal_of(set_password(ANNA, "long enough", "nowhere")) is UserNotFound
    assert await refusal_of(set_password(EVE, "long enough")) is UserNotFound
    assert await refusal_of(set_password("a\0@x", "long enough")) is Invalid
    assert await refusal_of(set_password(ANNA, "short", "shop")) is Invalid
    assert await can_sign_in(services, ANNA, "by the operator")
    await set_password(ANNA, "long enough", "shop")
    assert await can_sign_in(services, ANNA, "long enough")
