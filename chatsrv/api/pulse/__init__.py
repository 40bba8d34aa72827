"""The Pulse dialect: `/api/v1/...` and `/auth/...`, JSON:API as Papershift Pulse speaks it. An account is an app."""

from __future__ import annotations

from chatsrv.api.admission import check_network, check_scope
from chatsrv.api.dialect import Dialect, OpenRoute, Route, TokenAccess
from chatsrv.api.jsonapi import MEDIA_TYPE
from chatsrv.api.pulse import account, auth, memberships, teams, users
from chatsrv.api.pulse.admission import check_access, check_state, check_type, count_attempt, count_request, identify
from chatsrv.api.pulse.errors import describe_error
from chatsrv.domain.apps import Scope

READ, WRITE = Scope.USERS_READ, Scope.USERS_WRITE
ALL, SELF = TokenAccess.ALL, TokenAccess.SELF

USERS = "/api/v1/users"
USER = USERS + "/{id:[^/]+}"
TEAMS = "/api/v1/teams"
TEAM = TEAMS + "/{id:[^/]+}"
TEAM_MEMBERSHIPS = "/api/v1/team_memberships"
TEAM_MEMBERSHIP = TEAM_MEMBERSHIPS + "/{id:[^/]+}"
ACCOUNT_MEMBERSHIPS = "/api/v1/account_memberships"

ROUTES = (
    Route("POST", USERS, users.create, WRITE),
    Route("GET", USERS, users.list_page, READ, ALL),
    Route("GET", USER, users.get, READ, ALL),
    Route("PUT", USER, users.update, WRITE, SELF),
    Route("PATCH", USER, users.update, WRITE, SELF),
    Route("DELETE", USER, users.discard, WRITE),
    Route("DELETE", USER + "/discard", users.restore, WRITE),
    Route("POST", USER + "/invite", users.invite, WRITE),
    Route("DELETE", USER + "/invite", users.revoke_invitation, WRITE),
    Route("POST", USER + "/deactivate", users.deactivate, WRITE),
    Route("DELETE", USER + "/deactivate", users.reactivate, WRITE),
    Route("POST", TEAMS, teams.create, WRITE),
    Route("GET", TEAMS, teams.list_page, READ, ALL),
    Route("GET", TEAM, teams.get, READ, ALL),
    Route("PUT", TEAM, teams.update, WRITE),
    Route("PATCH", TEAM, teams.update, WRITE),
    Route("DELETE", TEAM, teams.delete, WRITE),
    Route("POST", TEAM_MEMBERSHIPS, memberships.join_team, WRITE),
    Route("GET", TEAM_MEMBERSHIP, memberships.get_in_team, READ, ALL),
    Route("DELETE", TEAM_MEMBERSHIP, memberships.leave_team, WRITE),
    Route("POST", ACCOUNT_MEMBERSHIPS, memberships.join_account, WRITE),
    Route("GET", ACCOUNT_MEMBERSHIPS + "/{id:[^/]+}", memberships.get_in_account, READ, ALL),
    Route("GET", "/api/v1/accounts/{id:[^/]+}", account.get, READ, ALL),
    Route("GET", "/api/v1/roles", account.list_roles, READ, ALL),
    Route("GET", "/api/v1/roles/{id:[^/]+}", account.get_role, READ, ALL),
    Route("GET", "/api/v1/identity", auth.get_identity, READ, ALL),
    Route("PUT", "/api/v1/identity", auth.update_identity, WRITE, ALL),
    Route("PATCH", "/api/v1/identity", auth.update_identity, WRITE, ALL),
    Route("POST", "/api/v1/switch_accounts", auth.switch_account, WRITE, ALL),
    Route("DELETE", "/auth/signout", auth.sign_out, READ, ALL),
)

OPEN_ROUTES = (
    OpenRoute("POST", "/auth/signin", auth.sign_in),
    OpenRoute("POST", "/auth/accept_invitation", auth.accept_invitation),
)

PULSE = Dialect(
    name="pulse",
    prefixes=("/api/v1/", "/auth/"),
    routes=ROUTES,
    open_routes=OPEN_ROUTES,
    content_type=MEDIA_TYPE,
    greetings=(count_request, count_attempt),
    identify=identify,
    checks=(check_network, check_scope, check_access, check_type, check_state),
    describe_error=describe_error,
)
