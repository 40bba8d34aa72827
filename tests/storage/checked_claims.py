"""What the checker's world knows of a user's claims: the rules of the domain, and when each of them counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import Claim, Source, add_claim
from chatsrv.domain.users import KeptClaims
from chatsrv.storage.records import read_claims

CLAIMS_MAX = 3
SETS, WINDOW_MS = 2, 8_000


@dataclass(slots=True)
class KnownClaims:
    """Of one user, as Redis should have them; a data loss makes it a new one."""

    claims: tuple[Claim, ...] = ()
    changed_at: int = NEVER
    window_ends_at: int = NEVER
    sets: int = 0
    waiting: Claim | None = None

    def live(self, now: int) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.claims if claim.is_live(now))

    def set_often(self, claim: Claim, now: int) -> bool:
        """Whether it waits."""
        if self.window_ends_at <= now:
            self.window_ends_at, self.sets = now + WINDOW_MS, 0
        self.sets += 1
        if self.sets > SETS:
            self.waiting = claim
            return True
        self.set(claim, now)
        return False

    def set(self, claim: Claim, now: int) -> None:
        self.claims = add_claim(self.claims, replace(claim, set_at=now), now, CLAIMS_MAX)
        self._date(now)
        if claim.source is Source.MANUAL:
            self.waiting = None

    def _date(self, now: int) -> None:
        self.changed_at = max(now, self.changed_at + 1)

    def clear(self, now: int) -> None:
        self._date(now)
        self.claims, self.waiting = (), None

    def adopt(self, kept: KeptClaims, now: int) -> None:
        """What SQL has, where it is newer; of nothing nothing is kept."""
        live = tuple(claim for claim in read_claims(kept) if claim.is_live(now))
        if kept.changed_at > self.changed_at and (live or self.changed_at):
            self.claims, self.changed_at, self.waiting, self.window_ends_at = live, kept.changed_at, None, NEVER

    def sweep(self, now: int) -> None:
        self.claims = self.live(now)
        if self.waiting and self.window_ends_at <= now:
            waiting, self.waiting, self.window_ends_at = self.waiting, None, NEVER
            if waiting.is_live(now):
                self.set(waiting, now)

    def check_kept(self, kept: KeptClaims, now: int) -> str:
        """What is wrong with what SQL is to keep, or nothing."""
        given = tuple(claim for claim in read_claims(kept) if claim.is_live(now))
        if (given, kept.changed_at) == (self.live(now), self.changed_at):
            return ""
        return f"SQL is given {given} of {kept.changed_at}, not {self.live(now)} of {self.changed_at}"
