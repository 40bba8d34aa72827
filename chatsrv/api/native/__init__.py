"""The native dialect: `/v1/{appId}/...`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from chatsrv.api.admission import (
    check_active,
    check_app,
    check_network,
    check_rate,
    check_scope,
    check_token_access,
    count_request,
    identify_native,
)
from chatsrv.api.dialect import REQUEST_ID, Dialect, Route, TokenAccess
from chatsrv.api.native import (
    bulk,
    channels,
    claims,
    history,
    named_values,
    notes,
    presence,
    profiles,
    servers,
    sessions,
    stars,
    supports,
    users,
    webhooks,
)
from chatsrv.domain import wire
from chatsrv.domain.apps import Scope
from chatsrv.domain.errors import ChatError

READ, WRITE, SEE = Scope.USERS_READ, Scope.USERS_WRITE, Scope.PRESENCE_READ
OWN = TokenAccess.SELF
USERS = "/v1/{appId}/users"
# a plain {username} would never match braces
CHANNELS = "/v1/{appId}/channels"
CHANNEL = CHANNELS + "/{channelId:[^/]+}"
USER = USERS + "/{username:[^/]+}"
MEMO = "/v1/{appId}/memos/{memoId:[^/]+}"
SERVERS = "/v1/{appId}/servers"
SERVER = SERVERS + "/{serverId:[^/]+}"
WEBHOOKS = "/v1/{appId}/webhooks"
WEBHOOK = WEBHOOKS + "/{webhookId:[^/]+}"
SUPPORTS = "/v1/{appId}/supports"
SUPPORT = SUPPORTS + "/{supportId:[^/]+}"


def describe_error(error: ChatError | None, request: web.Request) -> tuple[int, Any]:
    request_id = request[REQUEST_ID]
    if error is None:
        status, code, type_ = wire.INTERNAL
        message = "Something went wrong on our side; the log knows it by the traceId."
        return status, {"code": code, "type": type_, "message": message, "traceId": request_id}
    return wire.code_of(error)[0], {**wire.describe(error), "traceId": request_id}


ROUTES = (
    # before the routes with {appId}: no app is called users
    Route("POST", "/v1/users", users.create, WRITE),
    Route("GET", "/v1/users/{username:[^/]+}", users.get, READ, TokenAccess.ALL, remembers=True),
    Route("POST", USERS, users.create, WRITE),
    Route("GET", USERS, users.list_page, READ, TokenAccess.ALL, remembers=True),
    Route("GET", USER, users.get, READ, TokenAccess.ALL, remembers=True),
    Route("PUT", USER, users.update, WRITE, TokenAccess.SELF),
    Route("PATCH", USER, users.update, WRITE, TokenAccess.SELF),
    Route("DELETE", USER, users.delete, WRITE, TokenAccess.SELF),
    Route("POST", USER + "/rename", users.rename, WRITE),
    Route("POST", USER + "/deactivate", users.deactivate, WRITE),
    Route("POST", USER + "/reactivate", users.reactivate, WRITE),
    Route("POST", USER + "/tokens", users.mint_token, Scope.SESSIONS_WRITE),
    Route("DELETE", USER + "/tokens", users.revoke_tokens, Scope.SESSIONS_WRITE, TokenAccess.SELF),
    Route("POST", USER + "/access_token", users.issue_access_token, Scope.SESSIONS_WRITE),
    Route("GET", USER + "/sign_ins", users.list_sign_ins, READ, TokenAccess.SELF),
    Route("GET", USER + "/sessions", sessions.list_all, SEE, TokenAccess.SELF),
    Route("DELETE", USER + "/sessions", sessions.sign_out, Scope.SESSIONS_WRITE, TokenAccess.SELF),
    Route("DELETE", USER + "/sessions/{sessionId:[^/]+}", sessions.sign_out, Scope.SESSIONS_WRITE, TokenAccess.SELF),
    Route("GET", USER + "/presence", claims.get, SEE, TokenAccess.ALL, remembers=True),
    Route("PUT", USER + "/presence", claims.put, Scope.PRESENCE_WRITE, TokenAccess.SELF),
    Route("DELETE", USER + "/presence", claims.clear, Scope.PRESENCE_WRITE, TokenAccess.SELF),
    Route("GET", USER + "/presence/explain", claims.explain, SEE),
    Route("GET", USER + "/presence/history", history.list_intervals, SEE, TokenAccess.SELF),
    Route("GET", "/v1/{appId}/presence/stats", history.stats, SEE),
    Route("POST", "/v1/{appId}/presence/query", presence.query, SEE, TokenAccess.ALL),
    Route("GET", "/v1/{appId}/presence/counts", presence.count, SEE, TokenAccess.ALL, remembers=True),
    Route("GET", "/v1/{appId}/presence", presence.since, SEE, TokenAccess.ALL),
    Route("POST", CHANNELS, channels.create, WRITE),
    Route("GET", CHANNELS, channels.list_page, READ, TokenAccess.ALL),
    Route("GET", CHANNEL, channels.get, READ, TokenAccess.ALL),
    Route("PUT", CHANNEL, channels.update, WRITE),
    Route("DELETE", CHANNEL, channels.delete, WRITE),
    Route("GET", CHANNEL + "/users", channels.list_members, READ, TokenAccess.ALL),
    Route("POST", CHANNEL + "/users", channels.add_members, WRITE),
    Route("DELETE", CHANNEL + "/users", channels.remove_members, WRITE),
    Route("GET", USER + "/profile", profiles.get, READ),
    Route("PATCH", USER + "/profile", profiles.update, WRITE),
    Route("GET", USER + "/memos", notes.list_memos, READ),
    Route("POST", USER + "/memos", notes.add_memo, WRITE),
    Route("GET", MEMO, notes.get_memo, READ),
    Route("PUT", MEMO, notes.change_memo, WRITE),
    Route("DELETE", MEMO, notes.delete_memo, WRITE),
    Route("GET", USER + "/drafts", notes.list_drafts, READ, OWN),
    Route("PUT", USER + "/drafts/{channelId:[^/]+}", notes.put_draft, WRITE, OWN),
    Route("DELETE", USER + "/drafts/{channelId:[^/]+}", notes.delete_draft, WRITE, OWN),
    Route("GET", USER + "/support_drafts", notes.list_support_drafts, READ, OWN),
    Route("PUT", USER + "/support_drafts/{supportId:[^/]+}", notes.put_draft, WRITE, OWN),
    Route("DELETE", USER + "/support_drafts/{supportId:[^/]+}", notes.delete_draft, WRITE, OWN),
    Route("GET", USER + "/starred_channels", stars.list_channels, READ, OWN),
    Route("PUT", USER + "/starred_channels/{channelId:[^/]+}", stars.star_channel, WRITE, OWN),
    Route("DELETE", USER + "/starred_channels/{channelId:[^/]+}", stars.unstar_channel, WRITE, OWN),
    Route("GET", USER + "/starred_customers", stars.list_customers, READ, OWN),
    Route("PUT", USER + "/starred_customers/{customer:[^/]+}", stars.star_customer, WRITE, OWN),
    Route("DELETE", USER + "/starred_customers/{customer:[^/]+}", stars.unstar_customer, WRITE, OWN),
    Route("GET", USER + "/infos", named_values.list_infos, READ, OWN),
    Route("GET", USER + "/infos/{name:[^/]+}", named_values.get_info, READ, OWN),
    Route("PUT", USER + "/infos/{name:[^/]+}", named_values.put_info, WRITE, OWN),
    Route("DELETE", USER + "/infos/{name:[^/]+}", named_values.delete_info, WRITE, OWN),
    Route("GET", USER + "/widget_settings", named_values.list_settings, READ, OWN),
    Route("GET", USER + "/widget_settings/{name:[^/]+}", named_values.get_setting, READ, OWN),
    Route("PUT", USER + "/widget_settings/{name:[^/]+}", named_values.put_setting, WRITE, OWN),
    Route("DELETE", USER + "/widget_settings/{name:[^/]+}", named_values.delete_setting, WRITE, OWN),
    Route("POST", SUPPORTS, supports.create, WRITE),
    Route("GET", SUPPORTS, supports.list_page, READ),
    Route("GET", SUPPORT, supports.get, READ),
    Route("PUT", SUPPORT, supports.update, WRITE),
    Route("DELETE", SUPPORT, supports.delete, WRITE),
    Route("POST", SERVERS, servers.create, Scope.SERVERS_WRITE),
    Route("GET", SERVERS, servers.list_page, Scope.SERVERS_READ),
    Route("GET", SERVER, servers.get, Scope.SERVERS_READ),
    Route("DELETE", SERVER, servers.delete, Scope.SERVERS_WRITE),
    Route("GET", WEBHOOKS, webhooks.list_all, Scope.ADMIN),
    Route("POST", WEBHOOKS, webhooks.create, Scope.ADMIN),
    Route("GET", WEBHOOK, webhooks.get, Scope.ADMIN),
    Route("PATCH", WEBHOOK, webhooks.update, Scope.ADMIN),
    Route("DELETE", WEBHOOK, webhooks.delete, Scope.ADMIN),
    Route("POST", WEBHOOK + "/rotate_secret", webhooks.rotate_secret, Scope.ADMIN),
    Route("POST", WEBHOOK + "/ping", webhooks.ping, Scope.ADMIN),
    Route("GET", WEBHOOK + "/deliveries", webhooks.list_deliveries, Scope.ADMIN),
    Route("POST", WEBHOOK + "/deliveries/{deliveryId:[^/]+}/replay", webhooks.replay_one, Scope.ADMIN),
    Route("POST", WEBHOOK + "/replay", webhooks.replay, Scope.ADMIN),
    Route("POST", "/v1/{appId}/bulk/users", bulk.upsert, WRITE),
    Route("GET", "/v1/{appId}/bulk/users", bulk.export, READ),
    Route("PUT", "/v1/{appId}/bulk/users", bulk.import_, WRITE),
)

NATIVE = Dialect(
    name="native",
    prefixes=("/v1/",),
    routes=ROUTES,
    content_type="application/json",
    identify=identify_native,
    checks=(count_request, check_app, check_network, check_rate, check_active, check_scope, check_token_access),
    describe_error=describe_error,
)
