"""What can be done: the only readers and writers of storage. `open_services` is the one place of wiring."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import SetupError
from chatsrv.metrics import Metrics
from chatsrv.services.access_tokens import AccessTokens
from chatsrv.services.accounts import Accounts
from chatsrv.services.addresses import Addresses
from chatsrv.services.admin import Admin
from chatsrv.services.apps import Apps
from chatsrv.services.audit import Audit
from chatsrv.services.bearers import Bearers
from chatsrv.services.callers import Callers
from chatsrv.services.channels import Channels
from chatsrv.services.claims import Claims
from chatsrv.services.clocks import ClockFlush
from chatsrv.services.desk import Desk
from chatsrv.services.explain import Explain
from chatsrv.services.health import Health
from chatsrv.services.holders import Holders
from chatsrv.services.identities import Identities
from chatsrv.services.invitations import Invitations
from chatsrv.services.memory.announcements import Announcements
from chatsrv.services.memory.following import Following
from chatsrv.services.memory.freshness import Freshness
from chatsrv.services.memory.mirror import Mirror
from chatsrv.services.memory.row_cache import RowCache
from chatsrv.services.memory.sight import Sight
from chatsrv.services.memory.user_reads import UserReads
from chatsrv.services.named_values import NamedValues
from chatsrv.services.newcomers import Newcomers
from chatsrv.services.notes import Notes
from chatsrv.services.origins import Origins
from chatsrv.services.passwords import Passwords
from chatsrv.services.presence import PresenceService
from chatsrv.services.profiles import Profiles
from chatsrv.services.servers import Servers
from chatsrv.services.sessions import LocalSessions
from chatsrv.services.sign_ins import SignIns
from chatsrv.services.signing import Signing
from chatsrv.services.stars import Stars
from chatsrv.services.supports import Supports
from chatsrv.services.teams import Teams
from chatsrv.services.tidying import Tidying
from chatsrv.services.transfer import Transfer
from chatsrv.services.upkeep import Upkeep
from chatsrv.services.upserts import Upserts
from chatsrv.services.user_changes import UserChanges
from chatsrv.services.users import Users
from chatsrv.services.watching import Watching
from chatsrv.settings import Settings
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.database import Database, open_database, parse_url
from chatsrv.storage.embedded import FolderInUse, embedded_valkey, own_folder
from chatsrv.storage.lane import open_lane
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.redis import open_redis
from chatsrv.storage.running_valkey import find_running_valkey
from chatsrv.storage.scripts import Scripts, read_scripts

GUEST_PATIENCE_S = 10.0
GUEST_POLL_S = 0.05


FEED_TIMEOUT_S = 10.0
"""Longer than a read of the change log blocks; a connection that died without a word is noticed after it."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the edges, the worker, the CLI and the tests use."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    db: Database
    admin: Admin
    apps: Apps
    origins: Origins
    signing: Signing
    users: Users
    newcomers: Newcomers
    accounts: Accounts
    audit: Audit
    upserts: Upserts
    sign_ins: SignIns
    access_tokens: AccessTokens
    identities: Identities
    bearers: Bearers
    invitations: Invitations
    transfer: Transfer
    addresses: Addresses
    callers: Callers
    channels: Channels
    desk: Desk
    profiles: Profiles
    supports: Supports
    stars: Stars
    notes: Notes
    named_values: NamedValues
    teams: Teams
    servers: Servers
    holders: Holders
    presence: PresenceService
    claims: Claims
    explain: Explain
    sight: Sight
    mirror: Mirror
    freshness: Freshness
    announcements: Announcements
    watching: Watching
    upkeep: Upkeep
    clocks: ClockFlush
    following: Following
    health: Health
    tidying: Tidying


