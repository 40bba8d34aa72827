"""What each type looks like on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chatsrv.api.jsonapi import Resource
from chatsrv.api.pulse.ids import account_id, role_id
from chatsrv.domain.apps import App
from chatsrv.domain.identities import Identity
from chatsrv.domain.instants import to_text, to_text_or_none
from chatsrv.domain.teams import Team, TeamMembership
from chatsrv.domain.users import User, fold_case

BASE = "/api/v1"


@dataclass(frozen=True, slots=True)
class AccountMembership:
    """A user in their account: what they may do there. There is one for each user, with the same id."""

    user: User


@dataclass(frozen=True, slots=True)
class Role:
    """A word that people of an app have."""

    app_id: str
    word: str


Value = User | App | AccountMembership | Team | TeamMembership | Role | Identity


@dataclass(frozen=True, slots=True)
class Shape:
    """`relationships` are those that can be included."""

    type: str
    id_of: Callable[[Any], str]
    path_of: Callable[[str], str]
    attributes_of: Callable[[Any], dict[str, Any]]
    relationships: tuple[str, ...] = ()


def _under(collection: str) -> Callable[[str], str]:
    return lambda id_: f"{BASE}/{collection}/{id_}"


def _user(user: User) -> dict[str, Any]:
    return {
        "discarded_at": to_text_or_none(user.discarded_at),
        "email": user.email,
        "status": user.state.value,
        "name": user.display_name,
        "avatar": user.avatar,
    }


def _account(app: App) -> dict[str, Any]:
    return {"name": app.name, "created_at": to_text(app.created_at)}


def _account_membership(membership: AccountMembership) -> dict[str, Any]:
    user = membership.user
    return {
        "account_id": account_id(user.app_id),
        "user_id": user.uuid,
        "role_ids": [role_id(user.app_id, user.role)],
        "created_at": to_text(user.created_at),
        "updated_at": to_text(user.updated_at),
    }


def _team(team: Team) -> dict[str, Any]:
    return {
        "name": team.name,
        "parent_team_id": team.parent_uuid,
        "created_at": to_text(team.created_at),
        "updated_at": to_text(team.updated_at),
    }


def _team_membership(membership: TeamMembership) -> dict[str, Any]:
    return {
        "team_id": membership.team.uuid,
        "user_id": membership.user.uuid,
        "role_ids": [role_id(membership.team.app_id, word) for word in membership.roles],
        "created_at": to_text(membership.created_at),
        "updated_at": to_text(membership.updated_at),
    }


def _identity(identity: Identity) -> dict[str, Any]:
    accounts = [
        {"name": account.app_name, "user": {"id": account.user.uuid, "name": account.user.display_name}}
        for account in identity.accounts
    ]
    return {"email": identity.email, "accounts": accounts}


SHAPES: Mapping[type[Any], Shape] = {
    User: Shape(
        "user",
        lambda user: user.uuid,
        _under("users"),
        _user,
        ("account", "account_memberships", "teams", "team_memberships"),
    ),
    App: Shape(
        "account",
        lambda app: account_id(app.id),
        _under("accounts"),
        _account,
        ("account_memberships", "teams", "users"),
    ),
    AccountMembership: Shape(
        "account_membership",
        lambda membership: membership.user.uuid,
        _under("account_memberships"),
        _account_membership,
        ("account", "user", "roles"),
    ),
    Team: Shape(
        "team",
        lambda team: team.uuid,
        _under("teams"),
        _team,
        ("account", "parent_team", "team_memberships", "users"),
    ),
    TeamMembership: Shape(
        "team_membership",
        lambda membership: membership.uuid,
        _under("team_memberships"),
        _team_membership,
        ("team", "user", "roles"),
    ),
    Role: Shape(
        "role", lambda role: role_id(role.app_id, role.word), _under("roles"), lambda role: {"name": role.word}
    ),
    Identity: Shape("identity", lambda identity: identity.uuid, lambda _: f"{BASE}/identity", _identity),
}


def roles_of(app_id: str, words: tuple[str, ...]) -> list[Role]:
    return [Role(app_id, fold_case(word)) for word in words]


def render(value: Value) -> Resource:
    """Nothing is included yet; a relationship object that were empty would be no valid one."""
    shape = SHAPES[type(value)]
    id_ = shape.id_of(value)
    resource: Resource = {"type": shape.type, "id": id_, "attributes": shape.attributes_of(value)}
    if shape.relationships:
        resource["relationships"] = {name: {"meta": {"included": False}} for name in shape.relationships}
    if isinstance(value, Identity):
        linkage = [{"type": "account", "id": account_id(account.app_id)} for account in value.accounts]
        resource["relationships"] = {"accounts": {"data": linkage}}
    return resource | {"links": {"self": shape.path_of(id_)}}
