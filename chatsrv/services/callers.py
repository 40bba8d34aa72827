"""Who is asking: from a credential to a Caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from chatsrv.domain.apps import App, Caller, Operator
from chatsrv.domain.audit import Action, act_on
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError, Distrust, Forbidden, Inactive, Unauthenticated, UserNotFound
from chatsrv.domain.presence import SERVER
from chatsrv.domain.tokens import TokenClaims
from chatsrv.domain.users import AccountStatus, User
from chatsrv.metrics import Metrics
from chatsrv.services import access_tokens, bearers, operators, tokens
from chatsrv.services.access_tokens import AccessTokens
from chatsrv.services.addresses import Addresses, Known
from chatsrv.services.apps import KEY_PREFIX, Apps
from chatsrv.services.audit import Audit
from chatsrv.services.bearers import Bearers
from chatsrv.services.operators import Operators
from chatsrv.services.users import Users
from chatsrv.settings import Settings

Find = Callable[[str], Awaitable[Caller]]


class Callers:
    """Every edge identifies through here.

    `address`: where the credential comes from, of which wrong ones are counted. While there are too many, only what has
    been good here before is looked up; all else raises TooManyRequests. Without an address nothing is counted.
    """

    def __init__(
        self,
        apps: Apps,
        users: Users,
        access_tokens: AccessTokens,
        bearers: Bearers,
        operators: Operators,
        audit: Audit,
        addresses: Addresses,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._apps = apps
        self._audit = audit
        self._access_tokens = access_tokens
        self._bearers = bearers
        self._operators = operators
        self._users = users
        self._addresses = addresses
        self._known = Known()
        self._known_apps = Known()
        self._settings = settings
        self._clock = clock
        self._metrics = metrics

    async def identify(self, credential: str | None, address: str | None = None) -> Caller:
        """A server key, the token of an operator, or a user token, which two dots give away. Raises Unauthenticated.

        An account that is deactivated is found, too: see `check_active`.
        """

        async def find(credential: str) -> Caller:
            if credential.count(".") == 2:
                return (await self._identify_user(credential, address, is_socket=False))[0]
            return await self._find_server(credential, address)

        return await self._identified(credential, address, find)

    async def _find_server(self, credential: str, address: str | None) -> Caller:
        """Whoever is no user of the app: its backend, or an operator."""
        how = self._operators.identify if credential.startswith(operators.PREFIX) else self._find_key
        return await self._find_opaque(credential, address, how)

    async def identify_server(self, credential: str, address: str | None = None) -> Caller:
        """A server key, or the token of an operator. Raises Unauthenticated."""
        return await self._identified(credential, address, lambda text: self._find_server(text, address))

    async def find_over(self, callers: Sequence[Caller]) -> set[str]:
        """The names of those whom `identify_server` would not let in any more: their keys or sessions are over, or the
        app is gone. Raises Unavailable."""
        over = await self._operators.find_over(caller.operator for caller in callers if caller.operator)
        live = await self._apps.find_live_keys(
            caller.key.id for caller in callers if caller.key and not caller.operator
        )
        return {caller.name for caller in callers if await self._is_over(caller, over, live)}

    async def _is_over(self, caller: Caller, over: set[Operator], live: set[str]) -> bool:
        if caller.operator:
            return caller.operator in over or await self._apps.find(caller.app.id) is None
        return caller.key is None or caller.key.id not in live

    async def identify_key(self, credential: str | None, address: str | None = None) -> Caller:
        """A server key and nothing else. Raises Unauthenticated."""
        return await self._identified(
            credential, address, lambda credential: self._find_opaque(credential, address, self._find_key)
        )

    async def identify_access(self, credential: str | None, address: str | None = None) -> Caller:
        """A server key, or a user's access token. Raises Unauthenticated."""

        async def find(credential: str) -> Caller:
            user = await self._access_tokens.find_user(credential)
            app = await self._apps.find(user.app_id) if user else None
            if user is None or app is None:
                raise Unauthenticated(Distrust.UNKNOWN_KEY, "There is no such access token, or not any more.")
            return Caller(app, user=user)

        return await self._identify_either(credential, address, access_tokens.PREFIX, find)

    async def identify_bearer(self, credential: str | None, address: str | None = None) -> Caller:
        """A server key, or the bearer of somebody who signed in. Raises Unauthenticated."""

        async def find(credential: str) -> Caller:
            identity_id, user = await self._bearers.identify(credential)
            app = await self._apps.find(user.app_id)
            if app is None:
                raise Unauthenticated(Distrust.BAD_BEARER, "The account is gone.")
            return Caller(app, user=user, identity_id=identity_id)

        return await self._identify_either(credential, address, bearers.PREFIX, find)

    async def _identify_either(self, credential: str | None, address: str | None, prefix: str, find: Find) -> Caller:
        """With this prefix it is found by `find`; else it is to be a server key."""

        async def find_either(credential: str) -> Caller:
            how = find if credential.startswith(prefix) else self._find_key
            return await self._find_opaque(credential, address, how)

        return await self._identified(credential, address, find_either)

    async def _identified(self, credential: str | None, address: str | None, find: Find) -> Caller:
        """Counts what is refused."""
        try:
            if not credential:
                raise Unauthenticated(Distrust.MISSING, "Give a server key or a user token as Authorization: Bearer.")
            if not credential.isascii():
                raise Unauthenticated(Distrust.UNKNOWN_KEY, "Keys and tokens are plain ASCII.")
            return await find(credential)
        except Unauthenticated as error:
            self._metrics.refused_credentials.labels(error.reason.value).inc()
            self._count_failure(address, error)
            raise

    def _count_failure(self, address: str | None, error: Unauthenticated) -> None:
        if address is not None:
            self._addresses.count_failure(address, error.reason)

    async def _find_opaque(self, credential: str, address: str | None, find: Find) -> Caller:
        """What tells nothing by itself, and can only be looked up."""
        if address is not None and credential not in self._known:
            self._addresses.check_failures(address)
        caller = await find(credential)
        self._known.note(credential)
        self._known_apps.note(caller.app.id)
        return caller

    async def _find_key(self, credential: str) -> Caller:
        app, key = await self._apps.identify(credential)
        return Caller(app, key=key)

    async def identify_user(self, token: str, address: str | None = None) -> tuple[Caller, TokenClaims]:
        """Whose token this is, for a socket, which may create its user. Raises Unauthenticated and Inactive."""
        try:
            caller, claims = await self._identify_user(token, address, is_socket=True)
        except Unauthenticated as error:
            self._count_failure(address, error)
            raise
        self.check_active(caller)
        return caller, claims

    async def _identify_user(self, token: str, address: str | None, is_socket: bool) -> tuple[Caller, TokenClaims]:
        """To verify a token of an app that is known takes no look-up, and is done in any case."""
        unverified = tokens.take_apart(token)
        app_id = unverified.app_id
        if address is not None and app_id not in self._known_apps:
            self._addresses.check_failures(address)
        app = await self._apps.find(app_id)
        if app is None:
            raise Unauthenticated(Distrust.BAD_TOKEN, "The token's signature does not verify for this app.")
        claims = tokens.verify(unverified, app, self._clock.now(), self._settings.token_leeway_s)
        self._known_apps.note(app_id)
        user = await self._find_subject(app, claims.username, is_socket)
        if claims.issued_at < user.tokens_since:
            raise Unauthenticated(Distrust.REVOKED_TOKEN, "The token has been revoked.")
        return Caller(app, user=user), claims

    async def _find_subject(self, app: App, username: str, is_socket: bool) -> User:
        find = self._users.find_in_passing if is_socket else self._users.find
        try:
            return await find(app.id, username)
        except UserNotFound as error:
            if is_socket and self._apps.setting(app, "auto_create_users"):
                return await self._create_subject(app.id, username)
            message = f"The token's user {username!r} does not exist."
            raise Unauthenticated(Distrust.NO_SUCH_USER, message) from error

    async def _create_subject(self, app_id: str, username: str) -> User:
        """Two sockets of one new user may come at once: whoever is second finds the first one's user."""
        try:
            return (await self._users.create(app_id, {"username": username}, SERVER)).user
        except ChatError:
            try:
                return await self._users.find(app_id, username)
            except UserNotFound as error:
                message = f"The token's user {username!r} cannot be created."
                raise Unauthenticated(Distrust.NO_SUCH_USER, message) from error

    async def mint_token(self, app: App, username: str, ttl_s: int) -> tuple[str, int]:
        """A token for an active user, and when it expires (ms). Raises UserNotFound and Inactive."""
        user = await self._users.find(app.id, username)
        if user.status is not AccountStatus.ACTIVE:
            raise Inactive(f"The account {user.username!r} is deactivated.")
        await self._audit.tell(act_on(user, Action.TOKEN_MINTED, ttl_s=ttl_s))
        return tokens.mint(app, user, self._clock.now(), ttl_s)

    @staticmethod
    def may_be_key(credential: str | None) -> bool:
        """Whether it looks like a server key or what an operator has in its place, which is all that can be told
        without looking it up."""
        return credential is not None and credential.startswith((KEY_PREFIX, operators.PREFIX))

    @staticmethod
    def check_active(caller: Caller) -> None:
        """Raises Inactive for a user whose account is deactivated."""
        if caller.user and caller.user.status is not AccountStatus.ACTIVE:
            raise Inactive("This account is deactivated.")

    @staticmethod
    def check_network(caller: Caller, address: str) -> None:
        """Raises Forbidden for a key that is used from where it may not be."""
        if caller.key and not caller.key.allows_address(address):
            raise Forbidden("This key may not be used from your network address.")
