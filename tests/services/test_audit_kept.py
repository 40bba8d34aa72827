"""The audit trail as it is kept: found by whoever looks, in plain letters, and for as long as it should be."""

from __future__ import annotations

import pytest

from chatsrv.domain.audit import Action, Actor, ActorKind, AuditQuery
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import NotFound
from chatsrv.domain.presence import SERVER
from chatsrv.domain.users import AccountStatus
from chatsrv.services import Services, audit, open_services
from tests.conftest import DemoApp, MakeSettings
from tests.services.people import ANNA, make_app, make_user
from tests.services.trail import told, trail

on_sqlite = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

DAY_S = 24 * 60 * 60


async def test_the_entries_of_an_app_outlive_it(services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", ANNA)
    await services.accounts.deactivate("demo", anna.id, SERVER)
    before = await trail(services)
    await services.apps.delete("demo")
    *kept, last = await trail(services)
    assert kept == before
    assert (last.action, last.subject, last.detail) == ("app_deleted", "demo", {"users": 1})
    assert await services.audit.find("demo", AuditQuery(9, actions=(Action.KEY_REVOKED,))) == []
    with pytest.raises(NotFound):
        await trail(services, app_id="nowhere")
    for odd in ("\0", "\ud800"):
        assert await services.audit.find(odd, AuditQuery(9)) == []
        assert await services.audit.find("demo", AuditQuery(9, subject=odd)) == []


async def test_the_latest_are_found_by_their_day_action_and_subject(services: Services, clock: Clock) -> None:
    await make_app(services, "demo")
    anna, ben = [await make_user(services, "demo", f"{name}@example.org") for name in ("anna", "ben")]
    await services.accounts.deactivate("demo", anna.id, SERVER)
    clock.advance(DAY_S)
    since = clock.now()
    await services.accounts.reactivate("demo", anna.id, SERVER)
    await services.accounts.deactivate("demo", ben.id, SERVER)

    async def found(query: AuditQuery) -> list[tuple[str, str]]:
        return [(one.subject, one.action.removeprefix("user_")) for one in await services.audit.find("demo", query)]

    assert await found(AuditQuery(2)) == [("anna", "reactivated"), ("ben", "deactivated")]
    assert await found(AuditQuery(9, since=since)) == await found(AuditQuery(2))
    assert await found(AuditQuery(9, subject="ANNA")) == [("anna", "deactivated"), ("anna", "reactivated")]
    deactivated = AuditQuery(9, actions=(Action.USER_DEACTIVATED,))
    assert await found(deactivated) == [("anna", "deactivated"), ("ben", "deactivated")]
    assert await found(AuditQuery(9, since, (Action.USER_DEACTIVATED,), "anna")) == []


async def test_entries_are_removed_when_they_have_been_kept_for_so_long_and_not_before(
    services: Services, demo: DemoApp, clock: Clock
) -> None:
    days = services.settings.audit_kept_days
    made = await trail(services)
    clock.advance(60)
    await services.apps.change_setting("demo", "grace_s", "5")
    clock.advance(days * DAY_S - 90)
    await services.tidying.tidy()
    assert len(await trail(services)) == len(made) + 1
    clock.advance(60)
    await services.tidying.tidy()
    assert await told(services) == [("app_changed", "demo")]
    assert len(await trail(services)) == 1


@on_sqlite
async def test_or_never(make_settings: MakeSettings, clock: Clock) -> None:
    async with open_services(make_settings(audit_kept_days=0), clock) as services:
        await make_app(services, "demo")
        clock.advance(50 * 365 * DAY_S)
        await services.tidying.tidy()
        assert len(await trail(services)) == 2


@on_sqlite
async def test_what_nobody_may_have_sent_is_kept_in_plain_letters(services: Services, demo: DemoApp) -> None:
    odd = Actor(ActorKind.KEY, "1", "\x1b[2Jevil\u202e", "\ud800\0" + "9" * 9000)
    with audit.acting(odd):
        await services.apps.change_setting("demo", "grace_s", "5")
    (entry,) = await trail(services, Action.APP_CHANGED)
    assert entry.actor_name == "?[2Jevil?"
    assert entry.address.startswith("??999")
    assert len(entry.address) == 200


async def test_acts_are_told_apart_from_users_of_other_apps_with_the_same_name(services: Services) -> None:
    for app_id in ("demo", "shop"):
        await make_app(services, app_id)
        await make_user(services, app_id, f"anna@{app_id}.org", username="anna")
    await services.accounts.deactivate("shop", "anna", SERVER)
    assert await told(services) == []
    assert await told(services, "shop") == [("user_deactivated", "anna")]
    assert (await services.users.find("demo", "anna")).status is AccountStatus.ACTIVE
