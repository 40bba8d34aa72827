"""The panel dialect: `/api/application/...`, the application API of Pterodactyl."""

from __future__ import annotations

from chatsrv.api.admission import check_rate, check_scope
from chatsrv.api.dialect import Dialect, Route
from chatsrv.api.panel import servers, users
from chatsrv.api.panel.admission import check_body, check_exists, check_network, count_request, identify
from chatsrv.api.panel.errors import describe_error
from chatsrv.domain.apps import Scope

READ, WRITE = Scope.USERS_READ, Scope.USERS_WRITE
USERS = "/api/application/users"
# a plain {userId} would never match braces
USER = USERS + "/{userId:[^/]+}"
SERVERS = "/api/application/servers"
SERVER = SERVERS + "/{serverId:[^/]+}"

ROUTES = (
    Route("GET", USERS, users.list_page, READ),
    Route("POST", USERS, users.create, WRITE),
    Route("GET", USERS + "/external/{externalId:[^/]+}", users.get, READ),
    Route("GET", USER, users.get, READ),
    Route("PATCH", USER, users.update, WRITE),
    Route("DELETE", USER, users.delete, WRITE),
    Route("GET", SERVERS, servers.list_page, Scope.SERVERS_READ),
    Route("POST", SERVERS, servers.create, Scope.SERVERS_WRITE),
    Route("GET", SERVER, servers.get, Scope.SERVERS_READ),
    Route("DELETE", SERVER, servers.delete, Scope.SERVERS_WRITE),
    # clients that force a deletion ask for it at an address of its own
    Route("DELETE", SERVER + "/force", servers.delete, Scope.SERVERS_WRITE),
)

PANEL = Dialect(
    name="panel",
    prefixes=("/api/application/",),
    routes=ROUTES,
    content_type="application/json",
    identify=identify,
    checks=(count_request, check_body, check_network, check_rate, check_exists, check_scope),
    describe_error=describe_error,
)
