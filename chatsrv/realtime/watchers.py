"""Who watches whom, and what of it a socket has seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chatsrv.domain.changes import Changed

FRAME_MAX = 500
"""Users in one frame."""

UserKey = tuple[str, int]
"""App and user id."""


@dataclass(slots=True)
class Watch:
    """One user whom a socket watches. Up to version `floor` it has seen everything of theirs; None: no snapshot yet."""

    username: str
    floor: int | None = None


@dataclass(slots=True)
class Watcher:
    """A socket of the user `own`, whom it always watches.

    While snapshots are on their way (`holding` of them), all changes wait in `held`: sent at once, those of some users
    would bring the socket to a version of which it has not seen the others.
    """

    sid: str
    own: UserKey
    holding: int = 1
    epoch: str = ""
    watches: dict[UserKey, Watch] = field(default_factory=dict)
    subscribed: set[UserKey] = field(default_factory=set)
    held: list[Changed] = field(default_factory=list)

    def begin_epoch(self, epoch: str) -> None:
        """Versions begin anew where Redis lost its data."""
        self.epoch = epoch
        for watch in self.watches.values():
            watch.floor = None if watch.floor is None else 0


@dataclass(frozen=True, slots=True)
class Frame:
    """What goes out in one piece, the same bytes to every socket that is to see it."""

    changes: tuple[Changed, ...]
    in_truth: bool = False

    @property
    def order(self) -> tuple[int, bool]:
        """Lowest version first, so that a socket that is sent several sees its versions grow."""
        last = self.changes[-1]
        return last.version, last.is_own


def split_frames(changes: list[Changed], own: UserKey) -> Iterable[Frame]:
    """Frames: not too large, and the socket's own user in frames of its own, for that alone is told in truth."""
    part: list[Changed] = []
    for change in changes:
        is_own = (change.app_id, change.user_id) == own
        if part and (is_own or len(part) == FRAME_MAX):
            yield Frame(tuple(part))
            part = []
        if is_own:
            yield Frame((change,), in_truth=True)
        else:
            part.append(change)
    if part:
        yield Frame(tuple(part))
