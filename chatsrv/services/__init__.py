"""What can be done: the only readers and writers of storage. `open_services` is the one place of wiring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from chatsrv.domain.clock import Clock
from chatsrv.metrics import Metrics
from chatsrv.services.access_tokens import AccessTokens
from chatsrv.services.accounts import Accounts
from chatsrv.services.addresses import Addresses
from chatsrv.services.admin import Admin
from chatsrv.services.allowances import Allowances
from chatsrv.services.apps import Apps
from chatsrv.services.audit import Audit
from chatsrv.services.bearers import Bearers
from chatsrv.services.callers import Callers
from chatsrv.services.channels import Channels
from chatsrv.services.chronicle import Chronicle
from chatsrv.services.claims import Claims
from chatsrv.services.clocks import ClockFlush
from chatsrv.services.deliveries import Deliveries
from chatsrv.services.desk import Desk
from chatsrv.services.explain import Explain
from chatsrv.services.forgetting import Forgetting
from chatsrv.services.health import Health
from chatsrv.services.history import History
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
from chatsrv.services.nodes import Nodes
from chatsrv.services.notes import Notes
from chatsrv.services.onlooking import Onlookers
from chatsrv.services.operators import Operators
from chatsrv.services.origins import Origins
from chatsrv.services.outbox import Outbox
from chatsrv.services.overview import Overview
from chatsrv.services.passwords import Passwords
from chatsrv.services.presence import PresenceService
from chatsrv.services.profiles import Profiles
from chatsrv.services.servers import Servers
from chatsrv.services.sessions import LocalSessions
from chatsrv.services.sign_ins import SignIns
from chatsrv.services.signing import Signing
from chatsrv.services.stars import Stars
from chatsrv.services.stores import check_folder as check_folder
from chatsrv.services.stores import find_or_start_valkey, make_folder, nobodys_url
from chatsrv.services.supports import Supports
from chatsrv.services.teams import Teams
from chatsrv.services.telling import Telling
from chatsrv.services.tidying import Tidying
from chatsrv.services.transfer import Transfer
from chatsrv.services.upkeep import Upkeep
from chatsrv.services.upserts import Upserts
from chatsrv.services.user_changes import UserChanges
from chatsrv.services.users import Users
from chatsrv.services.watching import Watching
from chatsrv.services.webhooks import Webhooks
from chatsrv.settings import Settings
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.database import Database, open_database, parse_url
from chatsrv.storage.lane import open_lane
from chatsrv.storage.log_reading import LogReading
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.redis import open_redis
from chatsrv.storage.scripts import Scripts, read_scripts

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
    operators: Operators
    overview: Overview
    nodes: Nodes
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
    allowances: Allowances
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
    forgetting: Forgetting
    sight: Sight
    mirror: Mirror
    freshness: Freshness
    announcements: Announcements
    watching: Watching
    onlookers: Onlookers
    upkeep: Upkeep
    clocks: ClockFlush
    chronicle: Chronicle
    history: History
    following: Following
    health: Health
    tidying: Tidying
    telling: Telling
    outbox: Outbox
    webhooks: Webhooks
    deliveries: Deliveries


@asynccontextmanager
async def open_services(
    settings: Settings,
    clock: Clock | None = None,
    *,
    as_guest: bool = False,
    with_presence: bool = True,
    is_patient: bool = False,
) -> AsyncIterator[Services]:
    """Opens the stores (the embedded Valkey too, where no REDIS_URL is given) and closes them at the end.

    A guest uses the embedded Valkey of a server that runs, where one does; without presence it starts none either,
    and whatever asks Redis may find it Unavailable. Who is patient lets the database work on a statement for as long as
    it takes. Raises FolderInUse where another process keeps the folder, and ValkeySilent for a guest with presence.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        data = make_folder(settings)
        found_url = settings.redis_url or await find_or_start_valkey(stack, data / "valkey", as_guest, with_presence)
        redis_url = found_url or nobodys_url(data / "valkey")
        db = await enter(
            open_database(
                parse_url(settings.database_url, data),
                settings.database_pool,
                settings.database_timeout_s,
                is_patient=is_patient,
            )
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
        chronicle = Chronicle(db, LogReading(lane, settings.redis_prefix), settings, clock, metrics)
        upkeep = Upkeep(store, local, db, settings, metrics)
        nodes = Nodes(store, clock, int(settings.node_dead_s * 1000))
        upkeep.report = nodes.report
        mirror, freshness = Mirror(), Freshness()
        row_cache = RowCache(freshness, clock, settings.row_cache_bytes, settings.row_cache_s)
        following = Following(ChangeLog(feed, settings.redis_prefix), store, mirror, row_cache, freshness)
        store.on_written, upkeep.heard_of = following.note_write, following.want
        store.on_answered = following.note_answer
        following.app_changed = apps.forget
        signing = Signing(db, local, clock, upkeep.expel, settings.reconcile_every_s)

        outbox, telling = Outbox(settings, clock), Telling(db, store)
        deliveries = Deliveries(db, settings, clock, metrics)
        db.before_commit, outbox.stir = outbox.before_commit, deliveries.stirred.set
        chronicle.listeners.append(outbox.note)

        def on_change(app_id: str) -> None:
            outbox.forget(app_id)
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
        operators = Operators(db, apps, clock)
        callers = Callers(apps, users, access_tokens, bearers, operators, audit, addresses, settings, clock, metrics)
        yield Services(
            settings=settings,
            clock=clock,
            metrics=metrics,
            db=db,
            admin=Admin(db, callers, addresses, settings, clock, metrics),
            operators=operators,
            overview=Overview(db, sight, clock),
            nodes=nodes,
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
            allowances=Allowances(settings, clock, metrics),
            callers=callers,
            presence=presence,
            claims=Claims(store, users, clocks, audit, settings),
            explain=Explain(store, audit, clock),
            forgetting=Forgetting(redis, settings.redis_prefix),
            sight=sight,
            mirror=mirror,
            freshness=freshness,
            announcements=announcements,
            watching=Watching(sight, users, db),
            onlookers=Onlookers(feed, settings.redis_prefix, store, db, users, nodes),
            upkeep=upkeep,
            clocks=clocks,
            chronicle=chronicle,
            history=History(db, apps, clock),
            following=following,
            health=health,
            tidying=Tidying(db, settings, clock),
            telling=telling,
            outbox=outbox,
            webhooks=Webhooks(db, telling, settings, clock),
            deliveries=deliveries,
        )
