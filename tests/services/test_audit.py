"""The audit trail: an entry for each administrative act that was done, and none for one that was not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import exc

from chatsrv.domain.apps import Scope
from chatsrv.domain.audit import Act, Action, Actor, ActorKind, Entry
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Conflict, Inactive, NotFound, Unavailable, UserNotFound
from chatsrv.domain.presence import SERVER, PresenceStatus
from chatsrv.domain.users import User
from chatsrv.services import Services, audit, open_services
from chatsrv.services.credentials import hash_secret
from chatsrv.storage.schema import metadata
from tests.conftest import DemoApp, MakeSettings
from tests.services.people import ANNA, PASSWORD, make_app, make_user
from tests.services.trail import WAYS, claim_of, come_online, hide, import_line, told, trail

on_sqlite = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

REPORTS = Actor(ActorKind.KEY, "0123456789ab", "reports", "192.0.2.7", "a-request")


@pytest.fixture
async def anna(services: Services, demo: DemoApp) -> User:
    """She is online, and nobody has done anything to her."""
    user = await make_user(services, "demo", ANNA)
    await come_online(services, user)
    return user


def test_every_action_is_known_to_these_tests() -> None:
    assert set(WAYS) == set(Action)


@on_sqlite
async def test_each_act_leaves_one_entry_of_who_did_it_to_whom_and_when(services: Services, clock: Clock) -> None:
    for action, way in WAYS.items():
        user = await somebody_online(services, action)
        prepared = await way.first(services, user)
        before = await every_entry(services)
        clock.advance(1)
        with audit.acting(REPORTS):
            await way.do(services, user, prepared)
        (entry,) = [one for one in await every_entry(services) if one not in before and one.action == action]
        actor = (entry.actor_kind, entry.actor_id, entry.actor_name, entry.address, entry.request_id)
        assert actor == ("key", "0123456789ab", "reports", "192.0.2.7", "a-request")
        assert 0 <= clock.now() - entry.created_at < 900, action
        assert entry.subject == SUBJECTS.get(action, entry.subject if action.startswith(("key", "webhook")) else "anna")
        assert entry.subject != "anna" or entry.detail["user_id"] == user.id


@on_sqlite
async def test_no_act_is_done_that_cannot_be_written(services: Services) -> None:
    for action, way in WAYS.items():
        user = await somebody_online(services, action)
        prepared = await way.first(services, user)
        async with services.db.write() as tx:
            await tx.exec_driver_sql(
                "CREATE TRIGGER no_room BEFORE INSERT ON audit_entries "
                f"WHEN new.action = '{action}' BEGIN SELECT RAISE(ABORT, 'no room'); END"
            )
        kept = await everything(services, user)
        with pytest.raises(exc.DBAPIError, match="no room"):
            await way.do(services, user, prepared)
        assert await everything(services, user) == kept, action
        async with services.db.write() as tx:
            await tx.exec_driver_sql("DROP TRIGGER no_room")


SUBJECTS = {
    Action.APP_CREATED: "app-created-new",
    Action.APP_CHANGED: "app-changed",
    Action.APP_DELETED: "app-deleted",
    Action.USER_INVITED: "new",
    Action.INVITATION_REVOKED: "new",
}


async def somebody_online(services: Services, action: Action) -> User:
    """Anna, in an app of the test's own, to whom nobody has done anything."""
    app_id = action.replace("_", "-")
    await make_app(services, app_id)
    user = await make_user(services, app_id, f"anna@{app_id}.org")
    await come_online(services, user)
    return user


async def every_entry(services: Services) -> list[Entry]:
    """Of all apps."""
    async with services.db.read() as tx:
        app_ids = (await tx.exec_driver_sql("SELECT DISTINCT app_id FROM audit_entries")).scalars().all()
    return [entry for app_id in app_ids for entry in await trail(services, app_id=app_id)]


async def everything(services: Services, user: User) -> object:
    """What the acts change, in all apps."""
    async with services.db.read() as tx:
        stored = [(await tx.exec_driver_sql(f"SELECT * FROM {table}")).all() for table in metadata.tables]
    presence = (await services.sight.see(user, SERVER)).display
    return stored, presence, len(await services.presence.sessions(user))


