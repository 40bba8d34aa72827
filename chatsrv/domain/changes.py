"""What the change log says, and what comes of opening a session or setting a claim."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from chatsrv.domain.presence import Warm
from chatsrv.domain.sessions import Session

Position = tuple[int, int]
"""Where an entry stands in the change log of its shard: milliseconds and a count within them. Later ones are greater.

Those of another shard, or of a log that began anew, say nothing.
"""

FIRST_POSITION: Position = (0, 0)
"""Before every entry."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session is open; `resumed` when it came back inside its grace, which others did not see.

    `session` is what it is now: who comes back is as idle as they were, and in the same channels.
    """

    epoch: str
    version: int
    resumed: bool
    warm: Warm
    session: Session


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim was taken: it counts from `applied_at` on, which is later where too many came (`coalesced`)."""

    applied_at: int
    coalesced: bool
    warm: Warm


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """A user's state has changed. What others see of it takes the next `version` of the app.

    What the user's own sockets alone may see (`is_own`) takes none: it happened at the version that was reached. Where
    none of them wants to hear it (`is_unheard`), as that a clock moved, it is for what nodes remember. `shows`: in
    truth they show otherwise than before; else nothing but clocks, devices or the end of a claim moved.
    Each is equal to itself alone, and so costs nothing to look up, however many sockets are to hear of it.
    """

    app_id: str
    user_id: int
    version: int
    warm: Warm
    is_own: bool = False
    is_unheard: bool = False
    shows: bool = True
    position: Position = FIRST_POSITION


@dataclass(frozen=True, slots=True)
class CloseOrdered:
    """Whoever holds this session (every session of the user if None) closes its socket with `code`."""

    app_id: str
    user_id: int
    session_id: str | None
    code: int
    position: Position = field(default=FIRST_POSITION, compare=False)


@dataclass(frozen=True, slots=True)
class Renamed:
    """From here on the user goes by this name."""

    app_id: str
    user_id: int
    username: str
    position: Position = field(default=FIRST_POSITION, compare=False)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Redis keeps no state of this user any more (of nobody in the app if None): what SQL has is all there is."""

    app_id: str
    user_id: int | None
    position: Position = field(default=FIRST_POSITION, compare=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """This user's row in SQL has changed (those of many, or all, in the app if None): what was read of it is old."""

    app_id: str
    user_id: int | None
    position: Position = field(default=FIRST_POSITION, compare=False)


@dataclass(frozen=True, slots=True)
class SessionTold:
    """A session was opened or closed; only apps whose webhooks want to hear of it have these in the log.

    `username`: theirs, where the row of the user may have gone when this is read; else None. `at` and `opened_at` in
    ms, by the clock of presence. `reason`: why it was closed; of one that was opened, None, or that it was put back.
    """

    app_id: str
    user_id: int
    username: str | None
    session_id: str
    kind: Literal["opened", "closed"]
    at: int
    device: str
    client_id: str
    transport: str
    opened_at: int
    reason: str | None = None
    position: Position = field(default=FIRST_POSITION, compare=False)


Entry = Changed | CloseOrdered | Renamed | Forgotten | Stored | SessionTold
