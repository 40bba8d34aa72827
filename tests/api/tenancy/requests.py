"""What every route of every dialect can be asked, with a place for each id that a request names.

The routes are the dialects' own: one that is new is in here by itself, and one that writes, or names what is not known
here, fails until it is said here what a good request is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chatsrv.api import DIALECTS
from chatsrv.api.dialect import Dialect, OpenRoute, Route
from chatsrv.api.oksky.table import KINDS, SUBTYPES, USER_RELATIONSHIPS

FREE = "free "
"""What a kind begins with where any value would do that nobody of one's own app has."""

NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Ref:
    """A place for the id of one thing of this kind, as text or as a number."""

    kind: str
    as_number: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `path` is in pieces, texts and Refs in turns, the query among them."""

    dialect: str
    route: Route | OpenRoute
    path: tuple[str | Ref, ...]
    body: Any = None

    @property
    def method(self) -> str:
        return self.route.method

    def __str__(self) -> str:
        path = "".join(part if isinstance(part, str) else f"<{part.kind}>" for part in self.path)
        return f"{self.dialect}: {self.method} {path}" + (f" with {self.body}" if self.body else "")

    @property
    def takes(self) -> bool:
        """Whether it takes what the neighbour has for its own, as it may: names are unique in each app alone."""
        return any(ref.kind.startswith(FREE) for ref in self.refs)

    @property
    def refs(self) -> list[Ref]:
        found: list[Ref] = []
        _fill((list(self.path), self.body), lambda _, ref: found.append(ref))
        return found

    def filled(self, ids: Mapping[str, str], place: int = -1, others: Mapping[str, str] = NONE) -> tuple[str, Any]:
        """Path and body with these ids, but for the one at `place`, which is of the others."""

        def choose(number: int, ref: Ref) -> Any:
            value = (others if number == place else ids)[ref.kind.removeprefix(FREE)]
            return int(value) if ref.as_number else value

        path, body = _fill((list(self.path), self.body), choose)
        return "".join(path), body


def _fill(value: Any, choose: Callable[[int, Ref], Any]) -> Any:
    """The same with each Ref, numbered as they come, replaced by what is chosen for it."""
    number = -1

    def fill(part: Any) -> Any:
        nonlocal number
        if isinstance(part, Ref):
            number += 1
            return choose(number, part)
        if isinstance(part, dict):
            return {name: fill(item) for name, item in part.items()}
        return [fill(item) for item in part] if isinstance(part, list | tuple) else part

    return fill(value)


NATIVE_HOLES = {
    "appId": "app",
    "username": "username",
    "customer": "other",
    "sessionId": "session",
    "channelId": "channel",
    "memoId": "memo",
    "supportId": "support",
    "serverId": "server",
    "webhookId": "webhook",
    "deliveryId": "delivery",
}
PANEL_HOLES = {"userId": "user", "externalId": "external", "serverId": "server"}
OKSKY_KINDS = {
    "rooms": "channel",
    "members": "member",
    "supports": "support",
    "memos": "memo",
    "draft_messages": "draft",
    "support_draft_messages": "support draft",
    "user_events": "sign-in",
    "user_infos": "info",
    "user_widget_settings": "setting",
    **dict.fromkeys(("users", "administrators", "customers"), "user"),
}
PULSE_KINDS = {
    "users": "uuid",
    "account_memberships": "uuid",
    "teams": "team",
    "team_memberships": "team membership",
    "accounts": "account",
    "roles": "role",
}


WRITABLE = ("rooms", "starred_rooms", "starred_customers")
"""The relationships that can be written; one of the others stands for all of them."""


def _kind(dialect: str, path: str, hole: str) -> str:
    """What stands in that hole of a path. A KeyError: say above what it is."""
    resource = path.split("/")[3]
    if dialect == "oksky":
        return OKSKY_KINDS[USER_RELATIONSHIPS[resource].kind if resource in USER_RELATIONSHIPS else resource]
    if dialect == "pulse":
        return PULSE_KINDS[resource]
    if hole == "name":
        return "info name" if "/infos/" in path else "setting name"
    return (NATIVE_HOLES if dialect == "native" else PANEL_HOLES)[hole]


def _data(type_: str, id_: Ref | None = None, **attributes: Any) -> dict[str, Any]:
    identity = {"id": id_} if id_ else {}
    return {"data": {"type": type_, **identity, "attributes": attributes}}


def _links(type_: str, kind: str) -> dict[str, Any]:
    return {"data": [{"type": type_, "id": Ref(kind)}]}


USER, OTHER, CHANNEL = Ref("username"), Ref("other"), Ref("channel", as_number=True)
ROOM = _data("rooms", Ref("channel"), name="B")
PANEL_USER = {"username": "x-{n}", "email": "x-{n}@x.org", "first_name": "A", "last_name": "B"}

# by "dialect METHOD path", the holes of the path as {}; None: no body
BODIES: Mapping[str, tuple[Any, ...]] = {
    "native POST /v1/users": ({"username": "new-{n}"},),
    "native POST /v1/{}/users": (
        {"username": Ref("free username")},
        {"username": "new-{n}", "email": Ref("free email")},
    ),
    "native PUT /v1/{}/users/{}": ({"first_name": "A"}, {"email": Ref("free email")}),
    "native PATCH /v1/{}/users/{}": ({"first_name": "A"},),
    "native POST /v1/{}/users/{}/rename": ({"username": Ref("free username")},),
    "native POST /v1/{}/users/{}/deactivate": (None,),
    "native POST /v1/{}/users/{}/reactivate": (None,),
    "native POST /v1/{}/users/{}/tokens": (None,),
    "native POST /v1/{}/users/{}/access_token": (None,),
    "native PUT /v1/{}/users/{}/presence": ({"status": "dnd"},),
    "native POST /v1/{}/presence/query": ({"usernames": [USER, OTHER]},),
    "native POST /v1/{}/channels": (
        *({"subject": "New"}, {"owner": USER}, {"owner": {"username": USER}}, {"uri": Ref("free uri")}),
    ),
    "native PUT /v1/{}/channels/{}": ({"subject": "Changed"}, {"uri": Ref("free uri")}),
    "native POST /v1/{}/channels/{}/users": ({"members": [USER]}, {"members": [USER, OTHER], "role": "owner"}),
    "native PATCH /v1/{}/users/{}/profile": ({"recent_channel_id": CHANNEL},),
    "native POST /v1/{}/users/{}/memos": ({"text": "A", "author": USER},),
    "native PUT /v1/{}/memos/{}": ({"text": "B"},),
    "native PUT /v1/{}/users/{}/drafts/{}": ({"text": "B"},),
    "native PUT /v1/{}/users/{}/support_drafts/{}": ({"text": "B"},),
    "native PUT /v1/{}/users/{}/starred_channels/{}": (None,),
    "native PUT /v1/{}/users/{}/starred_customers/{}": (None,),
    "native PUT /v1/{}/users/{}/infos/{}": ({"value": "2"},),
    "native PUT /v1/{}/users/{}/widget_settings/{}": ({"value": "2"},),
    "native POST /v1/{}/supports": ({"channel_id": CHANNEL, "customer": OTHER, "agent": USER},),
    "native PUT /v1/{}/supports/{}": ({"agent": USER}, {"closed": False}),
    "native POST /v1/{}/servers": ({"name": "New", "owner": USER},),
    "native POST /v1/{}/webhooks": ({"url": "https://8.8.8.8/{n}"},),
    "native PATCH /v1/{}/webhooks/{}": ({"description": "B"},),
    "native POST /v1/{}/webhooks/{}/rotate_secret": (None,),
    "native POST /v1/{}/webhooks/{}/ping": (None,),
    "native POST /v1/{}/webhooks/{}/deliveries/{}/replay": (None,),
    "native POST /v1/{}/webhooks/{}/replay": ({"status": "failed"},),
    "native POST /v1/{}/bulk/users": ({"users": [{"username": Ref("free username"), "first_name": "A"}]},),
    "native PUT /v1/{}/bulk/users": (
        {"username": "new-{n}", "uuid": Ref("free uuid")},
        {"username": Ref("free username"), "name": "A"},
    ),
    "native DELETE /v1/{}/channels/{}/users": ({"members": [USER]},),
    "panel POST /api/application/users": (PANEL_USER, {**PANEL_USER, "external_id": Ref("free external")}),
    "panel PATCH /api/application/users/{}": (PANEL_USER,),
    "panel POST /api/application/servers": ({"name": "New", "user": Ref("user", as_number=True)},),
    "oksky PATCH /rapi/v1/users/deactivate": (_links("users", "user"),),
    "oksky PATCH /rapi/v1/users/reactivate": (_links("users", "user"),),
    "oksky PUT /rapi/v1/users/{}/regenerate_access_token": (None,),
    "oksky POST /rapi/v1/users": (_data("users", username="new-{n}"), _data("users", username=Ref("free username"))),
    "oksky POST /rapi/v1/rooms": (_data("rooms", name="New"),),
    "oksky POST /rapi/v1/members": (_data("members", room_id=CHANNEL, user_id=Ref("user", as_number=True)),),
    **{
        f"oksky {method} /rapi/v1/{name}/{{}}": (_data(name, Ref("user"), full_name="A B"),)
        for method in ("PUT", "PATCH")
        for name in ("users", "administrators", "customers")
    },
    **{f"oksky {method} /rapi/v1/rooms/{{}}": (ROOM,) for method in ("PUT", "PATCH")},
    "pulse POST /api/v1/users": (
        _data("users", name="New {n}"),
        _data("users", name="New {n}", email=Ref("free email")),
    ),
    "pulse PUT /api/v1/users/{}": (_data("users", Ref("uuid"), name="A"),),
    "pulse PATCH /api/v1/users/{}": (_data("users", name="A"), _data("users", email=Ref("free email"))),
    "pulse POST /api/v1/users/{}/invite": (None,),
    "pulse POST /api/v1/users/{}/deactivate": (None,),
    "pulse POST /api/v1/teams": (_data("teams", name="New {n}", parent_team_id=Ref("team")),),
    "pulse PUT /api/v1/teams/{}": (_data("teams", Ref("team"), name="B {n}"),),
    "pulse PATCH /api/v1/teams/{}": (_data("teams", parent_team_id=Ref("team")),),
    "pulse POST /api/v1/team_memberships": (
        _data("team_memberships", team_id=Ref("team"), user_id=Ref("other uuid"), role_ids=[Ref("role")]),
    ),
    "pulse POST /api/v1/account_memberships": (
        _data("account_memberships", user_id=Ref("uuid"), role_ids=[Ref("role")]),
    ),
    "pulse PUT /api/v1/identity": (_data("identity", email=Ref("free email")),),
    "pulse PATCH /api/v1/identity": (_data("identity", email=Ref("free email")),),
    "pulse POST /api/v1/switch_accounts": ({"data": {"type": "account", "id": Ref("account")}},),
    "pulse POST /auth/signin": (_data("identity", email=Ref("email"), password="a wrong one"),),
    "pulse POST /auth/accept_invitation": (_data("identity", token=Ref("uuid"), password="long enough"),),
}  # fmt: skip

# what else a GET can name, by the same
QUERIES: Mapping[str, tuple[tuple[str | Ref, ...], ...]] = {
    "native GET /v1/{}/users": (
        *(
            (f"?filter={field}:{op}:", Ref(kind))
            for field, kind in (("username", "username"), ("first_name", "username"))
            for op in ("eq", "in", "begins", "contains", "ends")
        ),
        ("?presence=true&filter=presence_status:gte:0&filter=username:in:", USER, ",", OTHER),
    ),
    "native GET /v1/{}/supports": (("?channel_id=", Ref("channel")), ("?customer=", OTHER), ("?agent=", USER)),
    "panel GET /api/application/users": tuple(
        (f"?include=servers&filter[{field}]=", Ref(kind))
        for field, kind in (("username", "username"), ("uuid", "uuid"), ("external_id", "external"), ("email", "email"))
    ),
    **{
        f"oksky GET /rapi/v1/{name}": (
            ("?filter[id]=", Ref("user"), ",", Ref("other user")),
            ("?include=rooms,members.user,supports,memos&filter[uuid]=", Ref("uuid")),
        )
        for name in ("users", "administrators", "customers")
    },
    "oksky GET /rapi/v1/rooms": (("?filter[id]=", Ref("channel")),),
    "oksky GET /rapi/v1/members": (
        ("?filter[id]=", Ref("member")),
        ("?include=room,user&filter[user_id]=", Ref("user")),
    ),
    "pulse GET /api/v1/users": (
        ("?include=teams,team_memberships,account_memberships&filter[email]=eq:", Ref("email")),
        ("?filter[email]=in:", Ref("email")),
        ("?include=teams&filter[teams][name]=ct:", Ref("app")),
    ),
    "pulse GET /api/v1/teams": (("?filter[name]=pre:", Ref("app")),),
    "oksky PATCH /rapi/v1/users/deactivate": (("?filter[id]=", Ref("user")), ("?filter[uuid]=", Ref("uuid"))),
    "oksky PATCH /rapi/v1/users/reactivate": (("?filter[id]=", Ref("user")), ("?filter[uuid]=", Ref("uuid"))),
}  # fmt: skip


def every_request(dialect: Dialect) -> Iterator[Asked]:
    routes: tuple[Route | OpenRoute, ...] = (*dialect.routes, *dialect.open_routes)
    for route in routes:
        for path in _paths(dialect, route):
            yield from _requests(dialect.name, route, path)


def _paths(dialect: Dialect, route: Route | OpenRoute) -> list[str]:
    """With a path for each relationship that it can name."""
    if "{relationship" not in route.path:
        return [route.path]
    resource = route.path.split("/")[3]
    # whose kinds share their handlers: all of them for one kind, and one for each of the others
    names = list(KINDS[resource].relationships)
    if resource in SUBTYPES:
        names = names[:1]
    elif route.method != "GET" and "relationships" in route.path:
        names = [name for name in names if name in WRITABLE or name == "memos"]
    return [re.sub(r"\{relationship[^}]*\}", name, route.path) for name in names]


def _requests(dialect: str, route: Route | OpenRoute, path: str) -> Iterator[Asked]:
    pieces = tuple(
        part if number % 2 == 0 else Ref(_kind(dialect, path, part.partition(":")[0]))
        for number, part in enumerate(re.split(r"\{((?:[^{}])+)\}", path))
    )
    known = f"{dialect} {route.method} {re.sub(r'{[^}]*}', '{}', path)}"
    asked = Asked(dialect, route, pieces)
    for body in _bodies(known, route.method, path):
        yield replace(asked, body=body)
    for query in QUERIES.get(known, ()):
        yield replace(asked, path=(*pieces, *query))


def _bodies(known: str, method: str, path: str) -> tuple[Any, ...]:
    if "/relationships/" in path and method != "GET":
        name = path.rpartition("/")[2]
        return (_links(USER_RELATIONSHIPS[name].kind, _of_relationship(name)),)
    if method in ("GET", "DELETE"):
        return BODIES.get(known, (None,))
    return BODIES[known]


def _of_relationship(name: str) -> str:
    return "other user" if name == "starred_customers" else OKSKY_KINDS[USER_RELATIONSHIPS[name].kind]


EVERY = tuple(sorted((asked for dialect in DIALECTS for asked in every_request(dialect)), key=lambda one: one.takes))
"""What takes comes last: from then on the neighbour's names name somebody of one's own."""


def one_of_each() -> Iterator[tuple[Route, Asked]]:
    """One request for each route that asks who it is."""
    seen = set()
    for asked in EVERY:
        if isinstance(asked.route, Route) and asked.route not in seen:
            seen.add(asked.route)
            yield asked.route, asked
