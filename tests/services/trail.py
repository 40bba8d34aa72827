"""What the tests of the audit trail share: reading it, and every act that it tells of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from chatsrv.domain.apps import Scope
from chatsrv.domain.attempts import Attempt
from chatsrv.domain.audit import Action, AuditQuery, Entry
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.domain.users import User
from chatsrv.domain.webhooks import Due, Replay, Webhook
from chatsrv.services import Services
from tests.services.people import PASSWORD, make_app, make_newcomer

READ_ALONE = frozenset((Scope.USERS_READ,))


async def trail(services: Services, *actions: Action, app_id: str = "demo") -> list[Entry]:
    return await services.audit.find(app_id, AuditQuery(1000, actions=actions))


async def told(services: Services, app_id: str = "demo") -> list[tuple[str, str]]:
    """Action and subject of each entry but those of making apps and keys."""
    made = (Action.APP_CREATED, Action.KEY_CREATED)
    return [(one.action, one.subject) for one in await trail(services, app_id=app_id) if one.action not in made]


def claim_of(services: Services, status: PresenceStatus) -> Claim:
    return Claim(uuid4().hex, Source.MANUAL, status, None, None, 0, services.clock.now())


async def come_online(services: Services, user: User) -> str:
    """The session's id."""
    session = NewSession(uuid4().hex, "", False, Device.WEB, False, "websocket", "127.0.0.1")
    await services.presence.open(await services.apps.get(user.app_id), user, session)
    return session.id


async def hide(services: Services, user: User) -> None:
    await services.claims.put(user, claim_of(services, PresenceStatus.INVISIBLE), None, "", SERVER)


async def import_line(services: Services, line: bytes) -> None:
    async def lines() -> AsyncIterator[bytes]:
        yield line

    report = await services.transfer.import_lines("demo", lines())
    assert not report.failed


First = Callable[[Services, User], Awaitable[Any]]
Do = Callable[[Services, User, Any], Awaitable[object]]


async def _nothing(_services: Services, _user: User) -> None:
    """The act can be done at once."""


@dataclass(frozen=True, slots=True)
class Way:
    """How an act is done to a user who is online, or to their app. `do` is given what `first` returned."""

    do: Do
    first: First = _nothing


async def _new_key(services: Services, user: User) -> str:
    return (await services.apps.create_key(user.app_id, "reports", READ_ALONE, (), None))[0].id


async def _newcomer(services: Services, user: User) -> User:
    return await make_newcomer(services, user.app_id, f"new@{user.app_id}.org")


async def _invited(services: Services, user: User) -> User:
    newcomer = await _newcomer(services, user)
    await services.invitations.invite(user.app_id, newcomer.id, SERVER, with_token=True)
    return newcomer


async def _webhook(services: Services, user: User) -> Webhook:
    return await services.webhooks.create(user.app_id, {"url": "https://8.8.8.8/"})


async def _due(services: Services, user: User) -> tuple[Webhook, Due]:
    """A webhook, and what is under way to it."""
    await services.deliveries.claim(100)
    webhook, due = await services.deliveries.find_due(await _webhook(services, user))
    return webhook, due[0]


WAYS: Mapping[Action, Way] = {
    Action.APP_CREATED: Way(lambda on, user, _: make_app(on, f"{user.app_id}-new")),
    Action.APP_CHANGED: Way(lambda on, user, _: on.apps.change_setting(user.app_id, "grace_s", "5")),
    Action.APP_DELETED: Way(
        lambda on, user, _: on.apps.delete(user.app_id), lambda on, user: on.users.empty(user.app_id)
    ),
    Action.KEY_CREATED: Way(lambda on, user, _: _new_key(on, user)),
    Action.KEY_ROTATED: Way(lambda on, user, key_id: on.apps.rotate_key(user.app_id, key_id), _new_key),
    Action.KEY_REVOKED: Way(lambda on, user, key_id: on.apps.revoke_key(user.app_id, key_id), _new_key),
    Action.USER_DEACTIVATED: Way(lambda on, user, _: on.accounts.deactivate(user.app_id, user.id, SERVER)),
    Action.USER_REACTIVATED: Way(
        lambda on, user, _: on.accounts.reactivate(user.app_id, user.id, SERVER),
        lambda on, user: on.accounts.deactivate(user.app_id, user.id, SERVER),
    ),
    Action.USER_RENAMED: Way(lambda on, user, _: on.users.rename(user.app_id, user.id, "ann", SERVER)),
    Action.USER_DISCARDED: Way(lambda on, user, _: on.accounts.discard(user.app_id, user.id, SERVER)),
    Action.USER_RESTORED: Way(
        lambda on, user, _: on.accounts.restore(user.app_id, user.id, SERVER),
        lambda on, user: on.accounts.discard(user.app_id, user.id, SERVER),
    ),
    Action.USER_DELETED: Way(lambda on, user, _: on.accounts.delete(user.app_id, user.id)),
    Action.USER_INVITED: Way(
        lambda on, user, new: on.invitations.invite(user.app_id, new.id, SERVER, with_token=True), _newcomer
    ),
    Action.INVITATION_REVOKED: Way(lambda on, user, new: on.invitations.revoke(user.app_id, new.id, SERVER), _invited),
    Action.ROLE_GIVEN: Way(lambda on, user, _: on.users.update(user.app_id, user.id, {"role": "admin"}, SERVER)),
    Action.PASSWORD_SET: Way(lambda on, user, _: on.users.update(user.app_id, user.id, {}, SERVER, PASSWORD)),
    Action.TOKEN_MINTED: Way(
        lambda on, user, app: on.callers.mint_token(app, user.username.upper(), 60),
        lambda on, user: on.apps.get(user.app_id),
    ),
    Action.TOKENS_REVOKED: Way(lambda on, user, _: on.accounts.revoke_tokens(user.app_id, user.id)),
    Action.ACCESS_TOKEN_ISSUED: Way(lambda on, user, _: on.access_tokens.issue(user.app_id, user.id)),
    Action.SIGNED_OUT: Way(
        lambda on, user, sessions: on.presence.sign_out(user, sessions[0].id),
        lambda on, user: on.presence.sessions(user),
    ),
    Action.CLAIM_SET: Way(
        lambda on, user, _: on.claims.put(user, claim_of(on, PresenceStatus.DND), None, "127.0.0.1", SERVER)
    ),
    Action.CLAIMS_CLEARED: Way(lambda on, user, _: on.claims.clear(user, SERVER), hide),
    Action.PRESENCE_EXPLAINED: Way(lambda on, user, _: on.explain.explain(user), hide),
    Action.SESSIONS_LISTED: Way(lambda on, user, _: on.explain.sessions(user), hide),
    Action.WEBHOOK_CREATED: Way(lambda on, user, _: _webhook(on, user)),
    Action.WEBHOOK_CHANGED: Way(lambda on, user, hook: on.webhooks.update(user.app_id, hook.id, {}), _webhook),
    Action.WEBHOOK_DELETED: Way(lambda on, user, hook: on.webhooks.delete(user.app_id, hook.id), _webhook),
    Action.WEBHOOK_SECRET_ROTATED: Way(
        lambda on, user, hook: on.webhooks.rotate_secret(user.app_id, hook.id), _webhook
    ),
    Action.WEBHOOK_REPLAYED: Way(lambda on, user, hook: on.webhooks.replay(user.app_id, hook.id, Replay()), _webhook),
    Action.WEBHOOK_DISABLED: Way(lambda on, _, due: on.deliveries.settle(due[0], due[1], Attempt(410)), _due),
}
