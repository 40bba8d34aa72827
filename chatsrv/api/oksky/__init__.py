"""The OkSky dialect: `/rapi/v1/users` and what belongs to users, as JSON:API."""

from __future__ import annotations

from collections.abc import Iterator

from chatsrv.api.admission import check_active, check_network, check_rate, check_scope, count_request
from chatsrv.api.dialect import Dialect, Route, TokenAccess
from chatsrv.api.jsonapi import MEDIA_TYPE
from chatsrv.api.oksky import accounts, related, rooms, users
from chatsrv.api.oksky.admission import check_accept, check_content_type, check_person, identify
from chatsrv.api.oksky.documents import PREFIX
from chatsrv.api.oksky.errors import describe_error
from chatsrv.api.oksky.table import SUBTYPES, USER_RELATIONSHIPS
from chatsrv.domain.apps import Scope

READ, WRITE = Scope.USERS_READ, Scope.USERS_WRITE
ALL, SELF = TokenAccess.ALL, TokenAccess.SELF
USERS, ROOMS, MEMBERS, SUPPORTS = (f"{PREFIX}/{name}" for name in ("users", "rooms", "members", "supports"))
ID = "/{id:[^/]+}"
RELATED = ID + "/{relationship:[^/]+}"
LINKAGE = ID + "/relationships/{relationship:[^/]+}"


def _of_people(path: str) -> Iterator[Route]:
    """The same for everybody and for each subtype."""
    yield Route("GET", path, users.list_page, READ, ALL)
    yield Route("GET", path + ID, users.get, READ, ALL)
    yield Route("PUT", path + ID, users.update, WRITE, SELF)
    yield Route("PATCH", path + ID, users.update, WRITE, SELF)
    yield Route("DELETE", path + ID, users.delete, WRITE, SELF)
    yield Route("GET", path + LINKAGE, related.get_linkage, READ, ALL)
    yield Route("POST", path + LINKAGE, related.add, WRITE, SELF)
    yield Route("PUT", path + LINKAGE, related.replace, WRITE)
    yield Route("PATCH", path + LINKAGE, related.replace, WRITE)
    yield Route("DELETE", path + LINKAGE, related.remove, WRITE, SELF)
    yield Route("GET", path + RELATED, related.get_related, READ, ALL)


def _read_alone() -> Iterator[Route]:
    """Each resource that a relationship leads to has an address of its own."""
    for name in USER_RELATIONSHIPS:
        if name not in ("rooms", "members"):
            yield Route("GET", f"{PREFIX}/{name}{ID}", related.get_one, READ, ALL)


ROUTES = (
    Route("PATCH", USERS + "/deactivate", accounts.deactivate, WRITE),
    Route("PATCH", USERS + "/reactivate", accounts.reactivate, WRITE),
    Route("PUT", USERS + ID + "/regenerate_access_token", users.regenerate_access_token, WRITE, SELF),
    Route("POST", USERS, users.create, WRITE),
    *_of_people(USERS),
    *(route for name in SUBTYPES for route in _of_people(f"{PREFIX}/{name}")),
    Route("GET", ROOMS, rooms.list_rooms, READ, ALL),
    Route("POST", ROOMS, rooms.create_room, WRITE),
    Route("GET", ROOMS + ID, related.get_one, READ, ALL),
    Route("PUT", ROOMS + ID, rooms.update_room, WRITE),
    Route("PATCH", ROOMS + ID, rooms.update_room, WRITE),
    Route("DELETE", ROOMS + ID, rooms.delete_room, WRITE),
    Route("GET", MEMBERS, rooms.list_members, READ, ALL),
    Route("POST", MEMBERS, rooms.create_member, WRITE),
    Route("GET", MEMBERS + ID, related.get_one, READ, ALL),
    Route("DELETE", MEMBERS + ID, rooms.delete_member, WRITE),
    *(
        Route("GET", path, handler, READ, ALL)
        for base in (MEMBERS, SUPPORTS)
        for path, handler in ((base + LINKAGE, related.get_linkage), (base + RELATED, related.get_related))
    ),
    *_read_alone(),
)

OKSKY = Dialect(
    name="oksky",
    prefixes=(f"{PREFIX}/",),
    routes=ROUTES,
    content_type=MEDIA_TYPE,
    identify=identify,
    checks=(
        count_request,
        check_content_type,
        check_accept,
        check_network,
        check_rate,
        check_active,
        check_scope,
        check_person,
    ),
    describe_error=describe_error,
)
