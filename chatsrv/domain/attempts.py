"""What follows from an attempt to deliver: done, once more and when, or never again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

GONE = 410
"""The receiver says that nobody is there any more."""
TRY_LATER = frozenset((429, 503))
"""The receiver may say when to come back."""
NOT_ABOUT_THE_EVENT = frozenset((408, 429))
"""As every answer from 500 on: the receiver is in trouble, whatever it is sent."""

PATIENCE = 3
"""So many failures in a row are anybody's; from then on the receiver is left alone for a while."""
PAUSE_MS = 5_000
PAUSE_MAX_MS = 60_000
TOLD_MAX_MS = 3_600_000
"""A receiver that asks to be left alone for longer is asked again after that all the same."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one: the status that was answered, or None and what was in the way.

    `retry_after_s`: what the receiver asked for.
    """

    status: int | None
    error: str = ""
    retry_after_s: float | None = None
    took_s: float = 0.0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_refused(self) -> bool:
        """The receiver is well, and does not want this one event."""
        status = self.status
        return status is not None and 300 <= status < 500 and status not in NOT_ABOUT_THE_EVENT


class Then(Enum):
    DELIVERED = "delivered"
    RETRIED = "retried"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Patience:
    """`delays_ms`: the wait after the first attempt, the second and so on; the last one goes on."""

    delays_ms: tuple[int, ...]
    give_up_ms: int


def next_attempt_at(attempt: Attempt, attempts: int, now: int, patience: Patience, jitter: float) -> int:
    """After so many attempts, this one included, in ms. `jitter` (0 to 1) moves it by up to a fifth either way."""
    wait = patience.delays_ms[min(attempts, len(patience.delays_ms)) - 1] * (0.8 + 0.4 * jitter)
    return now + int(max(wait, _told_ms(attempt)))


def what_then(attempt: Attempt, next_at: int, give_up_at: int) -> Then:
    if attempt.is_success:
        return Then.DELIVERED
    if attempt.status == GONE:
        return Then.GONE
    return Then.FAILED if next_at > give_up_at else Then.RETRIED


def pause_ms(attempt: Attempt, failures: int) -> int:
    """How long a webhook is left alone after so many failures in a row, this one included."""
    if attempt.is_success or attempt.is_refused:
        return 0
    doubled = PAUSE_MS * 2 ** min(failures - PATIENCE, 10) if failures >= PATIENCE else 0
    return int(max(min(doubled, PAUSE_MAX_MS), _told_ms(attempt)))


def _told_ms(attempt: Attempt) -> float:
    if attempt.status not in TRY_LATER or attempt.retry_after_s is None:
        return 0
    return min(max(attempt.retry_after_s * 1000, 0), TOLD_MAX_MS)
