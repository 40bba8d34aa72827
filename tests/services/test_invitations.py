"""Invitations: who was made for somebody becomes a person who signs in, once and by the one who is meant."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Invalid, Unauthenticated, UserNotFound, WrongState
from chatsrv.domain.presence import SERVER
from chatsrv.domain.users import AccountState
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


async def state_of(services: Services, app_id: str, user_id: int) -> AccountState:
    return (await services.users.find(app_id, user_id, with_discarded=True)).state


async def test_who_accepts_is_active_and_signed_in(services: Services, demo: DemoApp) -> None:
    anna = await make_newcomer(services, "demo")
    token = await invite(services, "demo", anna)
    assert await state_of(services, "demo", anna.id) is AccountState.INVITED
    signed_in = await services.invitations.accept(token, PASSWORD)
    caller = await caller_of(services, signed_in)
    assert (caller.app.id, caller.user and caller.user.id) == ("demo", anna.id)
    assert caller.user
    assert caller.user.state is AccountState.ACTIVE
    assert await can_sign_in(services, ANNA, PASSWORD)
    _, total = await services.sign_ins.page("demo", anna.id, SERVER, 10, 0)
    assert total == 2


async def test_an_invitation_without_a_token_is_accepted_by_nobody(services: Services, demo: DemoApp) -> None:
    anna = await make_newcomer(services, "demo")
    person, token = await services.invitations.invite("demo", anna.id, SERVER, with_token=False)
    assert (person.user.state, token) == (AccountState.INVITED, None)


async def test_nobody_is_invited_in_a_wrong_state(services: Services, demo: DemoApp) -> None:
    unknown, active, nameless = (
        10**30,
        (await make_user(services, "demo", "active@example.org")).id,
        (await make_newcomer(services, "demo", None)).id,
    )
    invited = await make_newcomer(services, "demo")
    await invite(services, "demo", invited)
    gone, out = [await make_newcomer(services, "demo", f"{name}@example.org") for name in ("gone", "out")]
    await services.accounts.discard("demo", gone.id, SERVER)
    await services.accounts.deactivate("demo", out.id, SERVER)
    expected = {
        unknown: UserNotFound,
        gone.id: UserNotFound,
        active: WrongState,
        invited.id: WrongState,
        out.id: WrongState,
        nameless: Invalid,
    }
    for user_id, kind in expected.items():
        attempt = services.invitations.invite("demo", user_id, SERVER, with_token=True)
        assert await refusal_of(attempt) is kind
    for user_id in expected.keys() - {invited.id}:
        kind = UserNotFound if user_id in (unknown, gone.id) else WrongState
        assert await refusal_of(services.invitations.revoke("demo", user_id, SERVER)) is kind


async def test_a_revoked_invitation_is_dead_and_another_one_is_not(services: Services, demo: DemoApp) -> None:
    anna = await make_newcomer(services, "demo")
    first = await invite(services, "demo", anna)
    person = await services.invitations.revoke("demo", anna.id, SERVER)
    assert person.user.state is AccountState.CREATED
    assert await refusal_of(services.invitations.accept(first, PASSWORD)) is Invalid
    second = await invite(services, "demo", anna)
    assert await refusal_of(services.invitations.accept(first, PASSWORD)) is Invalid
    assert await refusal_of(services.invitations.accept(second, PASSWORD)) is None


async def test_an_invitation_is_good_once_and_for_a_week(services: Services, demo: DemoApp, clock: Clock) -> None:
    anna, bert = [await make_newcomer(services, "demo", email) for email in (ANNA, "bert@example.org")]
    tokens = [await invite(services, "demo", user) for user in (anna, bert)]
    clock.advance(7 * 24 * 3600 - 60)
    assert await refusal_of(services.invitations.accept(tokens[0], PASSWORD)) is None
    clock.advance(61)
    for token in tokens:
        assert await refusal_of(services.invitations.accept(token, PASSWORD)) is Invalid
    assert await state_of(services, "demo", bert.id) is AccountState.INVITED


@pytest.mark.parametrize("token", [None, 5, True, [], {}, "", "ci_", "\ud800", "\0", "x" * 5000, "é" * 20])
async def test_what_is_no_invitation_is_invalid(services: Services, demo: DemoApp, token: Any) -> None:
    with pytest.raises(Invalid) as caught:
        await services.invitations.accept(token, PASSWORD)
    assert [problem.field for problem in caught.value.problems] == ["token"]


@pytest.mark.parametrize("password", ["1234567", "", None, 12345678, "\ud800" * 9, "x" * 1025])
async def test_a_new_password_that_will_not_do_leaves_the_invitation_good(
    services: Services, demo: DemoApp, password: Any
) -> None:
    token = await invite(services, "demo", await make_newcomer(services, "demo"))
    with pytest.raises(Invalid) as caught:
        await services.invitations.accept(token, password)
    assert [problem.field for problem in caught.value.problems] == ["password"]
    assert await refusal_of(services.invitations.accept(token, PASSWORD)) is None


@pytest.mark.parametrize("fate", ["deactivated", "reactivated", "discarded", "restored", "deleted", "readdressed"])
async def test_an_invitation_is_void_once_the_account_took_another_way(
    services: Services, demo: DemoApp, fate: str
) -> None:
    anna = await make_newcomer(services, "demo")
    token = await invite(services, "demo", anna)
    accounts = services.accounts
    ways: dict[str, list[Any]] = {
        "deactivated": [accounts.deactivate],
        "reactivated": [accounts.deactivate, accounts.reactivate],
        "discarded": [accounts.discard],
        "restored": [accounts.discard, accounts.restore],
    }
    for step in ways.get(fate, []):
        await step("demo", anna.id, SERVER)
    if fate == "deleted":
        await accounts.delete("demo", anna.id)
    if fate == "readdressed":
        # whoever reads the mail at the old address is not meant any more
        await services.users.update("demo", anna.id, {"email": "other@example.org"}, SERVER)
    assert await refusal_of(services.invitations.accept(token, PASSWORD)) is Invalid
    for email in (ANNA, "other@example.org"):
        assert not await can_sign_in(services, email, PASSWORD)


async def test_an_email_in_another_case_is_the_same_one(services: Services, demo: DemoApp) -> None:
    anna = await make_newcomer(services, "demo")
    token = await invite(services, "demo", anna)
    await services.users.update("demo", anna.id, {"email": ANNA.upper()}, SERVER)
    assert await refusal_of(services.invitations.accept(token, PASSWORD)) is None


async def test_who_signs_in_elsewhere_joins_with_that_password_alone(services: Services, demo: DemoApp) -> None:
    await make_app(services, "shop")
    await make_user(services, "shop", ANNA, "tiny")
    before = await services.bearers.sign_in(ANNA, "tiny")
    anna = await make_newcomer(services, "demo")
    token = await invite(services, "demo", anna)
    assert await refusal_of(services.invitations.accept(token, PASSWORD)) is Unauthenticated
    assert await state_of(services, "demo", anna.id) is AccountState.INVITED
    signed_in = await services.invitations.accept(token, "tiny")
    assert [one.app_id for one in signed_in.identity.accounts] == ["shop", "demo"]
    assert signed_in.identity.last_app_id == "demo"
    assert signed_in.identity.id == before.identity.id
    # whoever held a bearer for shop does not hold one for demo now
    assert not await is_live(services, before)
    assert not await can_sign_in(services, ANNA, PASSWORD)
