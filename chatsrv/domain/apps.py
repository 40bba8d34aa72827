"""Apps (the tenants), their server keys, and who a caller turns out to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from ipaddress import ip_address, ip_network

from chatsrv.domain.audit import SYSTEM, Actor, ActorKind
from chatsrv.domain.errors import Forbidden, Invalid, Problem
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import SERVER, Viewer
from chatsrv.domain.users import User

_APP_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
RESERVED = frozenset(("users",))
"""`/v1/users/...` takes the app from the key."""


class Scope(StrEnum):
    """What a server key may do. A write scope implies no read."""

    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    PRESENCE_READ = "presence:read"
    PRESENCE_WRITE = "presence:write"
    SESSIONS_WRITE = "sessions:write"
    SERVERS_READ = "servers:read"
    SERVERS_WRITE = "servers:write"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)
DASHBOARD = "dashboard"
"""The name of whoever came to it by a link."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies user tokens; `algorithm` (RS256, ES256 or EdDSA) follows from the key alone."""

    algorithm: str
    pem: str

    @property
    def id(self) -> str:
        """By which people tell keys apart; the same key always has the same."""
        return mark_of("".join(self.pem.split()))


@dataclass(frozen=True, slots=True)
class OldSecret:
    """One that was replaced: what it signed is good until `ends_at` (ms)."""

    secret: str = field(repr=False)
    ends_at: int


Setting = float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class App:
    """A tenant. `settings` holds only what the app changed; the server's settings are the defaults."""

    id: str
    name: str
    jwt_secret: str = field(repr=False)
    created_at: int
    public_keys: tuple[PublicKey, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    old_secrets: tuple[OldSecret, ...] = ()

    def secrets(self, now: int) -> tuple[str, ...]:
        """What may have signed a token that is good now, the newest first; a secret that is none signs nothing."""
        kept = (old.secret for old in self.old_secrets if now < old.ends_at)
        return tuple(secret for secret in (self.jwt_secret, *kept) if secret)

    def signers(self, now: int) -> frozenset[str]:
        """The marks of whatever may have signed one."""
        return frozenset((*map(mark_of, self.secrets(now)), *(key.id for key in self.public_keys)))

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """Of web pages that may talk to this app, beside those that the server allows for all."""
        origins = self.settings.get("allowed_origins", ())
        return origins if isinstance(origins, tuple) else ()


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A backend's credential for one app; only the hash of its secret is kept."""

    id: str
    app_id: str
    name: str
    secret_hash: str
    scopes: frozenset[Scope]
    networks: tuple[str, ...]
    created_at: int
    expires_at: int | None
    revoked_at: int | None

    def is_live(self, now: int) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def allows_address(self, address: str) -> bool:
        return not self.networks or is_inside(address, self.networks)

    def actor(self, address: str, request_id: str) -> Actor:
        return Actor(ActorKind.KEY, self.id, self.name, address, request_id)


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who is signed in to the dashboard until `expires_at` (ms): by a link that the command line made, or by
    a server key with the scope admin, which sees its own app alone and with which the session ends.

    `session`: the hash of the secret by which they are known.
    """

    expires_at: int
    key: ServerKey | None = None
    session: str = ""

    @property
    def app_id(self) -> str | None:
        """The one app that they see; None: all."""
        return self.key.app_id if self.key else None

    @property
    def mark(self) -> str:
        """By which their session is told from others, and from which nobody learns its secret."""
        return self.session[:12]

    def sees(self, app_id: str) -> bool:
        return self.app_id in (None, app_id)

    def as_caller(self, app: App) -> Caller:
        """With the rights of the key that they came by; whoever came by a link may do everything."""
        everything = ServerKey("", app.id, DASHBOARD, "", ALL_SCOPES, (), NEVER, self.expires_at, None)
        return Caller(app, key=self.key or everything, operator=self)

    def actor(self, address: str, request_id: str) -> Actor:
        if self.key:
            return self.key.actor(address, request_id)
        return Actor(ActorKind.OPERATOR, self.mark, DASHBOARD, address, request_id)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: a server key, or a user with a token. Exactly one of the two is set.

    `identity_id` is set where the user signed in with a password. `operator`: where it is the dashboard that asks; the
    key says what it may do.
    """

    app: App
    key: ServerKey | None = None
    user: User | None = None
    identity_id: int | None = None
    operator: Operator | None = None

    @property
    def viewer(self) -> Viewer:
        """Through whose eyes presence is seen."""
        return Viewer(self.user.id) if self.user else SERVER

    @property
    def name(self) -> str:
        """Under which they are counted and logged."""
        if self.operator:
            return f"operator {self.operator.mark}"
        return f"key {self.key.id}" if self.key else f"user {self.app.id} {self.user.id if self.user else ''}"

    @property
    def manages(self) -> bool:
        """Whether they are a backend, or somebody who manages the app's people."""
        return self.key is not None or (self.user is not None and self.user.is_admin)

    def has_scope(self, scope: Scope) -> bool:
        return self.key is not None and scope in self.key.scopes

    def actor(self, address: str, request_id: str) -> Actor:
        """As the audit trail names them."""
        if self.user:
            return Actor(ActorKind.USER, str(self.user.id), self.user.username, address, request_id)
        who = self.operator or self.key
        return who.actor(address, request_id) if who else SYSTEM


def mark_of(key: str) -> str:
    """By which a key or secret is known again, and from which nobody learns it."""
    return sha256(key.encode()).hexdigest()[:12]


def check_within(key: ServerKey, own: ServerKey) -> None:
    """Nobody makes a key that may do more than their own, from elsewhere or for longer. Raises Forbidden."""
    beyond = sorted(key.scopes - own.scopes)
    if beyond:
        raise Forbidden(f"You lack the scope {beyond[0]}, and cannot give it to a key.")
    if own.networks and not (key.networks and all(_is_part(network, own.networks) for network in key.networks)):
        raise Forbidden(f"Your key is for {', '.join(own.networks)}, and so must be what you make with it.")
    if own.expires_at is not None and (key.expires_at is None or key.expires_at > own.expires_at):
        raise Forbidden("What you make with your key must end no later than that.")


def _is_part(network: str, networks: tuple[str, ...]) -> bool:
    """Of one of them; all are well-formed."""
    one = ip_network(network)
    return any(one.version == whole.version and one.subnet_of(whole) for whole in map(ip_network, networks))  # type: ignore[arg-type]


def check_app_id(app_id: str) -> str:
    if app_id in RESERVED:
        raise Invalid(Problem("appId", f"{app_id!r} is a word of the API's own paths"))
    if not _APP_ID.fullmatch(app_id):
        message = "must be 1 to 63 of a-z, 0-9, - and _, and begin with a letter or digit"
        raise Invalid(Problem("appId", message))
    return app_id


def check_scopes(names: list[str]) -> frozenset[Scope]:
    """No name at all means every scope."""
    unknown = sorted(set(names) - ALL_SCOPES)
    if unknown:
        known = ", ".join(sorted(ALL_SCOPES))
        raise Invalid(Problem("scope", f"{unknown[0]!r} is no scope; there are {known}"))
    return frozenset(Scope(name) for name in names) or ALL_SCOPES


def check_network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError as error:
        raise Invalid(Problem("network", f"{text!r} is no address or network such as 10.0.0.0/8")) from error


def is_inside(address: str, networks: tuple[str, ...]) -> bool:
    """An address that cannot be read is inside no network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in ip_network(network) for network in networks)
