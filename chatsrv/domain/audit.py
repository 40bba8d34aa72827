"""The audit trail: which acts are administrative, who does them, and what an entry says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chatsrv.domain.users import AccountStatus, User


class Action(StrEnum):
    """What somebody did to a key, to an app or to another person. Words are never given another meaning."""

    APP_CREATED = "app_created"
    APP_CHANGED = "app_changed"
    APP_DELETED = "app_deleted"
    KEY_CREATED = "key_created"
    KEY_ROTATED = "key_rotated"
    KEY_REVOKED = "key_revoked"
    USER_DEACTIVATED = "user_deactivated"
    USER_REACTIVATED = "user_reactivated"
    USER_RENAMED = "user_renamed"
    USER_DISCARDED = "user_discarded"
    USER_RESTORED = "user_restored"
    USER_DELETED = "user_deleted"
    USER_INVITED = "user_invited"
    INVITATION_REVOKED = "invitation_revoked"
    ROLE_GIVEN = "role_given"
    PASSWORD_SET = "password_set"  # noqa: S105 - a word, no password
    TOKEN_MINTED = "token_minted"  # noqa: S105 - a word, no token
    TOKENS_REVOKED = "tokens_revoked"
    ACCESS_TOKEN_ISSUED = "access_token_issued"  # noqa: S105 - a word, no token
    SIGNED_OUT = "signed_out"
    CLAIM_SET = "claim_set"
    CLAIMS_CLEARED = "claims_cleared"
    PRESENCE_EXPLAINED = "presence_explained"
    SESSIONS_LISTED = "sessions_listed"
    WEBHOOK_CREATED = "webhook_created"
    WEBHOOK_CHANGED = "webhook_changed"
    WEBHOOK_DELETED = "webhook_deleted"
    WEBHOOK_SECRET_ROTATED = "webhook_secret_rotated"  # noqa: S105 - a word, no secret
    WEBHOOK_REPLAYED = "webhook_replayed"
    WEBHOOK_DISABLED = "webhook_disabled"


class ActorKind(StrEnum):
    """`operator`: whoever came to the dashboard by a link. `cli`: whoever runs commands on the server's machine.
    `system`: the server by itself."""

    KEY = "key"
    USER = "user"
    OPERATOR = "operator"
    CLI = "cli"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `id`: that of a server key or a user, the mark of an operator's session, or the name that the
    operating system knows.

    `address`: a client's, or the host on which a command runs.
    """

    kind: ActorKind
    id: str = ""
    name: str = ""
    address: str = ""
    request_id: str = ""


SYSTEM = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class Act:
    """`subject`: a username, or the id of a key or an app. `detail` is JSON that holds no secret.

    `user_id` is set where it is done to a user.
    """

    action: Action
    app_id: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    user_id: int | None = None

    def is_administrative(self, actor: Actor) -> bool:
        """What people do to themselves is not, but for their end: nobody could be asked about it afterwards."""
        is_own = self.user_id is not None and (actor.kind, actor.id) == (ActorKind.USER, str(self.user_id))
        return not is_own or self.action is Action.USER_DELETED


def act_on(user: User, action: Action, **detail: Any) -> Act:
    """With their id: names are given anew, ids never."""
    return Act(action, user.app_id, user.username, {"user_id": user.id, **detail}, user.id)


def acts_of(before: User, values: Mapping[str, Any]) -> Iterator[Act]:
    """The acts in a change of somebody's fields to these checked values."""
    username, role = values.get("username", before.username), values.get("role", before.role)
    status = values.get("status", before.status)
    if username != before.username:
        yield act_on(before, Action.USER_RENAMED, to=username)
    if role != before.role:
        yield act_on(before, Action.ROLE_GIVEN, role=role, before=before.role)
    if status != before.status:
        is_active = status is AccountStatus.ACTIVE
        yield act_on(before, Action.USER_REACTIVATED if is_active else Action.USER_DEACTIVATED)
    if values.get("tokens_since", before.tokens_since) != before.tokens_since:
        yield act_on(before, Action.TOKENS_REVOKED)
    if values.get("claims"):
        yield act_on(before, Action.CLAIM_SET, sources=[claim.source.value for claim in values["claims"]])


@dataclass(frozen=True, slots=True)
class Entry:
    """An act as it was written. Words are plain texts: a newer version may know more of them. `created_at` in ms."""

    id: int
    app_id: str
    created_at: int
    action: str
    subject: str
    actor_kind: str
    actor_id: str
    actor_name: str
    address: str
    request_id: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """At most `limit` entries, the latest. No action at all means any; `subject` has no regard to case. `before`: older
    than the entry with this id."""

    limit: int
    since: int = 0
    actions: tuple[str, ...] = ()
    subject: str | None = None
    before: int | None = None
