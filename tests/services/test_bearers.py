"""Bearers: how long they live, in which account, and what their people change of themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings
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


async def test_who_signed_out_is_out_and_nobody_else_is(services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA, PASSWORD)
    first, second = [await services.bearers.sign_in(ANNA, PASSWORD) for _ in range(2)]
    for token in (first.token, first.token, "", "cb_", "\ud800", "no token"):
        await services.bearers.sign_out(token)
    assert (await is_live(services, first), await is_live(services, second)) == (False, True)


async def test_a_bearer_is_good_as_long_as_the_setting_says(services: Services, demo: DemoApp, clock: Clock) -> None:
    await make_user(services, "demo", ANNA, PASSWORD)
    signed_in = await services.bearers.sign_in(ANNA, PASSWORD)
    clock.advance(services.settings.bearer_ttl_s - 60)
    assert await is_live(services, signed_in)
    clock.advance(61)
    assert not await is_live(services, signed_in)


async def test_the_oldest_bearer_gives_way(make_settings: MakeSettings, clock: Clock) -> None:
    async with open_services(make_settings(bearers_max=2), clock) as services:
        await make_app(services, "demo")
        await make_user(services, "demo", ANNA, PASSWORD)
        sign_ins = []
        for _ in range(3):
            sign_ins.append(await services.bearers.sign_in(ANNA, PASSWORD))
            clock.advance(1)
        assert [await is_live(services, one) for one in sign_ins] == [False, True, True]


async def test_a_server_key_passes_for_a_bearer_and_a_user_token_does_not(services: Services, demo: DemoApp) -> None:
    caller = await services.callers.identify_bearer(demo.key)
    assert (caller.app.id, caller.user, caller.identity_id) == ("demo", None, None)
    anna = await make_user(services, "demo", ANNA)
    token, _ = await services.callers.mint_token(caller.app, anna.username, 60)
    for credential in (token, None, "", "cb_", "cb_\u00e9", "cb_" + "x" * 43, demo.key + "x", "\0", "\ud800"):
        assert await refusal_of(services.callers.identify_bearer(credential)) is Unauthenticated


async def test_a_bearer_is_no_key_and_no_access_token(services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA, PASSWORD)
    token = (await services.bearers.sign_in(ANNA, PASSWORD)).token
    for identify in (services.callers.identify, services.callers.identify_key, services.callers.identify_access):
        assert await refusal_of(identify(token)) is Unauthenticated


async def test_a_person_of_two_accounts_works_in_the_one_they_chose(services: Services, demo: DemoApp) -> None:
    signed_in = await person_of_two_accounts(services)
    assert [one.app_id for one in signed_in.identity.accounts] == ["demo", "shop"]
    for app_id in ("demo", "shop"):
        switched = await services.bearers.switch_account(await caller_of(services, signed_in), app_id)
        assert switched.last_app_id == app_id
        assert (await caller_of(services, signed_in)).app.id == app_id
    again = await services.bearers.sign_in(ANNA, PASSWORD)
    assert again.identity.last_app_id == "shop"
    await services.accounts.deactivate("shop", "anna", SERVER)
    assert not await is_live(services, again)
    elsewhere = await services.bearers.sign_in(ANNA, PASSWORD)
    assert elsewhere.identity.last_app_id == "demo"
    assert [one.app_id for one in elsewhere.identity.accounts] == ["demo"]
    for app_id in ("shop", "nowhere", ""):
        switching = services.bearers.switch_account(await caller_of(services, elsewhere), app_id)
        assert await refusal_of(switching) is NotFound


async def person_of_two_accounts(services: Services) -> Any:
    """Of demo, and, as an invitation made it, of shop, in which they are now."""
    await make_app(services, "shop")
    await make_user(services, "demo", ANNA, PASSWORD)
    guest = await make_newcomer(services, "shop")
    _, token = await services.invitations.invite("shop", guest.id, SERVER, with_token=True)
    return await services.invitations.accept(token, PASSWORD)


async def test_who_loses_an_account_with_its_app_works_in_another(services: Services, demo: DemoApp) -> None:
    signed_in = await person_of_two_accounts(services)
    await services.apps.delete("shop")
    assert not await is_live(services, signed_in)
    again = await services.bearers.sign_in(ANNA, PASSWORD)
    assert [one.app_id for one in again.identity.accounts] == ["demo"]


async def test_in_one_app_a_person_is_the_user_who_came_last(services: Services, demo: DemoApp) -> None:
    """Whose email it was before keeps the account, and signs in no more."""
    await make_user(services, "demo", ANNA, PASSWORD)
    await services.users.update("demo", "anna", {"email": "new@example.org"}, SERVER)
    guest = await make_newcomer(services, "demo", ANNA, "annas")
    _, token = await services.invitations.invite("demo", guest.id, SERVER, with_token=True)
    signed_in = await services.invitations.accept(token, PASSWORD)
    assert [one.user.id for one in signed_in.identity.accounts] == [guest.id]


async def test_people_change_their_own_email_and_password(services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA, PASSWORD)
    await make_app(services, "shop")
    anna = await make_newcomer(services, "shop")
    await services.invitations.accept(await invite(services, "shop", anna), PASSWORD)
    # an address that one of her accounts knows; another she cannot take
    await services.users.update("demo", "anna", {"email": "me@example.org"}, SERVER)
    other, own = [await services.bearers.sign_in(ANNA, PASSWORD) for _ in range(2)]
    caller = await caller_of(services, own)
    changed = await services.identities.update(caller, {"email": "Me@Example.org", "password": "12345678"}, own.token)
    assert changed.email == "Me@Example.org"
    assert (await is_live(services, other), await is_live(services, own)) == (False, True)
    assert not await can_sign_in(services, ANNA, "12345678")
    assert not await can_sign_in(services, "me@example.org", PASSWORD)
    assert await can_sign_in(services, "me@example.org", "12345678")
    assert (await services.users.find("shop", "anna")).email == ANNA


async def test_a_wrong_change_of_oneself_changes_nothing(services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA, PASSWORD)
    await make_user(services, "demo", "bert@example.org", PASSWORD)
    own = await services.bearers.sign_in(ANNA, PASSWORD)
    caller = await caller_of(services, own)
    refusals: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"password": "1234567"}, Invalid),
        ({"password": None}, Invalid),
        ({"email": None, "password": "long enough"}, Invalid),
        ({"email": "no address"}, Invalid),
        ({"email": "a\0@x", "password": "long enough"}, Invalid),
        ({"name": "Anna", "password": "long enough"}, Invalid),
        ({"email": "BERT@example.org", "password": "long enough"}, Invalid),
        ({"email": "ceo@bank.example", "password": "long enough"}, Invalid),
    ]
    for values, kind in refusals:
        assert await refusal_of(services.identities.update(caller, values, own.token)) is kind
    assert await services.identities.get(caller) == own.identity
    assert await can_sign_in(services, ANNA, PASSWORD)


async def test_a_server_key_is_nobody_who_signed_in(services: Services, demo: DemoApp) -> None:
    caller = await services.callers.identify_bearer(demo.key)
    for attempt in (
        services.identities.get(caller),
        services.identities.update(caller, {"password": "long enough"}, demo.key),
        services.bearers.switch_account(caller, "demo"),
    ):
        assert await refusal_of(attempt) is Forbidden


async def test_revoking_tokens_and_an_import_that_deactivates_end_bearers_for_good(services: Services) -> None:
    await make_app(services, "one")
    user = await make_user(services, "one", ANNA, PASSWORD)
    first = await services.bearers.sign_in(ANNA, PASSWORD)
    await services.accounts.revoke_tokens("one", user.id)
    assert not await is_live(services, first)
    second = await services.bearers.sign_in(ANNA, PASSWORD)

    async def lines() -> AsyncIterator[bytes]:
        yield f'{{"username": "{user.username}", "status": 1}}'.encode()

    await services.transfer.import_lines("one", lines())
    await services.accounts.reactivate("one", user.id, SERVER)
    assert not await is_live(services, second)
    assert await is_live(services, await services.bearers.sign_in(ANNA, PASSWORD))


async def test_whose_email_is_changed_signs_in_with_the_new_one_alone(services: Services, demo: DemoApp) -> None:
    user = await make_user(services, "demo", ANNA, PASSWORD)
    before = await services.bearers.sign_in(ANNA, PASSWORD)
    await services.users.update("demo", user.id, {"email": "new@example.org"}, SERVER)
    assert not await can_sign_in(services, ANNA, PASSWORD)
    assert await can_sign_in(services, "new@example.org", PASSWORD)
    assert await is_live(services, before)
    # the address is free: whoever gets it gets nothing of hers
    await make_user(services, "demo", ANNA, "another one", username="other")
    assert await can_sign_in(services, "new@example.org", PASSWORD)
    assert not await can_sign_in(services, ANNA, PASSWORD)


async def test_the_same_where_many_are_changed_at_once(services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA, PASSWORD)
    await make_user(services, "demo", "bert@example.org", PASSWORD)
    # they take each other's address, one after the other
    items = [{"username": "anna", "email": "x@example.org"}, {"username": "bert", "email": ANNA}]
    await services.upserts.apply("demo", [*items, {"username": "anna", "email": "bert@example.org"}])
    signed_in = await services.bearers.sign_in(ANNA, PASSWORD)
    assert [one.user.username for one in signed_in.identity.accounts] == ["bert"]
    signed_in = await services.bearers.sign_in("bert@example.org", PASSWORD)
    assert [one.user.username for one in signed_in.identity.accounts] == ["anna"]


@pytest.mark.parametrize("email", [None, "bert@example.org"])
async def test_without_an_email_of_their_own_nobody_signs_in(
    services: Services, demo: DemoApp, email: str | None
) -> None:
    """Bert signs in elsewhere: his identity is not Anna's because her app says so."""
    user = await make_user(services, "demo", ANNA, PASSWORD)
    await make_app(services, "shop")
    await make_user(services, "shop", "bert@example.org", "berts own")
    before = await services.bearers.sign_in(ANNA, PASSWORD)
    await services.users.update("demo", user.id, {"email": email}, SERVER)
    assert not await is_live(services, before)
    assert not await can_sign_in(services, ANNA, PASSWORD)
    assert not await can_sign_in(services, "bert@example.org", PASSWORD)
    assert await can_sign_in(services, "bert@example.org", "berts own")


async def test_with_an_app_go_the_identities_of_its_people_alone(services: Services, demo: DemoApp) -> None:
    await make_app(services, "shop")
    await make_user(services, "shop", ANNA, PASSWORD)
    await make_user(services, "shop", "bert@example.org", PASSWORD)
    anna = await make_newcomer(services, "demo")
    await services.invitations.accept(await invite(services, "demo", anna), PASSWORD)
    await services.apps.delete("shop")
    assert await can_sign_in(services, ANNA, PASSWORD)
    bert = await make_newcomer(services, "demo", "bert@example.org")
    await services.invitations.accept(await invite(services, "demo", bert), "his new one")
    assert await can_sign_in(services, "bert@example.org", "his new one")
