"""Every setting: its name, default and meaning.

Units stand in the names: `_s` seconds, `_ms` milliseconds, `_bytes` bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from chatsrv.settings.origins import explain_origin

SECRET = "secret"  # noqa: S105 - a marker, not a secret


def _says(description: str, *, secret: bool = False, **limits: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, extra={SECRET: True} if secret else None, **limits)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of one server. `relations` holds what must be true between them."""

    host: Annotated[str, _says("Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1"
    port: Annotated[int, _says("Port to listen on; 0 takes a free one.", ge=0, le=65535)] = 8080
    workers: Annotated[
        int, _says("Processes that serve; with more than one, a further process starts and watches them.", ge=1)
    ] = 1
    data_dir: Annotated[str, _says("Folder of the embedded stores.")] = "data"
    database_url: Annotated[
        str, _says("postgres://... or sqlite:///file.db; empty: SQLite in the data folder.", secret=True)
    ] = ""
    database_pool: Annotated[int, _says("Connections to the database per process.", ge=1)] = 10
    database_timeout_s: Annotated[float, _says("How long a statement may wait for the database.", gt=0)] = 10.0
    redis_url: Annotated[
        str,
        _says("redis://, rediss:// or unix://; empty: an embedded Valkey in the data folder.", secret=True),
    ] = ""
    redis_prefix: Annotated[str, _says("First part of every Redis key.", pattern="^[A-Za-z0-9_.-]+$")] = "chatsrv"
    redis_pool: Annotated[int, _says("Connections to Redis per process; callers wait for a free one.", ge=2)] = 64
    redis_timeout_s: Annotated[float, _says("How long a command may take.", gt=0)] = 3.0
    redis_tls_verify: Annotated[bool, _says("Check the certificate of a rediss:// server.")] = True
    log_format: Annotated[str, _says("json, text, or auto: text on a terminal.", pattern="^(auto|json|text)$")] = "auto"
    log_level: Annotated[str, _says("debug, info, warning or error.", pattern="^(debug|info|warning|error)$")] = "info"
    access_log: Annotated[bool, _says("One log line for each request.")] = True
    allowed_origins: Annotated[
        tuple[str, ...],
        _says(
            "Origins of web pages that may talk to us beside the same one, over REST and sockets, such as "
            "https://shop.example; * for all. For an app: those beside the server's. Per app."
        ),
    ] = ()
    trusted_proxies: Annotated[
        int, _says("How many proxies of ours stand in front: so many entries of X-Forwarded-For count.", ge=0)
    ] = 0
    metrics_host: Annotated[str, _says("Address on which /metrics needs no key.")] = "127.0.0.1"
    metrics_port: Annotated[
        int, _says("Port on which /metrics needs no key; 0: none, only metrics_key opens it.", ge=0, le=65535)
    ] = 0
    metrics_key: Annotated[
        str,
        _says(
            "What opens /metrics elsewhere, as a Bearer or X-Api-Key; empty: a server key with the scope admin, while "
            "there is but one app.",
            secret=True,
        ),
    ] = ""
    run_worker: Annotated[bool, _says("Whether serve runs the sweeps and flushes itself.")] = True
    shutdown_timeout_s: Annotated[float, _says("How long requests under way may take at the end.", gt=0)] = 5.0
    keepalive_s: Annotated[
        float, _says("How long an idle HTTP connection, slow headers, or an answer that nobody reads may last.", gt=0)
    ] = 20.0
    slowest_bytes_per_s: Annotated[
        int, _says("A body that comes, or an answer that is read, more slowly for longer than that is cut.", ge=1)
    ] = 1024

    body_max_bytes: Annotated[int, _says("Largest JSON body.", ge=1024)] = 65_536
    bulk_body_max_bytes: Annotated[int, _says("Largest body of a bulk upsert.", ge=1024)] = 8_388_608
    body_timeout_s: Annotated[float, _says("How long a client may take between two pieces of a body.", gt=0)] = 20.0
    bulk_max_users: Annotated[int, _says("Users in one bulk upsert.", ge=1, le=8000)] = 1000
    header_max_bytes: Annotated[int, _says("Longest header line and longest request line.", ge=1024)] = 8190
    header_max_fields: Annotated[int, _says("Most header fields of a request.", ge=32, le=1000)] = 128
    json_max_depth: Annotated[int, _says("How deep JSON may be nested.", ge=4, le=500)] = 32
    metadata_max_bytes: Annotated[int, _says("Largest metadata of a user, as JSON.", ge=2)] = 8192
    import_line_max_bytes: Annotated[int, _says("Longest line of an import.", ge=1024)] = 262_144
    import_batch: Annotated[int, _says("Lines of an import that go into one transaction.", ge=1, le=8000)] = 500
    import_failures_max: Annotated[int, _says("After so many bad lines an import stops.", ge=1)] = 1000
    page_default: Annotated[int, _says("Users on a page when limit is not given.", ge=1)] = 50
    page_max: Annotated[int, _says("Most users on a page.", ge=1)] = 200
    offset_max: Annotated[int, _says("Largest offset; beyond it a cursor goes on.", ge=0)] = 10_000
    filters_max: Annotated[int, _says("Most filters in the query of a list of users.", ge=1, le=100)] = 20
    address_rate_per_minute: Annotated[
        int,
        _says("Requests a minute of each client address and process that bring no good server key.", ge=1),
    ] = 12_000
    address_rate_burst: Annotated[int, _says("Such requests that an address may send at once.", ge=1)] = 2_000
    failed_credentials_per_minute: Annotated[
        int,
        _says("Keys and tokens that an address may get wrong; then only those that were good before count.", ge=1),
    ] = 60
    key_rate_per_minute: Annotated[int, _says("Requests a minute for each server key and process.", ge=1)] = 90_000
    key_rate_burst: Annotated[int, _says("Requests that a server key may send at once.", ge=1)] = 2_000
    token_rate_per_minute: Annotated[int, _says("Requests a minute for each user token and process.", ge=1)] = 600
    token_rate_burst: Annotated[int, _says("Requests that a user may send at once.", ge=1)] = 600
    panel_rate_per_minute: Annotated[
        int, _says("Requests a minute for each server key and process in the panel dialect.", ge=1)
    ] = 240
    panel_page_max: Annotated[int, _says("Most users or servers on a page of the panel dialect.", ge=1)] = 1000
    oksky_page_max: Annotated[int, _says("Most resources on a page of the OkSky dialect.", ge=25)] = 100
    pulse_rate_per_minute: Annotated[
        int, _says("Requests a minute of the Pulse dialect for each client address and process.", ge=1)
    ] = 300
    pulse_auth_attempts: Annotated[
        int, _says("Requests to its /auth paths that an address may send within the window.", ge=1)
    ] = 5
    pulse_auth_window_s: Annotated[float, _says("The window in which they are counted.", gt=0)] = 20.0
    pulse_page_default: Annotated[int, _says("Items on its pages when page[size] is not given.", ge=1)] = 25
    pulse_page_max: Annotated[int, _says("Most items on its pages.", ge=1)] = 100
    # for each filter on a team a database plans one more join
    pulse_filters_max: Annotated[int, _says("Most filters in the query of one of its lists.", ge=1, le=100)] = 20
    pulse_included_max: Annotated[int, _says("Most resources that one of its answers includes.", ge=1, le=8000)] = 5000
    credential_cache_s: Annotated[
        float,
        _says("How long a node trusts a key or app it has read: a revocation takes so long.", ge=0, le=60),
    ] = 1.0
    row_cache_bytes: Annotated[
        int, _says("Memory for users that a node remembers as the database has them; 0: none.", ge=0)
    ] = 67_108_864
    row_cache_s: Annotated[
        float, _says("How long it remembers them at the most, though nobody told of a change.", ge=0, le=1800)
    ] = 60.0
    answer_cache_bytes: Annotated[
        int, _says("Memory for answers that a node remembers until what they tell changes; 0: none.", ge=0)
    ] = 67_108_864
    token_ttl_s: Annotated[int, _says("Life of a user token for which nobody asked otherwise.", ge=1)] = 3600
    token_ttl_max_s: Annotated[int, _says("Longest life of a user token that this server makes.", ge=1)] = 2_592_000
    token_leeway_s: Annotated[int, _says("Clock difference that exp, nbf and iat of a token may have.", ge=0)] = 10
    password_min_chars: Annotated[
        int, _says("Shortest password that a person may choose; a backend may give a shorter one.", ge=1, le=1000)
    ] = 8
    password_memory_kib: Annotated[int, _says("Memory for one password with argon2id.", ge=8, le=4_194_304)] = 65_536
    password_time_cost: Annotated[int, _says("Passes over that memory.", ge=1, le=1000)] = 3
    password_threads: Annotated[int, _says("Passwords hashed at the same time, per process.", ge=1, le=64)] = 2
    password_queue_max: Annotated[
        int, _says("Passwords that wait to be hashed, per process; who comes then is asked to come later.", ge=1)
    ] = 64
    bearer_ttl_s: Annotated[int, _says("Life of the bearer that a sign-in with a password gives.", ge=1)] = 1_209_600
    bearers_max: Annotated[int, _says("Live bearers of one person; the oldest gives way.", ge=1)] = 100
    invitation_ttl_s: Annotated[int, _says("How long an invitation may be accepted.", ge=1)] = 604_800
    admin_link_ttl_s: Annotated[int, _says("Life of a one-time link to the dashboard.", ge=1, le=86_400)] = 600
    admin_session_ttl_s: Annotated[int, _says("Life of a sign-in to the dashboard.", ge=60, le=2_592_000)] = 43_200
    tidy_every_s: Annotated[float, _says("How often bearers and invitations that are over are deleted.", gt=0)] = 600.0

    auto_create_users: Annotated[bool, _says("A socket whose token names nobody creates that user. Per app.")] = False
    ping_interval_s: Annotated[float, _says("Engine.IO ping interval.", ge=1)] = 25.0
    ping_timeout_s: Annotated[float, _says("How long a pong may take.", gt=0)] = 20.0
    grace_s: Annotated[float, _says("Offline grace after a lost connection. Per app.", ge=0)] = 15.0
    mobile_grace_s: Annotated[float, _says("The same for mobile or background sessions. Per app.", ge=0)] = 60.0
    orphan_grace_s: Annotated[float, _says("The same after a node died. Per app.", ge=0)] = 8.0
    handoff_grace_s: Annotated[float, _says("The same after a node was stopped. Per app.", ge=0)] = 60.0
    drain_s: Annotated[float, _says("On SIGTERM clients are closed over so long.", ge=0)] = 20.0
    idle_after_s: Annotated[
        float, _says("A session without an action of its user for so long is idle; 0: never. Per app.", ge=0)
    ] = 300.0
    sessions_per_user: Annotated[int, _says("Live sessions of a user; the oldest gives way. Per app.", ge=1)] = 50
    sockets_per_address: Annotated[int, _says("Sockets of one client address, per process; 0: any number.", ge=0)] = (
        10_000
    )
    sockets_per_app: Annotated[int, _says("Sockets of one app, per process; 0: any number. Per app.", ge=0)] = 0
    observers_per_app: Annotated[
        int, _says("Sockets that watch all of an app, for each app, per process; 0: any number.", ge=0)
    ] = 100
    node_heartbeat_s: Annotated[float, _says("How often a node renews its lease.", gt=0)] = 3.0
    node_dead_s: Annotated[float, _says("A node silent for so long is dead.", gt=0)] = 10.0
    sweep_every_s: Annotated[float, _says("How often ended graces and dead nodes are swept.", gt=0)] = 2.0
    reconcile_every_s: Annotated[float, _says("How often a node compares its sockets with what Redis holds.", gt=0)] = (
        10.0
    )
    flush_every_s: Annotated[float, _says("How often clocks go from Redis to the database.", gt=0)] = 5.0
    sign_ins_kept_days: Annotated[float, _says("How long the sign-in log is kept; 0: for ever.", ge=0)] = 90.0
    audit_kept_days: Annotated[float, _says("How long the audit trail is kept; 0: for ever.", ge=0)] = 365.0
    sign_ins_shown: Annotated[int, _says("Sign-ins that come along with a user.", ge=1, le=1000)] = 25
    sign_ins_waiting_max: Annotated[int, _says("Sign-ins that a node holds back while the database is away.", ge=1)] = (
        100_000
    )
    history_days: Annotated[
        int, _says("How long presence history is kept; 0: none is written. Per app.", ge=0, le=3650)
    ] = 30
    history_every_s: Annotated[float, _says("How often it is written, from the change log.", gt=0, le=60)] = 2.0
    last_active_every_s: Annotated[
        float, _says("How often the last action of a session is written while it stays active.", ge=0)
    ] = 60.0
    fanout_window_ms: Annotated[int, _says("Changes within it travel in one frame.", ge=0)] = 50
    changelog_s: Annotated[float, _says("How long Redis keeps changes: who was away longer gets everybody.", gt=0)] = (
        300.0
    )
    changelog_max: Annotated[int, _says("Users of each app whose newest change it keeps at the most.", ge=100)] = (
        100_000
    )
    feed_max: Annotated[int, _says("Changes that Redis keeps for nodes that are behind, per shard.", ge=1000)] = 100_000
    claims_max: Annotated[int, _says("Presence claims of one user; the oldest gives way.", ge=1)] = 20
    presence_sets: Annotated[
        int, _says("So many presence:set of one user count at once within the window; then the last one.", ge=1)
    ] = 5
    presence_sets_window_s: Annotated[float, _says("The window in which they are counted.", gt=0)] = 20.0
    heartbeat_ttl_s: Annotated[int, _says("Life of an HTTP heartbeat that names none.", ge=1)] = 90
    heartbeat_ttl_min_s: Annotated[int, _says("Shortest life of an HTTP heartbeat.", ge=1)] = 30
    heartbeat_ttl_max_s: Annotated[int, _says("Longest life of an HTTP heartbeat.", ge=1)] = 600
    token_warning_s: Annotated[float, _says("A socket is told so long before its token is over.", ge=0)] = 60.0
    token_close_s: Annotated[float, _says("It is closed so long after, unless it brought a new token.", ge=0)] = 25.0
    bad_packets_max: Annotated[int, _says("So many events in error within the window end a socket.", ge=1)] = 20
    bad_packets_window_s: Annotated[float, _says("The window in which they are counted.", gt=0)] = 10.0
    socket_events_per_minute: Annotated[
        int, _says("Events that a socket may send; one that sends more is closed.", ge=1)
    ] = 1200
    socket_events_burst: Annotated[int, _says("Events that it may send at once.", ge=1)] = 200
    subscriptions_per_socket: Annotated[int, _says("Users that one socket may watch.", ge=1)] = 1000
    subscribe_max: Annotated[int, _says("Users in one subscribe or resume of a socket.", ge=1)] = 500
    bulk_query_max: Annotated[int, _says("Users in one presence query.", ge=1, le=8000)] = 1000
    channels_per_socket: Annotated[int, _says("Channels that one socket may be in.", ge=1)] = 100
    members_max: Annotated[int, _says("Members added to a channel, or removed, in one request.", ge=1, le=8000)] = 1000
    include_max: Annotated[int, _says("Relationships that one include of JSON:API may name.", ge=1, le=200)] = 50
    included_max: Annotated[int, _says("Resources that include of JSON:API may bring along.", ge=1, le=32_000)] = 5000
    note_max_chars: Annotated[int, _says("Longest memo, draft or info about a user, in characters.", ge=1)] = 8192
    named_values_max: Annotated[int, _says("Infos about a user, and settings of their widget.", ge=1)] = 100
    auth_deadline_s: Annotated[float, _says("A socket that has not proved who it is is closed after it.", gt=0)] = 10.0
    socket_message_max_bytes: Annotated[int, _says("Largest message on a socket.", ge=1024)] = 131_072
    socket_queue_max_bytes: Annotated[int, _says("A socket that leaves so much unread is cut.", ge=65_536)] = 4_194_304

    webhooks_per_app: Annotated[int, _says("Webhooks of an app.", ge=0)] = 10
    webhook_private_addresses: Annotated[
        bool,
        _says("Whether webhooks may go to this machine and to private networks; think who may make them."),
    ] = False
    webhook_ports: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1, le=65535)], ...],
        _says("Ports to which webhooks may go; none named: any."),
    ] = ()
    webhook_timeout_s: Annotated[float, _says("How long a receiver may take for its answer.", gt=0, le=120)] = 15.0
    webhook_retries_s: Annotated[
        tuple[Annotated[float, msgspec.Meta(gt=0, le=604_800)], ...],
        _says("Waits before a delivery is attempted again, a fifth more or less; the last one goes on."),
    ] = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0)
    webhook_give_up_s: Annotated[float, _says("A delivery older than that has failed.", gt=0)] = 86_400.0
    webhook_disable_after_days: Annotated[
        float, _says("A webhook to which nothing arrived for so long is disabled; 0: never.", ge=0)
    ] = 5.0
    webhook_in_flight: Annotated[
        int, _says("Deliveries under way to one webhook at once; 1 keeps them in order.", ge=1, le=32)
    ] = 2
    webhook_senders: Annotated[
        int, _says("Webhooks to which a process sends at once; others wait their turn.", ge=1, le=1000)
    ] = 100
    webhook_every_s: Annotated[
        float, _says("How often a process looks for deliveries that others left or that are due again.", gt=0)
    ] = 1.0
    webhook_lease_s: Annotated[
        float, _says("After so long others take over what a process that died was sending.", gt=0)
    ] = 30.0
    webhook_backlog_max: Annotated[
        int, _says("Deliveries that wait for one webhook; the oldest give way, and can be replayed.", ge=1)
    ] = 100_000
    webhook_log_days: Annotated[float, _says("How long events and their deliveries are kept.", gt=0)] = 7.0
    webhook_old_secret_s: Annotated[
        float, _says("How long a secret that was replaced signs along with the new one.", ge=0)
    ] = 86_400.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            # TOML has words for infinity and for no number; nothing here can wait so long
            if isinstance(value := getattr(self, name), float) and not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number")
        for origin in self.allowed_origins:
            if wrong := explain_origin(origin):
                raise ValueError(f"allowed_origins: {wrong}")
        for holds, sentence in self._relations():
            if not holds:
                raise ValueError(sentence)

    def __repr__(self) -> str:
        return "Settings(...)"  # some are secrets, and a repr ends up in logs

    def _relations(self) -> Iterable[tuple[bool, str]]:
        yield (
            self.node_heartbeat_s * 3 <= self.node_dead_s,
            "node_dead_s must be at least 3 x node_heartbeat_s",
        )
        yield self.grace_s < self.handoff_grace_s, "grace_s must be less than handoff_grace_s"
        yield self.drain_s < self.handoff_grace_s, "drain_s must be less than handoff_grace_s"
        yield self.page_default <= self.page_max, "page_default must be at most page_max"
        yield self.pulse_page_default <= self.pulse_page_max, "pulse_page_default must be at most pulse_page_max"
        yield (
            self.heartbeat_ttl_min_s <= self.heartbeat_ttl_s <= self.heartbeat_ttl_max_s,
            "heartbeat_ttl_s must lie between heartbeat_ttl_min_s and heartbeat_ttl_max_s",
        )
        yield (
            self.heartbeat_ttl_min_s > self.node_dead_s,
            "heartbeat_ttl_min_s must be more than node_dead_s, or a loss of Redis' data could end heartbeats early",
        )
        yield (
            self.changelog_s >= self.node_dead_s,
            "changelog_s must be at least node_dead_s, or a node that lives could miss changes",
        )
        yield self.token_ttl_s <= self.token_ttl_max_s, "token_ttl_s must be at most token_ttl_max_s"
        yield (
            self.webhook_log_days * 86_400 >= self.webhook_give_up_s,
            "webhook_log_days must be at least webhook_give_up_s, or what still waits would be deleted",
        )
        yield self.webhook_retries_s != (), "webhook_retries_s must name at least one wait"
        yield (
            self.webhook_lease_s >= self.webhook_timeout_s + 5,
            "webhook_lease_s must be at least webhook_timeout_s and 5 s more, or two may send the same",
        )


PER_APP = frozenset(
    (
        "grace_s",
        "mobile_grace_s",
        "orphan_grace_s",
        "handoff_grace_s",
        "idle_after_s",
        "sessions_per_user",
        "sockets_per_app",
        "auto_create_users",
        "allowed_origins",
        "history_days",
    )
)
"""What `chatsrv app set` may change for one app."""


class SettingInfo(msgspec.Struct, frozen=True):
    """A setting as people read of it."""

    name: str
    default: Any
    description: str
    is_secret: bool


def describe() -> list[SettingInfo]:
    """Every setting in the order of this file."""
    infos = []
    for item in msgspec.structs.fields(Settings):
        kind = msgspec.inspect.type_info(item.type)
        assert isinstance(kind, msgspec.inspect.Metadata)  # noqa: S101 - narrows the type
        description = (kind.extra_json_schema or {}).get("description", "")
        infos.append(SettingInfo(item.name, item.default, description, bool((kind.extra or {}).get(SECRET))))
    return infos