async def test_an_act_that_was_rolled_back_leaves_no_entry(services: Services, demo: DemoApp) -> None:
    """Her new name was written, and so was its entry, when the password was refused: she signs in elsewhere, too."""
    await make_app(services, "shop")
    await make_user(services, "shop", ANNA, PASSWORD)
    anna = await make_user(services, "demo", ANNA)
    with pytest.raises(Conflict):
        await services.users.update("demo", anna.id, {"username": "ann", "role": "admin"}, SERVER, PASSWORD)
    assert await services.users.find("demo", anna.id) == anna
    assert await told(services) == []
    assert await told(services, "shop") == [("password_set", "anna")]


async def test_of_many_at_once_only_the_one_that_did_it_is_told(services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", ANNA)
    key, _ = await services.apps.create_key("demo", "reports", frozenset(Scope), (), None)

    async def tried(attempt: object) -> bool:
        try:
            await attempt  # type: ignore[misc]
        except (NotFound, UserNotFound):
            return False
        return True

    attempts = [services.accounts.delete("demo", anna.id) for _ in range(4)]
    attempts += [services.apps.revoke_key("demo", key.id) for _ in range(4)]
    assert sum(await asyncio.gather(*map(tried, attempts))) == 2
    assert sorted(await told(services)) == [("key_revoked", key.id), ("user_deleted", "anna")]


async def test_a_batch_that_fails_is_told_of_none_and_one_that_works_of_each(services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA)
    await make_user(services, "demo", "ben@example.org")
    items = [services.users.check({"username": name, "role": "admin"}) for name in ("anna", "ben", "new")]
    with audit.acting(REPORTS):
        await services.upserts.apply("demo", items)
        await services.upserts.apply("demo", items)  # they have it now
    assert await told(services) == [("role_given", "anna"), ("role_given", "ben")]
    entry = (await trail(services, Action.ROLE_GIVEN))[0]
    assert (entry.detail["before"], entry.detail["role"], entry.actor_id) == ("user", "admin", REPORTS.id)
    broken = {"username": "x", "uuid": None}  # the database takes none of them for its sake
    with pytest.raises(Conflict):
        await services.upserts.apply("demo", [{"username": "anna", "role": "user"}, broken])
    assert len(await told(services)) == 2


@on_sqlite
async def test_what_an_import_does_to_people_is_told_like_any_other_act(services: Services, anna: User) -> None:
    at = "2999-01-01T00:00:00Z"
    claim = {"id": "1", "source": "call", "status": 4, "text": "secret words", "emoji": None, "expires_at": None}
    line = {"username": "ANNA", "status": 1, "role": "boss", "tokens_since": at, "claims": [{**claim, "set_at": at}]}
    await import_line(services, msgspec.json.encode(line))
    assert await told(services) == [
        ("role_given", "anna"),
        ("user_deactivated", "anna"),
        ("tokens_revoked", "anna"),
        ("claim_set", "anna"),
    ]
    await import_line(services, msgspec.json.encode(line))
    assert len(await told(services)) == 4
    await import_line(services, b'{"username": "anna", "status": 0}')
    assert (await told(services))[4:] == [("user_reactivated", "anna")]
    assert "secret words" not in str(await trail(services))


@on_sqlite
async def test_people_leave_no_entry_when_they_act_on_themselves_but_when_they_end(
    services: Services, anna: User
) -> None:
    own = Actor(ActorKind.USER, str(anna.id), "anna")
    with audit.acting(own):
        await services.users.update("demo", anna.id, {"username": "ann"}, SERVER, PASSWORD)
        await services.accounts.revoke_tokens("demo", anna.id)
        await services.access_tokens.issue("demo", anna.id)
        await services.claims.put(anna, claim_of(services, PresenceStatus.DND), None, "", SERVER)
        await services.claims.clear(anna, SERVER)
        await hide(services, anna)
        await services.explain.sessions(anna)
        await services.presence.sign_out(anna, None)
        assert await told(services) == []
        await services.accounts.delete("demo", anna.id)
    assert await told(services) == [("user_deleted", "ann")]


@on_sqlite
async def test_a_key_of_the_same_number_is_not_the_person(services: Services, anna: User) -> None:
    with audit.acting(Actor(ActorKind.KEY, str(anna.id), "anna")):
        await services.access_tokens.issue("demo", anna.id)
    assert await told(services) == [("access_token_issued", "anna")]


@on_sqlite
async def test_who_acts_is_forgotten_at_the_end_of_the_block_however_it_ends(services: Services, anna: User) -> None:
    with pytest.raises(Conflict), audit.acting(REPORTS):
        raise Conflict("username", "taken")
    await services.accounts.delete("demo", anna.id)
    (entry,) = await trail(services, Action.USER_DELETED)
    assert (entry.actor_kind, entry.actor_id, entry.address) == ("system", "", "")


@on_sqlite
async def test_only_those_who_hide_are_looked_into_with_an_entry(services: Services, anna: User) -> None:
    for look in (services.explain.explain, services.explain.sessions):
        await look(anna)
    assert await told(services) == []
    await hide(services, anna)
    await services.presence.sign_out(anna, None)
    for look in (services.explain.explain, services.explain.sessions):
        await look(anna)  # offline, and her claim tells that she hides
    looked = [("presence_explained", "anna"), ("sessions_listed", "anna")]
    assert await told(services) == [("claim_set", "anna"), ("signed_out", "anna"), *looked]


@on_sqlite
async def test_what_was_refused_at_once_leaves_no_entry(services: Services, anna: User) -> None:
    with pytest.raises(NotFound):
        await services.presence.sign_out(anna, "no-such-session")
    with pytest.raises(NotFound):
        await services.apps.rotate_key("demo", "no-such-key")
    with pytest.raises(NotFound):
        await services.apps.change_setting("nowhere", "grace_s", "5")
    with pytest.raises(Conflict):
        await services.apps.create("demo", None)
    await services.users.update("demo", anna.id, {"username": "anna", "role": "user", "name": "Anna"}, SERVER)
    await services.claims.put(anna, None, 90, "127.0.0.1", SERVER)  # a heartbeat claims nothing
    assert await told(services) == []
    off = (await services.accounts.deactivate("demo", anna.id, SERVER)).user
    for attempt in (
        services.claims.put(off, claim_of(services, PresenceStatus.DND), None, "", SERVER),
        services.claims.clear(off, SERVER),
        services.callers.mint_token(await services.apps.get("demo"), "anna", 60),
    ):
        with pytest.raises(Inactive):
            await attempt
    assert await told(services) == [("user_deactivated", "anna")]


@on_sqlite
async def test_no_entry_holds_a_secret(services: Services, anna: User, demo: DemoApp) -> None:
    app, first = await services.apps.create("shop", None)
    key, text = await services.apps.create_key("demo", "reports", frozenset((Scope.USERS_READ,)), ("10.0.0.0/8",), None)
    rotated, new_text = await services.apps.rotate_key("demo", key.id)
    token, _ = await services.callers.mint_token(await services.apps.get("demo"), "anna", 60)
    access_token = await services.access_tokens.issue("demo", anna.id)
    await services.users.update("demo", anna.id, {}, SERVER, PASSWORD)
    await services.apps.change_setting("demo", "name", "a name that nobody need know")
    written = str(await trail(services)) + str(await trail(services, app_id="shop"))
    keys = [text.split("_", 2)[2] for text in (first, text, new_text)]  # behind the id, which is no secret
    secrets = (
        *keys,
        *map(hash_secret, keys),
        app.jwt_secret,
        token,
        access_token,
        PASSWORD,
        "a name that nobody need know",
    )
    assert [secret for secret in secrets if secret in written] == []
    (entry,) = await trail(services, Action.KEY_ROTATED)
    assert (entry.subject, entry.detail["old"]) == (rotated.id, key.id)
    assert (entry.detail["scopes"], entry.detail["networks"]) == (["users:read"], ["10.0.0.0/8"])


@on_sqlite
async def test_without_redis_an_act_may_be_told_that_failed_and_never_the_other_way_about(
    services: Services, anna: User, make_settings: MakeSettings, tmp_path: Path
) -> None:
    async with open_services(make_settings(redis_url=f"unix://{tmp_path}/nobody.sock")) as cut_off:
        with pytest.raises(Unavailable):
            await cut_off.claims.put(anna, claim_of(services, PresenceStatus.DND), None, "", SERVER)
    assert await told(services) == [("claim_set", "anna")]


def test_an_act_on_no_user_is_nobodys_own() -> None:
    assert Act(Action.KEY_REVOKED, "demo", "7").is_administrative(Actor(ActorKind.USER, "7", "anna"))
