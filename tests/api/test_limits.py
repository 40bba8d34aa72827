"""Every limit that a setting holds: how one comes up against it, what is answered, and what operators see of it.

A row has a setting with a small value and a client that takes one more than that. A setting that limits something has a
row here, or a reason for having none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from chatsrv.settings import describe
from tests.api import limited as rest
from tests.api import limited_rates as rates
from tests.api import limited_sockets as sockets
from tests.api.limited import LIMITED, USERS, Provoke, World, running_world

world = pytest.fixture(scope="module")(running_world)

NAMES = ["anna", "ben", "cleo", "dora"]
POST = b"POST /v1/demo/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer KEY\r\n"
HERE = "203.0.113.11"
TOO_MANY = {"usernames": NAMES[:3]}
HEAD, LONG = b"GET /v1/ HTTP/1.1\r\nHost: x\r\n", b"a" * 3000
DEEP = b"[" * 20 + b"]" * 20
RATED = "chatsrv_http_rate_limited_total"


@dataclass(frozen=True, slots=True)
class Row:
    """`limit`: the setting. `came`: status and code. `metric`: what has grown, None where the answer alone tells."""

    limit: str
    provoke: Provoke
    status: int
    code: Any = None
    metric: tuple[str, Mapping[str, str]] | None = None
    has_retry_after: bool = False


def row(limit: str, provoke: Provoke, status: int, code: Any = None, **options: Any) -> Row:
    return Row(limit, provoke, status, code, (LIMITED, {"limit": limit}), **options)


def rated(limit: str, provoke: Provoke, code: Any, kind: str) -> Row:
    return Row(limit, rates.until(429, provoke), 429, code, (RATED, {"kind": kind}), has_retry_after=True)


ROWS = (
    row("body_max_bytes", rest.sending("POST", USERS, {"username": "x" * 5000}), 413, 41300),
    row("body_max_bytes", rest.talking(POST + b"Content-Length: 99999999\r\n\r\n"), 413, 41300),
    row(
        "body_max_bytes",
        rest.talking(POST + b"Transfer-Encoding: chunked\r\n\r\n", *[b"400\r\n" + b" " * 1024 + b"\r\n"] * 5),
        413,
        41300,
    ),
    row("bulk_body_max_bytes", rest.sending("POST", "/v1/demo/bulk/users", b" " * 9000), 413, 41300),
    row(
        "header_max_bytes",
        rest.talking(b"GET /v1/?" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        400,
        40000,
    ),
    row("header_max_bytes", rest.talking(HEAD + b"X: " + LONG + b"\r\n\r\n"), 400, 40000),
    row("header_max_fields", rest.talking(HEAD + b"X: a\r\n" * 50 + b"\r\n"), 400, 40000),
    row("json_max_depth", rest.sending("POST", USERS, DEEP), 400, 40000),
    row("metadata_max_bytes", rest.sending("PATCH", f"{USERS}/ben", {"metadata": {"a": "x" * 100}}), 400, 40013),
    row("page_max", rest.asking(f"{USERS}?limit=11"), 400, 40003),
    row("offset_max", rest.asking(f"{USERS}?offset=21"), 400, 40003),
    row("filters_max", rest.asking(f"{USERS}?" + "&".join(["filter=username:eq:x"] * 3)), 400, 40003),
    row("bulk_max_users", rest.sending("POST", "/v1/demo/bulk/users", {"users": [{}] * 3}), 400, 40003),
    row("bulk_query_max", rest.sending("POST", "/v1/demo/presence/query", {"usernames": NAMES}), 400, 40003),
    row("members_max", rest.sending("POST", "/v1/demo/channels/{channel}/users", {"members": NAMES[:3]}), 400, 40003),
    row("oksky_page_max", rest.asking_sky("/users?page[size]=27"), 400, "118"),
    row("include_max", rest.asking_sky("/users?include=rooms,members,members.room"), 400, "112"),
    row("included_max", rest.asking_sky("/users?include=members"), 400, "112"),
    row("pulse_page_max", rest.asking_pulse("/users?page[size]=27"), 400, "invalid_parameter"),
    row(
        "pulse_filters_max",
        rest.asking_pulse("/users?filter[name]=a&filter[name]=b&filter[name]=c"),
        400,
        "invalid_parameter",
    ),
    row("pulse_included_max", rest.asking_pulse("/users?include=account_memberships"), 400, "invalid_parameter"),
    row("named_values_max", rest.put_two_infos, 400, 40003),
    row("webhooks_per_app", rest.sending("POST", "/v1/demo/webhooks", {"url": "https://8.8.8.8/"}), 400, 40003),
    Row("note_max_chars", rest.sending("POST", f"{USERS}/anna/memos", {"author": "ben", "text": "x" * 51}), 400, 40003),
    Row("panel_page_max", rest.ask_for_a_large_page, 200, 3),
    Row("import_line_max_bytes", rest.importing(b"x" * 2000), 200, 41300),
    Row("import_failures_max", rest.importing(b"{", b"{", b'{"username": "never"}'), 200, 40000),
    Row("heartbeat_ttl_max_s", rest.sending("PUT", f"{USERS}/anna/presence", {"status": 1, "ttl": 101}), 400, 40003),
    row("password_queue_max", rest.sign_in_all_at_once, 503, "unavailable", has_retry_after=True),
    Row("token_ttl_max_s", rest.sending("POST", f"{USERS}/anna/tokens", {"ttl": 3601}), 400, 40003),
    row("body_timeout_s", rest.talking(POST + b"Content-Length: 9\r\n\r\n{"), 400, 40000),
    Row(
        "slowest_bytes_per_s",
        rest.talking(POST + b"Content-Length: 900\r\n\r\n", *[b" "] * 800, pause_s=0.05),
        400,
        40000,
        (LIMITED, {"limit": "body_timeout_s"}),
    ),
    row("keepalive_s", rest.talking(b"GET /v1/demo/us"), 0),
    row("keepalive_s", rest.read_nothing, 0),
    rated("key_rate_burst", rates.ask_with_a_key, 42900, "key"),
    rated("token_rate_burst", rates.ask_with_a_token, 42900, "token"),
    rated("panel_rate_per_minute", rates.ask_the_panel, "ThrottleRequestsException", "key"),
    rated("pulse_rate_per_minute", rates.ask_pulse, "too_many_requests", "address"),
    rated("pulse_auth_attempts", rates.sign_in, "too_many_requests", "address"),
    row("address_rate_per_minute", rates.until(429, rates.ask_as_nobody), 429, 42900, has_retry_after=True),
    row("failed_credentials_per_minute", rates.until(429, rates.guess_a_key), 429, 42900, has_retry_after=True),
    row("sockets_per_address", sockets.coming(4, HERE, users="anna ben cleo"), 0, 42900, has_retry_after=True),
    row(
        "sockets_per_app",
        sockets.coming(5, HERE, "203.0.113.12", users="anna ben cleo"),
        0,
        42900,
        has_retry_after=True,
    ),
    row("observers_per_app", sockets.observe_too_often, 0, 42900, has_retry_after=True),
    row("sessions_per_user", sockets.come_too_often, 0, 4002),
    Row(
        "socket_events_burst",
        sockets.emitting("presence:query", {"usernames": []}, 50),
        0,
        4011,
        (RATED, {"kind": "socket"}),
    ),
    row("bad_packets_max", sockets.emitting("no:such", None, 3), 0, 4010),
    row("subscribe_max", sockets.calling("presence:subscribe", lambda _: TOO_MANY), 0, 40003),
    row(
        "subscriptions_per_socket",
        sockets.calling("presence:unsubscribe", lambda _: TOO_MANY),
        0,
        40003,
    ),
    row("bulk_query_max", sockets.calling("presence:query", lambda _: {"usernames": NAMES}), 0, 40003),
    row("channels_per_socket", sockets.calling("room:enter", lambda world: {"channel": world.channels[0]}), 0, 40003),
    row("auth_deadline_s", sockets.say_nothing, 0),
    row("socket_message_max_bytes", sockets.say_much, 0, 1009),
    row("socket_queue_max_bytes", sockets.hear_nothing, 0),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.limit)
async def test_one_more_than_a_limit_is_refused_and_counted(world: World, row: Row) -> None:
    before = world.seen(row.metric[0], **row.metric[1]) if row.metric else 0
    came = await row.provoke(world)
    assert (came.status, came.code) == (row.status, row.code)
    assert ("Retry-After" in came.headers) is row.has_retry_after
    if row.metric:
        assert world.seen(row.metric[0], **row.metric[1]) > before


LIMITING = re.compile(
    r"_max(_|$)|_burst$|_per_(minute|user|app|address|socket)$|_attempts$|^slowest_|_deadline_s$|queue"
)
"""What the names of settings are like that limit what clients may take."""
NO_ROW = {
    "key_rate_per_minute": "the pace at which the burst comes back",
    "token_rate_per_minute": "the same",
    "address_rate_burst": "of one bucket with address_rate_per_minute",
    "socket_events_per_minute": "of one bucket with socket_events_burst",
    "bearers_max": "nobody is refused: the oldest gives way",
    "claims_max": "the same",
    "sign_ins_waiting_max": "the same",
    "changelog_max": "the same: whoever was away longer gets everybody",
    "feed_max": "the same, of nodes",
    "webhook_backlog_max": "the oldest of what waits gives way: tests/services/test_deliveries.py",
}


def test_every_limit_has_a_row_or_a_reason_for_none() -> None:
    limits = {info.name for info in describe() if LIMITING.search(info.name)}
    rows = {row.limit for row in ROWS}
    assert limits - rows == NO_ROW.keys()
    assert not rows & NO_ROW.keys()
    assert rows <= {info.name for info in describe()}