@asynccontextmanager
async def open_services(
    settings: Settings, clock: Clock | None = None, *, as_guest: bool = False, with_presence: bool = True
) -> AsyncIterator[Services]:
    """Opens the stores (the embedded Valkey too, where no REDIS_URL is given) and closes them at the end.

    A guest uses the embedded Valkey of a server that runs, where one does; without presence it starts none either,
    and whatever asks Redis may find it Unavailable. Raises FolderInUse where another process keeps the folder.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        data = _make_folder(settings)
        found_url = settings.redis_url or await _embedded_url(stack, data / "valkey", as_guest, with_presence)
        redis_url = found_url or _nobodys_url(data / "valkey")
        db = await enter(
            open_database(parse_url(settings.database_url, data), settings.database_pool, settings.database_timeout_s)
        )
        redis = await enter(
            open_redis(redis_url, settings.redis_pool, settings.redis_timeout_s, settings.redis_tls_verify)
        )
        blocking = await enter(open_redis(redis_url, 2, FEED_TIMEOUT_S, settings.redis_tls_verify))
        clock = clock or Clock()
        metrics = Metrics()
        lane, feed = await enter(open_lane(redis)), await enter(open_lane(blocking))
        store = PresenceStore(
            lane,
            Scripts(lane, read_scripts()),
            settings.redis_prefix,
            clock,
            lease_ms=int(settings.node_dead_s * 1000),
            feed_max=settings.feed_max,
            changes_max=settings.changelog_max,
            changes_ms=int(settings.changelog_s * 1000),
            claims_max=settings.claims_max,
            # nobody but this process uses an embedded one, so that no other node can have sockets of ours
            hold_ms=int(settings.node_dead_s * 1000) if settings.redis_url else 0,
        )
        local = LocalSessions()
        apps = Apps(db, settings, clock)
        origins = Origins(db, settings, clock)
        stack.push_async_callback(origins.finish)
        sign_ins = SignIns(db, settings, clock, metrics)
        audit = Audit(db, clock)
        presence = PresenceService(store, local, apps, sign_ins, audit, clock, settings.last_active_every_s)
        clocks = ClockFlush(store, db, metrics)
        upkeep = Upkeep(store, local, db, settings, metrics)
        mirror, freshness = Mirror(), Freshness()
        row_cache = RowCache(freshness, clock, settings.row_cache_bytes, settings.row_cache_s)
        following = Following(ChangeLog(feed, settings.redis_prefix), store, mirror, row_cache, freshness)
        store.on_written, upkeep.heard_of = following.note_write, following.want
        store.on_answered = following.note_answer
        following.app_changed = apps.forget
        signing = Signing(db, local, clock, upkeep.expel, settings.reconcile_every_s)

        def on_change(app_id: str) -> None:
            origins.forget()
            signing.suspect(app_id)

        apps.on_change = on_change
        following.epoch_of = upkeep.epoch_of
        following.rejoin = upkeep.beat
        announcements = Announcements(store, following, is_heard=bool(found_url))
        db.on_commit = announcements.note
        stack.push_async_callback(announcements.finish)
        sight = Sight(store, mirror, freshness, upkeep, clock)
        changes = UserChanges(db, clock)
        passwords = Passwords(settings)
        stack.callback(passwords.close)
        users = Users(
            db, changes, presence, sight, clocks, passwords, UserReads(db, row_cache, freshness), settings, clock
        )
        upserts = Upserts(db, clock)
        accounts = Accounts(db, changes, presence, sight, clock)
        access_tokens = AccessTokens(db, clock)
        addresses = Addresses(settings, clock)
        bearers = Bearers(db, passwords, sight, sign_ins, settings, clock, metrics)
        health = Health(db, store)
        stack.push_async_callback(health.close)
        callers = Callers(apps, users, access_tokens, bearers, audit, addresses, settings, clock, metrics)
        yield Services(
            settings=settings,
            clock=clock,
            metrics=metrics,
            db=db,
            admin=Admin(db, callers, addresses, sight, settings, clock, metrics),
            apps=apps,
            origins=origins,
            signing=signing,
            users=users,
            newcomers=Newcomers(db, users, clock),
            accounts=accounts,
            audit=audit,
            upserts=upserts,
            sign_ins=sign_ins,
            access_tokens=access_tokens,
            identities=Identities(db, passwords, settings, clock),
            bearers=bearers,
            invitations=Invitations(db, changes, passwords, bearers, sight, settings, clock),
            transfer=Transfer(users, upserts, accounts, presence, clocks, settings),
            channels=Channels(db, presence, sight, settings, clock),
            desk=Desk(db),
            profiles=Profiles(db, users, settings),
            supports=Supports(db, clock),
            stars=Stars(db),
            notes=Notes(db, settings, clock),
            named_values=NamedValues(db, settings),
            teams=Teams(db, clock),
            servers=Servers(db, clock),
            holders=Holders(db),
            addresses=addresses,
            callers=callers,
            presence=presence,
            claims=Claims(store, users, clocks, audit, settings),
            explain=Explain(store, audit, clock),
            sight=sight,
            mirror=mirror,
            freshness=freshness,
            announcements=announcements,
            watching=Watching(sight, users, db),
            upkeep=upkeep,
            clocks=clocks,
            following=following,
            health=health,
            tidying=Tidying(db, settings, clock),
        )


def check_folder(settings: Settings) -> None:
    """For whoever wants to know before anything is started. Raises FolderInUse."""
    if not settings.redis_url:
        with own_folder(_make_folder(settings) / "valkey"):
            pass


def _make_folder(settings: Settings) -> Path:
    """The data folder, which is there if anything is to be kept in it: for us alone, as it holds secrets."""
    data = Path(settings.data_dir)
    if settings.database_url and settings.redis_url:
        return data
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = f"cannot be made ({error.strerror})"
    else:
        why = "" if os.access(data, os.W_OK | os.X_OK) else "cannot be written to"
    if why:
        raise SetupError(f"the data folder {data} {why}: name another with CHATSRV_DATA_DIR")
    return data


async def _embedded_url(stack: AsyncExitStack, folder: Path, as_guest: bool, with_presence: bool) -> str | None:
    """None where there is none. Guests wait a little: whoever keeps the folder is a server that starts, or another
    guest that ends soon."""
    give_up_at = time.monotonic() + (GUEST_PATIENCE_S if as_guest else 0)
    while True:
        if as_guest and (running := await find_running_valkey(folder)):
            return running
        if not with_presence:
            return None
        try:
            return await stack.enter_async_context(embedded_valkey(folder))
        except FolderInUse:
            if time.monotonic() >= give_up_at:
                raise
        await asyncio.sleep(GUEST_POLL_S)


def _nobodys_url(folder: Path) -> str:
    """Nobody answers there, which shows only when somebody asks: clients connect lazily."""
    return f"unix://{quote(str(folder.resolve() / 'valkey.sock'))}"
