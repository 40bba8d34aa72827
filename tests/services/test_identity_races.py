"""Two at once, on two nodes, over one person: nobody gets in who should be out, and nothing is half done."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Conflict, Invalid, Unauthenticated, Unavailable, WrongState
from chatsrv.domain.identities import SignedIn
from chatsrv.domain.presence import SERVER, Person
from chatsrv.domain.users import AccountState, User
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings
from tests.services.people import ANNA, PASSWORD, can_sign_in, invite, is_live, make_app, make_newcomer, make_user
from tests.services.test_races import kinds, race

ROUNDS = 6


@pytest.fixture
async def other(services: Services, make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    """Another node on the same stores."""
    async with open_services(make_settings(), clock) as opened:
        yield opened


async def count(services: Services, table: str) -> int:
    async with services.db.read() as tx:
        return int((await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def test_of_two_who_accept_one_invitation_one_gets_in(services: Services, other: Services, demo: DemoApp) -> None:
    for number in range(ROUNDS):
        email = f"{number}@example.org"
        token = await invite(services, "demo", await make_newcomer(services, "demo", email))
        outcomes = await race(
            services.invitations.accept(token, "the first one"), other.invitations.accept(token, "the second one")
        )
        assert kinds(outcomes) == {SignedIn: 1, Invalid: 1}
        passwords = ["the first one", "the second one"]
        winner = passwords[isinstance(outcomes[1], SignedIn)]
        assert [one for one in passwords if await can_sign_in(services, email, one)] == [winner]


async def test_an_invitation_that_is_revoked_while_it_is_accepted_is_one_of_the_two(
    services: Services, other: Services, demo: DemoApp
) -> None:
    for number in range(ROUNDS):
        email = f"{number}@example.org"
        user = await make_newcomer(services, "demo", email)
        token = await invite(services, "demo", user)
        accepted, revoked = await race(
            services.invitations.accept(token, PASSWORD), other.invitations.revoke("demo", user.id, SERVER)
        )
        assert (type(accepted), type(revoked)) in ((SignedIn, WrongState), (Invalid, Person))
        assert await can_sign_in(services, email, PASSWORD) is isinstance(accepted, SignedIn)


async def test_nobody_who_is_deactivated_comes_in_by_an_invitation(
    services: Services, other: Services, demo: DemoApp
) -> None:
    for number in range(ROUNDS):
        email = f"{number}@example.org"
        user = await make_newcomer(services, "demo", email)
        token = await invite(services, "demo", user)
        accepted, _ = await race(
            services.invitations.accept(token, PASSWORD), other.accounts.deactivate("demo", user.id, SERVER)
        )
        assert (await services.users.find("demo", user.id)).state is AccountState.DEACTIVATED
        assert isinstance(accepted, Invalid) or not await is_live(services, accepted)
        assert not await can_sign_in(services, email, PASSWORD)


async def test_of_two_apps_that_make_one_person_one_does(services: Services, other: Services, demo: DemoApp) -> None:
    await make_app(services, "shop")
    for number in range(ROUNDS):
        values = {"username": f"anna{number}", "email": f"{number}@example.org"}
        outcomes = await race(
            services.users.create("demo", values, SERVER, "from the demo"),
            other.users.create("shop", values, SERVER, "from the shop"),
        )
        assert kinds(outcomes) == {Person: 1, Conflict: 1}
        in_demo = isinstance(outcomes[0], Person)
        assert await can_sign_in(services, values["email"], "from the demo") is in_demo
        assert await can_sign_in(services, values["email"], "from the shop") is not in_demo
    assert await count(services, "identities") == await count(services, "users") == ROUNDS


async def test_an_invitation_and_a_password_that_come_at_once_make_one_person(
    services: Services, other: Services, demo: DemoApp
) -> None:
    """Whichever is first: the other one may not add a second way in."""
    await make_app(services, "shop")
    for number in range(ROUNDS):
        email = f"{number}@example.org"
        token = await invite(services, "demo", await make_newcomer(services, "demo", email))
        accepted, made = await race(
            services.invitations.accept(token, "the invited"), make_user(other, "shop", email, "by the shop")
        )
        assert await can_sign_in(services, email, "the invited") is isinstance(accepted, SignedIn)
        if isinstance(accepted, SignedIn):
            assert isinstance(made, Conflict)
            assert [one.app_id for one in accepted.identity.accounts] == ["demo"]
        else:
            assert isinstance(accepted, Unauthenticated)
            assert await can_sign_in(services, email, "by the shop")


async def test_no_sign_in_outlives_the_one_who_is_deleted(services: Services, other: Services, demo: DemoApp) -> None:
    for number in range(ROUNDS):
        email = f"{number}@example.org"
        user = await make_user(services, "demo", email, PASSWORD)
        signed_in, deleted = await race(
            services.bearers.sign_in(email, PASSWORD), other.accounts.delete("demo", user.id)
        )
        assert deleted is None
        assert isinstance(signed_in, Unauthenticated) or not await is_live(services, signed_in)
    assert await count(services, "identities") == await count(services, "bearers") == 0


async def test_no_sign_in_outlives_a_deactivation(services: Services, other: Services, demo: DemoApp) -> None:
    """Not even where they worked in another account before, and are let back in later."""
    await make_app(services, "shop")
    await make_user(services, "shop", ANNA, PASSWORD)
    guest = await make_newcomer(services, "demo")
    await services.invitations.accept(await invite(services, "demo", guest), PASSWORD)
    for _ in range(ROUNDS):
        signed_in = await services.bearers.sign_in(ANNA, PASSWORD)
        caller = await services.callers.identify_bearer(signed_in.token)
        await services.bearers.switch_account(caller, "shop")
        await race(services.bearers.switch_account(caller, "demo"), other.accounts.deactivate("demo", guest.id, SERVER))
        await services.accounts.reactivate("demo", guest.id, SERVER)
        still = await is_live(services, signed_in)
        assert not still or (await services.callers.identify_bearer(signed_in.token)).app.id == "shop"


async def test_no_sign_in_outlives_the_password_it_was_made_with(
    services: Services, other: Services, demo: DemoApp
) -> None:
    await make_user(services, "demo", ANNA, "password 0")
    for number in range(ROUNDS):
        signed_in, _ = await race(
            services.bearers.sign_in(ANNA, f"password {number}"),
            other.users.update("demo", "anna", {}, SERVER, f"password {number + 1}"),
        )
        assert isinstance(signed_in, Unauthenticated) or not await is_live(services, signed_in)


async def test_of_two_accounts_of_one_person_that_are_deleted_at_once_nothing_is_left(
    services: Services, other: Services, demo: DemoApp
) -> None:
    await make_app(services, "shop")
    for number in range(ROUNDS):
        email = f"{number}@example.org"
        first = await make_user(services, "demo", email, PASSWORD)
        second = await make_newcomer(services, "shop", email)
        await services.invitations.accept(await invite(services, "shop", second), PASSWORD)
        await race(services.accounts.delete("demo", first.id), other.accounts.delete("shop", second.id))
    assert await count(services, "identities") == 0


async def test_a_person_who_is_joined_by_another_account_is_not_tidied_away(
    services: Services, other: Services, demo: DemoApp
) -> None:
    await make_app(services, "shop")
    for number in range(ROUNDS):
        email = f"{number}@example.org"
        first = await make_user(services, "demo", email, PASSWORD)
        second = await make_newcomer(services, "shop", email)
        token = await invite(services, "shop", second)
        accepted, *_ = await race(
            services.invitations.accept(token, PASSWORD), other.accounts.delete("demo", first.id), other.tidying.tidy()
        )
        assert await can_sign_in(services, email, PASSWORD) is isinstance(accepted, SignedIn)


async def test_a_person_whose_app_is_gone_and_who_comes_back_elsewhere_is_not_tidied_away(
    services: Services, other: Services, demo: DemoApp
) -> None:
    for number in range(ROUNDS):
        email = f"{number}@example.org"
        await make_app(services, "gone")
        await make_user(services, "gone", email, PASSWORD)
        await services.apps.delete("gone")
        back, *_ = await race(
            make_user(services, "demo", email, "another one"), other.tidying.tidy(), services.tidying.tidy()
        )
        assert isinstance(back, User)
        assert await can_sign_in(services, email, "another one")


async def test_of_two_apps_that_give_one_email_at_once_one_persons_password_is_good(
    services: Services, other: Services, demo: DemoApp
) -> None:
    await make_app(services, "shop")
    users = [await make_user(services, app, f"{app}@example.org", f"{app} {PASSWORD}") for app in ("demo", "shop")]
    for number in range(ROUNDS):
        email = f"{number}@example.org"
        outcomes = await race(
            *(
                node.users.update(user.app_id, user.id, {"email": email}, SERVER)
                for node, user in zip((services, other), users, strict=True)
            )
        )
        assert all(isinstance(outcome, Person | Conflict | Unavailable) for outcome in outcomes)
        good = [await can_sign_in(services, email, f"{user.app_id} {PASSWORD}") for user in users]
        assert good.count(True) == 1
        for user in users:
            await services.users.update(user.app_id, user.id, {"email": f"{user.app_id}@example.org"}, SERVER)
            await services.users.update(user.app_id, user.id, {}, SERVER, f"{user.app_id} {PASSWORD}")
