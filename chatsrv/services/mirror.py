"""What this node knows of presence from the change log alone: asked while Redis does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from chatsrv.domain.changes import Changed, Entry
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.presence import OFFLINE, Warm
from chatsrv.storage.records import Snapshot


@dataclass(slots=True)
class _App:
    version: int = 0
    warm: dict[int, Warm] = field(default_factory=dict)


class Mirror:
    """Of every app, who is there. Clocks that move without a change are as old as the last change.

    Where Redis lost its data, who was there `before` is remembered until every node has put its sockets back.
    """

    def __init__(self) -> None:
        self._apps: dict[str, _App] = {}
        self._before: dict[str, dict[int, Warm]] = {}
        self._missing: set[str] = set()

    def load(self, app_id: str, snapshot: Snapshot) -> None:
        """Begins anew for this app; what the log has told of it meanwhile is in the snapshot."""
        self._missing.discard(app_id)
        here = {user_id: warm for user_id, warm in snapshot.warm.items() if warm.truth.status is not OFFLINE}
        self._apps[app_id] = _App(snapshot.version, here)

    def take(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if isinstance(entry, Changed):
                self._take(entry)

    def _take(self, entry: Changed) -> None:
        app = self._apps.setdefault(entry.app_id, _App())
        if entry.version > app.version + 1:
            # something in between was never told
            self._missing.add(entry.app_id)
            del self._apps[entry.app_id]
            return
        if entry.version <= app.version and not entry.is_own:
            return
        app.version = max(app.version, entry.version)
        if entry.warm.truth.status is OFFLINE:
            app.warm.pop(entry.user_id, None)
        else:
            app.warm[entry.user_id] = entry.warm

    def begin_anew(self, is_affected: Callable[[str], bool]) -> None:
        """The log of these apps began anew, and their versions with it."""
        for app_id in [app_id for app_id in self._apps if is_affected(app_id)]:
            self._before.setdefault(app_id, self._apps.pop(app_id).warm)

    def forget_before(self, is_affected: Callable[[str], bool]) -> None:
        for app_id in [app_id for app_id in self._before if is_affected(app_id)]:
            del self._before[app_id]

    def before(self, app_id: str) -> Mapping[int, Warm]:
        """Who was there when Redis lost its data; who is there now where that has not been noticed yet."""
        return self._before.get(app_id) or self._apps.get(app_id, _App()).warm

    @property
    def missing(self) -> frozenset[str]:
        """Apps that have to be loaded anew."""
        return frozenset(self._missing)

    def read(self, app_id: str, user_ids: Iterable[int]) -> dict[int, Warm]:
        """Of those who are there."""
        app = self._apps.get(app_id, _App())
        return {user_id: app.warm[user_id] for user_id in user_ids if user_id in app.warm}

    def snapshot(self, app_id: str, epoch: str, user_ids: Iterable[int] | None) -> Snapshot:
        """As if nothing had been kept of earlier changes. Raises Unavailable where the app is not known."""
        app = self._apps.get(app_id)
        if app is None:
            raise Unavailable("presence store")
        warm = dict(app.warm) if user_ids is None else self.read(app_id, user_ids)
        return Snapshot(epoch, app.version, app.version, warm, {})
