"""What this node knows of presence from the change log. Reads are answered from it, also while Redis is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from chatsrv.domain.changes import FIRST_POSITION, Changed, Forgotten, Position
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.presence import OFFLINE, Warm
from chatsrv.storage.records import Snapshot


@dataclass(slots=True)
class _App:
    """Everybody of whom anything is warm, offline or not, as of `position`."""

    position: Position = FIRST_POSITION
    version: int = 0
    warm: dict[int, Warm] = field(default_factory=dict)


class Mirror:
    """Of every app all that Redis keeps of how its users show.

    Where Redis lost its data, who was there `before` is remembered until every node has put its sockets back.
    """

    def __init__(self) -> None:
        self._apps: dict[str, _App] = {}
        self._before: dict[str, dict[int, Warm]] = {}
        self._missing: set[str] = set()
        self.stirred = asyncio.Event()
        """Set when an app has to be loaded."""
        self._listeners: dict[str, list[list[Changed | Forgotten]]] = {}

    @contextmanager
    def listening(self, app_id: str) -> Iterator[list[Changed | Forgotten]]:
        """Collects what the log tells of the app: a snapshot that was asked for may be older when it comes."""
        heard: list[Changed | Forgotten] = []
        self._listeners.setdefault(app_id, []).append(heard)
        try:
            yield heard
        finally:
            others = [one for one in self._listeners.pop(app_id) if one is not heard]
            if others:
                self._listeners[app_id] = others

    def load(self, app_id: str, snapshot: Snapshot, heard: Iterable[Changed | Forgotten] = ()) -> None:
        """Begins anew for this app; what the log tells of it up to the snapshot's position is in the snapshot.

        `heard`: what it has told since the snapshot was asked for.
        """
        self._missing.discard(app_id)
        self._apps[app_id] = _App(snapshot.position, snapshot.version, dict(snapshot.warm))
        for entry in heard:
            if isinstance(entry, Changed):
                self._take(entry)
            else:
                self._forget(entry)

    def take(self, entry: Changed) -> bool:
        """Whether all that came before it is known."""
        self._tell_listeners(entry)
        return self._take(entry)

    def _take(self, entry: Changed) -> bool:
        app = self._apps.get(entry.app_id)
        if app is None and entry.version == 1 and not entry.is_own:
            # the first that others ever saw there; who hid before then is yet to be loaded
            app = self._apps[entry.app_id] = _App()
            self._miss({entry.app_id})
        if app is None or entry.version > app.version + 1:
            self._miss({entry.app_id})
            self._apps.pop(entry.app_id, None)
            return False
        if entry.position > app.position:
            app.version = max(app.version, entry.version)
            app.warm[entry.user_id] = entry.warm
        return True

    def forget(self, entry: Forgotten) -> None:
        """The user, or the whole app, is gone from Redis."""
        self._tell_listeners(entry)
        self._forget(entry)

    def _tell_listeners(self, entry: Changed | Forgotten) -> None:
        for heard in self._listeners.get(entry.app_id, ()):
            heard.append(entry)

    def _forget(self, entry: Forgotten) -> None:
        app = self._apps.get(entry.app_id)
        if app is None or entry.position <= app.position:
            return
        if entry.user_id is None:
            # its versions begin anew, if there ever is an app of this name again
            del self._apps[entry.app_id]
        else:
            app.warm.pop(entry.user_id, None)

    def begin_anew(self, is_affected: Callable[[str], bool]) -> None:
        """The log of these apps began anew, and their versions with it."""
        for app_id in [app_id for app_id in self._apps if is_affected(app_id)]:
            here = self._here(self._apps.pop(app_id))
            self._before.setdefault(app_id, here)
            self._miss({app_id})

    def forget_before(self, is_affected: Callable[[str], bool]) -> None:
        for app_id in [app_id for app_id in self._before if is_affected(app_id)]:
            del self._before[app_id]

    def before(self, app_id: str) -> Mapping[int, Warm]:
        """Who was there when Redis lost its data; who is there now where that has not been noticed yet."""
        return self._before.get(app_id) or self._here(self._apps.get(app_id, _App()))

    @staticmethod
    def _here(app: _App) -> dict[int, Warm]:
        return {user_id: warm for user_id, warm in app.warm.items() if warm.truth.status is not OFFLINE}

    def _miss(self, app_ids: set[str]) -> None:
        self._missing |= app_ids
        self.stirred.set()

    @property
    def missing(self) -> frozenset[str]:
        """Apps that have to be loaded anew."""
        return frozenset(self._missing)

    def distrust(self, is_affected: Callable[[str], bool]) -> None:
        """Something may have been missed of these apps; what is known of them is used for want of better."""
        self._miss({app_id for app_id in self._apps if is_affected(app_id)})

    def knows(self, app_id: str) -> bool:
        """Whether nothing of the app has been missed. Of an app that is not known somebody should ask Redis."""
        return app_id in self._apps and app_id not in self._missing

    def want(self, app_id: str) -> None:
        """Somebody asked for an app that is not known: it is loaded soon."""
        self._miss({app_id})

    def read(self, app_id: str, user_ids: Iterable[int]) -> dict[int, Warm]:
        """Of those of whom anything is warm."""
        warm = self._apps.get(app_id, _App()).warm
        return {user_id: warm[user_id] for user_id in user_ids if user_id in warm}

    def snapshot(self, app_id: str, epoch: str, user_ids: Iterable[int] | None) -> Snapshot:
        """As if nothing had been kept of earlier changes. Raises Unavailable where the app is not known."""
        app = self._apps.get(app_id)
        if app is None:
            raise Unavailable("presence store")
        warm = dict(app.warm) if user_ids is None else self.read(app_id, user_ids)
        return Snapshot(epoch, app.version, app.version, warm, {}, app.position)
