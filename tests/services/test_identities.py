"""Passwords and sign-ins: who gets in, into which account, and for how long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, Forbidden, Invalid, Unauthenticated
from chatsrv.domain.presence import INVISIBLE, SERVER, Claim, Source, Viewer
from chatsrv.services import Services, open_services
from chatsrv.worker import shared_loops
from tests.api.native.people import come_online
from tests.conftest import DemoApp, MakeSettings
from tests.services.people import (
    ANNA,
    PASSWORD,
    caller_of,
    can_sign_in,
    is_live,
    make_app,
    make_newcomer,
    make_user,
    refusal_of,
)

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

NO_STRINGS: list[Any] = [None, 5, True, [], {}, 10**400]


async def test_who_gets_a_password_signs_in_with_it(services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", ANNA, PASSWORD)
    signed_in = await services.bearers.sign_in("ANNA@Example.org", PASSWORD)
    assert (signed_in.identity.email, signed_in.identity.last_app_id) == (ANNA, "demo")
    assert [(one.app_id, one.app_name, one.user.id) for one in signed_in.identity.accounts] == [
        ("demo", "demo", anna.id)
    ]
    caller = await caller_of(services, signed_in)
    assert (caller.app.id, caller.key, caller.user and caller.user.id) == ("demo", None, anna.id)
    assert caller.identity_id == signed_in.identity.id
    assert await services.identities.get(caller) == signed_in.identity


async def test_a_password_that_comes_with_a_change_is_good_too(services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", None)
    await services.users.update("demo", anna.id, {"email": ANNA}, SERVER, "first one")
    await services.users.update("demo", anna.id, {}, SERVER, "second one")
    assert not await can_sign_in(services, ANNA, "first one")
    assert await can_sign_in(services, ANNA, "second one")


@pytest.mark.parametrize(
    "composed", [("caf\u00e9", "cafe\u0301"), ("a\0b", "a\0b"), ("x", "x"), ("\U0001f40e" * 99,) * 2]
)
async def test_a_password_is_what_was_typed_and_not_how(
    services: Services, demo: DemoApp, composed: tuple[str, str]
) -> None:
    await make_user(services, "demo", ANNA, composed[0])
    assert await can_sign_in(services, ANNA, composed[1])
    assert not await can_sign_in(services, ANNA, composed[0] + " ")


async def test_wrong_words_are_refused_in_the_same_words(services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA, PASSWORD)
    await make_user(services, "demo", "bert@example.org")
    pairs: list[tuple[Any, Any]] = [(ANNA, "wrong"), ("bert@example.org", PASSWORD), ("carl@example.org", PASSWORD)]
    pairs += [(ANNA, odd) for odd in (*NO_STRINGS, "", "\ud800", "x" * 5000)]
    pairs += [(odd, PASSWORD) for odd in (*NO_STRINGS, "", "\ud800", "a\0@x", f"{ANNA}\0", "x" * 5000)]
    told = set()
    for email, password in pairs:
        with pytest.raises(Unauthenticated) as caught:
            await services.bearers.sign_in(email, password)
        told.add((caught.value.reason, str(caught.value)))
    assert told == {(Distrust.BAD_PASSWORD, "The email or the password is wrong.")}
    counted = services.metrics.registry.get_sample_value(
        "chatsrv_credentials_refused_total", {"reason": "bad_password"}
    )
    assert counted == len(pairs)


@pytest.mark.parametrize("password", ["", "\ud800", "x" * 1025, 5, True, ["long enough"], {}])
async def test_what_is_no_password_is_told_and_nobody_is_made(services: Services, demo: DemoApp, password: Any) -> None:
    with pytest.raises(Invalid) as caught:
        await services.users.create("demo", {"username": "anna", "email": ANNA}, SERVER, password)
    assert [problem.field for problem in caught.value.problems] == ["password"]
    assert await services.users.count("demo") == 0


async def test_without_an_email_nobody_can_have_a_password(services: Services, demo: DemoApp) -> None:
    with pytest.raises(Invalid) as caught:
        await make_user(services, "demo", None, PASSWORD)
    assert [problem.field for problem in caught.value.problems] == ["email"]
    anna = await make_user(services, "demo", ANNA, PASSWORD)
    assert await refusal_of(services.users.update("demo", anna.id, {"email": None}, SERVER, "another")) is Invalid
    assert (await services.users.find("demo", anna.id)).email == ANNA


async def test_only_who_is_active_signs_in(services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", ANNA, PASSWORD)
    signed_in = await services.bearers.sign_in(ANNA, PASSWORD)
    await services.accounts.deactivate("demo", anna.id, SERVER)
    assert not await is_live(services, signed_in)
    assert await refusal_of(services.bearers.sign_in(ANNA, PASSWORD)) is Forbidden
    assert await refusal_of(services.bearers.sign_in(ANNA, "wrong")) is Unauthenticated
    await services.accounts.reactivate("demo", anna.id, SERVER)
    assert not await is_live(services, signed_in)
    assert await can_sign_in(services, ANNA, PASSWORD)


async def test_whom_an_import_deactivates_is_out(services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA, PASSWORD)
    signed_in = await services.bearers.sign_in(ANNA, PASSWORD)

    async def lines() -> AsyncIterator[bytes]:
        yield b'{"username": "anna", "status": 1}'

    assert (await services.transfer.import_lines("demo", lines())).updated == 1
    assert not await is_live(services, signed_in)
    assert await refusal_of(services.bearers.sign_in(ANNA, PASSWORD)) is Forbidden


async def test_who_was_made_and_not_invited_cannot_sign_in(services: Services, demo: DemoApp) -> None:
    anna = await make_newcomer(services, "demo")
    await services.users.update("demo", anna.id, {}, SERVER, PASSWORD)
    assert await refusal_of(services.bearers.sign_in(ANNA, PASSWORD)) is Forbidden


async def test_who_was_discarded_is_out_until_they_are_restored(services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", ANNA, PASSWORD)
    signed_in = await services.bearers.sign_in(ANNA, PASSWORD)
    await services.accounts.discard("demo", anna.id, SERVER)
    assert not await is_live(services, signed_in)
    assert await refusal_of(services.bearers.sign_in(ANNA, PASSWORD)) is Forbidden
    await services.accounts.restore("demo", anna.id, SERVER)
    assert not await is_live(services, signed_in)
    assert await can_sign_in(services, ANNA, PASSWORD)


async def test_who_is_deleted_is_forgotten(services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", ANNA, PASSWORD)
    signed_in = await services.bearers.sign_in(ANNA, PASSWORD)
    await services.accounts.delete("demo", anna.id)
    assert not await is_live(services, signed_in)
    assert await refusal_of(services.bearers.sign_in(ANNA, PASSWORD)) is Unauthenticated


async def test_who_is_hidden_signs_in_unseen(services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", ANNA, PASSWORD)
    await services.bearers.sign_in(ANNA, PASSWORD)
    await come_online(services, "anna")
    claim = Claim("api", Source.MANUAL, INVISIBLE, set_at=services.clock.now())
    await services.claims.put(anna, claim, None, "", SERVER)
    await services.bearers.sign_in(ANNA, PASSWORD)
    somebody = Viewer(anna.id + 1)
    assert (await services.sign_ins.page("demo", anna.id, SERVER, 10, 0))[1] == 3
    assert (await services.sign_ins.page("demo", anna.id, somebody, 10, 0))[1] == 2


async def test_each_sign_in_stands_in_the_log(services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", ANNA, PASSWORD)
    await services.bearers.sign_in(ANNA, PASSWORD)
    await can_sign_in(services, ANNA, "wrong")
    await services.bearers.sign_in(ANNA, PASSWORD)
    found, total = await services.sign_ins.page("demo", anna.id, SERVER, 10, 0)
    assert (total, {one.user_id for one in found}) == (2, {anna.id})


async def test_a_hash_of_other_costs_is_renewed_when_its_password_is_shown(
    make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(), clock) as services:
        await make_app(services, "demo")
        await make_user(services, "demo", ANNA, PASSWORD)
    async with open_services(make_settings(password_memory_kib=64, password_time_cost=2), clock) as services:
        await can_sign_in(services, ANNA, "wrong")
        assert "$m=8,t=1,p=1$" in await stored_hash(services)
        await services.bearers.sign_in(ANNA, PASSWORD)
        assert (await stored_hash(services)).startswith("$argon2id$v=19$m=64,t=2,p=1$")
        assert await can_sign_in(services, ANNA, PASSWORD)


async def stored_hash(services: Services) -> str:
    async with services.db.read() as tx:
        return str((await tx.execute(text("SELECT password_hash FROM identities"))).scalar_one())


async def test_no_token_and_no_password_is_kept(services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA, PASSWORD)
    bearer = (await services.bearers.sign_in(ANNA, PASSWORD)).token
    guest = await make_newcomer(services, "demo", "guest@example.org")
    _, token = await services.invitations.invite("demo", guest.id, SERVER, with_token=True)
    assert token
    async with services.db.read() as tx:
        for table in ("identities", "bearers", "invitations"):
            kept = str((await tx.execute(text(f"SELECT * FROM {table}"))).all())
            assert kept != "[]"
            assert not [secret for secret in (PASSWORD, bearer, bearer[3:], token, token[3:46]) if secret in kept]


async def test_what_is_over_is_deleted_and_the_rest_is_not(services: Services, demo: DemoApp, clock: Clock) -> None:
    old, fresh = [await make_newcomer(services, "demo", f"{name}@example.org") for name in ("old", "fresh")]
    await make_app(services, "gone")
    for app_id, email in (("demo", ANNA), ("gone", "gone@example.org")):
        await make_user(services, app_id, email, PASSWORD)
        await services.bearers.sign_in(email, PASSWORD)
    await services.invitations.invite("demo", old.id, SERVER, with_token=True)
    clock.advance(max(services.settings.invitation_ttl_s, services.settings.bearer_ttl_s))
    await services.bearers.sign_in(ANNA, PASSWORD)
    await services.invitations.invite("demo", fresh.id, SERVER, with_token=True)
    await services.apps.delete("gone")
    [tidy] = [loop.run for loop in shared_loops(services) if loop.name == "tidy"]
    await tidy()
    async with services.db.read() as tx:
        left = [(await tx.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one() for name in TABLES]
    assert left == [1, 1, 1]
    assert await can_sign_in(services, ANNA, PASSWORD)


TABLES = ("identities", "bearers", "invitations")
