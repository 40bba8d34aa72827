"""Why a user shows as they do: everything that goes into the fold, and what will change it next.

Whoever looks this closely at somebody who hides leaves an entry in the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chatsrv.domain.audit import Action, act_on
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import (
    INVISIBLE,
    SERVER,
    Claim,
    Presence,
    Rule,
    Viewer,
    fold_sessions,
    rule_of,
    see,
    winner,
)
from chatsrv.domain.sessions import Session
from chatsrv.domain.users import User
from chatsrv.services.audit import Audit
from chatsrv.storage.presence import PresenceStore
from chatsrv.storage.records import Examined, read_claims

NOBODY = Viewer(0)
"""Someone else: no user has this id."""


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that will happen at `at` (ms) unless it is prevented; `of` is the session, claim or node."""

    what: str
    of: str
    at: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """`leases`: the end of each node's lease (ms); without one the node is dead. `wins` is the claim that counts."""

    user: User
    presence: Presence
    to_others: Presence
    rule: Rule
    sessions: Sequence[Session]
    leases: Mapping[str, int]
    claims: Sequence[Claim]
    wins: Claim | None
    timers: Sequence[Timer]


class Explain:
    def __init__(self, store: PresenceStore, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock

    async def explain(self, user: User) -> Explanation:
        """Raises Unavailable."""
        found, claims, now = await self._look(user, Action.PRESENCE_EXPLAINED)
        connected = fold_sessions(session.is_active for session in found.sessions)
        held = {session.node for session in found.sessions}
        return Explanation(
            user=user,
            presence=see(user, found.warm, SERVER),
            to_others=see(user, found.warm, NOBODY),
            rule=rule_of(connected, claims, now),
            sessions=found.sessions,
            leases={node: ends_at for node, ends_at in found.leases.items() if node in held},
            claims=claims,
            wins=winner(claims, now) if found.sessions else None,
            timers=sorted(_timers(found, claims), key=lambda timer: timer.at),
        )

    async def sessions(self, user: User) -> Sequence[Session]:
        """The oldest first. Raises Unavailable."""
        return (await self._look(user, Action.SESSIONS_LISTED))[0].sessions

    async def _look(self, user: User, looking: Action) -> tuple[Examined, list[Claim], int]:
        """What there is, the claims that are live, and the moment (ms) at which they are."""
        found = await self._store.examine(user.app_id, user.id)
        is_warm = found.claims.kept.changed_at >= user.claims.changed_at
        # a claim in Redis counts until the sweep has ended it; of what SQL has, this node decides
        now = NEVER if is_warm else self._clock.now()
        claims = [claim for claim in read_claims(found.claims.kept if is_warm else user.claims) if claim.is_live(now)]
        if any(claim.status is INVISIBLE for claim in claims):
            await self._audit.tell(act_on(user, looking))
        return found, claims, now


def _timers(found: Examined, claims: Iterable[Claim]) -> Iterable[Timer]:
    for session in found.sessions:
        if session.ends_at != NEVER:
            yield Timer("session_ends", session.id, session.ends_at)
    for node in {session.node for session in found.sessions if session.ends_at == NEVER} & found.leases.keys():
        yield Timer("node_dead_unless_it_beats", node, found.leases[node])
    for claim in claims:
        if claim.expires_at != NEVER:
            yield Timer("claim_ends", claim.id, claim.expires_at)
    if found.claims.waiting:
        yield Timer("claim_begins", found.claims.waiting.id, found.claims.applies_at)
