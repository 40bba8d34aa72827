"""People who sign in: how tests make them, and what they ask for."""

from __future__ import annotations

from typing import Any

from chatsrv.domain.apps import Caller
from chatsrv.domain.errors import ChatError
from chatsrv.domain.identities import SignedIn
from chatsrv.domain.presence import SERVER
from chatsrv.domain.users import Onboarding, User
from chatsrv.services import Services
from chatsrv.services.user_changes import UserChanges

PASSWORD = "correct horse"
ANNA = "anna@example.org"


async def make_app(services: Services, app_id: str) -> str:
    """Its server key."""
    _, key = await services.apps.create(app_id, app_id.title())
    return key


async def make_user(
    services: Services, app_id: str, email: str | None, password: str | None = None, username: str | None = None
) -> User:
    """Named after the email; with a password they can sign in."""
    values = {"username": username or (email or "nobody").partition("@")[0], "email": email}
    return (await services.users.create(app_id, values, SERVER, password)).user


async def make_newcomer(services: Services, app_id: str, email: str | None = ANNA, username: str | None = None) -> User:
    """As the Pulse dialect makes them: created, and not active yet."""
    user = await make_user(services, app_id, email, username=username)
    changes = UserChanges(services.db, services.clock)
    changed, _ = await changes.apply(app_id, user.id, lambda _: {"onboarding": Onboarding.CREATED})
    return changed


async def invite(services: Services, app_id: str, user: User) -> str:
    _, token = await services.invitations.invite(app_id, user.id, SERVER, with_token=True)
    assert token
    return token


async def caller_of(services: Services, signed_in: SignedIn) -> Caller:
    return await services.callers.identify_bearer(signed_in.token)


async def is_live(services: Services, signed_in: SignedIn) -> bool:
    return await refusal_of(services.callers.identify_bearer(signed_in.token)) is None


async def refusal_of(attempt: Any) -> type[ChatError] | None:
    """What kind of error it is refused with, if it is."""
    try:
        await attempt
    except ChatError as error:
        return type(error)
    return None


async def can_sign_in(services: Services, email: str, password: str) -> bool:
    return await refusal_of(services.bearers.sign_in(email, password)) is None
