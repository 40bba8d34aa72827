"""Who watches whom, and what of it a socket has seen.

There may be tens of thousands of these objects, so what is rarely needed is made when it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chatsrv.domain.changes import Changed

NOBODY: frozenset[Watcher] = frozenset()


@dataclass(slots=True, eq=False)
class AppWatch:
    """The users of one app whom sockets here watch, by id, and what is about to be told of them.

    `waiting` is in the order of versions; `own_waiting` is for the users' own sockets alone.
    """

    id: str
    users: dict[int, Audience] = field(default_factory=dict)
    waiting: dict[int, Changed] = field(default_factory=dict)
    own_waiting: dict[int, Changed] = field(default_factory=dict)

    def put(self, change: Changed) -> None:
        """Of one user the last change wins."""
        self.own_waiting.pop(change.user_id, None)
        if change.is_own:
            self.own_waiting[change.user_id] = change
        else:
            self.waiting.pop(change.user_id, None)
            self.waiting[change.user_id] = change

    def take(self) -> list[Changed]:
        """All that waits, by version."""
        changes = sorted((*self.waiting.values(), *self.own_waiting.values()), key=order_of)
        self.forget_waiting()
        return changes

    def forget_waiting(self) -> None:
        self.waiting.clear()
        self.own_waiting.clear()

    def handed(self, seen: int) -> int:
        """The version up to which everything has been handed on, where the log has been read up to `seen`."""
        firsts = [next(iter(some.values())).version - 1 for some in (self.waiting, self.own_waiting) if some]
        return min([seen, *firsts])


@dataclass(slots=True, eq=False)
class Audience:
    """A user whom sockets here watch: their own, who are told the truth, and others'."""

    app: AppWatch
    user_id: int
    username: str
    own: tuple[Watcher, ...] = ()
    others: set[Watcher] | frozenset[Watcher] = NOBODY


@dataclass(slots=True, eq=False)
class Watcher:
    """A socket of the user of `own`, whom it always watches. Those whom it subscribed to may include that user.

    With a `hold`, it is not told all at once: see there.
    """

    sid: str
    own: Audience
    hold: Hold | None
    subscribed: set[Audience] | None = None
    is_here: bool = True

    def watches(self, user_id: int) -> bool:
        if user_id == self.own.user_id:
            return True
        return self.subscribed is not None and self.own.app.users.get(user_id) in self.subscribed

    def see(self, user_ids: Iterable[int], epoch: str, version: int) -> None:
        """A snapshot of these users: of those whom it watches nothing older counts from now on."""
        if self.hold:
            self.hold.enter(epoch)
            self.hold.floors |= {user_id: version for user_id in user_ids if self.watches(user_id)}

    def see_own(self, epoch: str, version: int) -> None:
        """The same of its own user alone, right after the socket came."""
        if self.hold:
            self.hold.enter(epoch)
            self.hold.floors[self.own.user_id] = version

    def pick(self, changes: Iterable[Changed], epoch: str) -> list[Changed]:
        """Those that it watches and has not seen, by version."""
        if self.hold:
            self.hold.enter(epoch)
        hold, watched = self.hold, (change for change in changes if self.watches(change.user_id))
        return sorted((change for change in watched if not hold or hold.lets_through(change)), key=order_of)

    def settle(self, epoch: str, handed: int) -> bool:
        """Whether it can be told everything at once: all up to `handed` has been sent to it, or was seen."""
        if self.hold and self.hold.is_over(epoch, handed):
            self.hold = None
        return self.hold is None


@dataclass(slots=True, eq=False)
class Hold:
    """What a socket is not to be told, or not yet, because of snapshots.

    While `coming` snapshots are on their way, all changes wait in `held`: sent at once, those of some users would bring
    the socket to a version of which it has not seen the others. Of the users in `floors` it has seen everything up to
    that version of `epoch` (None: no snapshot yet), until the log has been followed so far, too.
    """

    epoch: str
    floors: dict[int, int | None]
    coming: int = 1
    held: list[Changed] = field(default_factory=list)

    def enter(self, epoch: str) -> None:
        """Versions begin anew where Redis lost its data."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.floors = {user_id: None if floor is None else 0 for user_id, floor in self.floors.items()}

    def lets_through(self, change: Changed) -> bool:
        """What is for its own eyes came at a version, but before or after the snapshot: it follows, to be safe."""
        floor = self.floors.get(change.user_id, -1)
        return floor is not None and change.version + change.is_own > floor

    def take_held(self, version: int | None = None) -> list[Changed]:
        """What others saw up to that version; all if None."""
        held, self.held = self.held, []
        if version is None:
            return held
        self.held = [change for change in held if change.version + change.is_own > version]
        return [change for change in held if change.version + change.is_own <= version]

    def is_over(self, epoch: str, handed: int) -> bool:
        """Whether nothing that it keeps back can come any more."""
        if self.coming or self.epoch != epoch:
            return False
        return all(floor is not None and floor <= handed for floor in self.floors.values())


def order_of(change: Changed) -> tuple[int, bool]:
    return change.version, change.is_own


class Watchers:
    """All of this node."""

    def __init__(self) -> None:
        self.apps: dict[str, AppWatch] = {}

    def find(self, app_id: str, user_id: int) -> Audience | None:
        app = self.apps.get(app_id)
        return app.users.get(user_id) if app else None

    def join(self, sid: str, app_id: str, user_id: int, username: str) -> Watcher:
        app = self.apps.get(app_id)
        if app is None:
            app = self.apps[app_id] = AppWatch(app_id)
        audience = _audience(app, user_id, username)
        watcher = Watcher(sid, audience, Hold("", {user_id: None}))
        audience.own = (*audience.own, watcher)
        return watcher

    def subscribe(self, watcher: Watcher, users: Mapping[int, str]) -> list[int]:
        """Usernames by id; returns the ids of those who are new."""
        if not watcher.is_here:
            return []
        if watcher.subscribed is None:
            watcher.subscribed = set()
        new = []
        for user_id, username in users.items():
            audience = _audience(watcher.own.app, user_id, username)
            if audience is not watcher.own and audience not in watcher.subscribed:
                new.append(user_id)
                if not audience.others:
                    audience.others = set()
                audience.others.add(watcher)  # type: ignore[union-attr]  # made just before
            watcher.subscribed.add(audience)
        return new

    def unsubscribe(self, watcher: Watcher, user_ids: Iterable[int]) -> None:
        subscribed = watcher.subscribed or set()
        for user_id in user_ids:
            audience = watcher.own.app.users.get(user_id)
            if audience in subscribed:
                subscribed.discard(audience)
                self._part(audience, watcher)

    def leave(self, watcher: Watcher) -> None:
        watcher.is_here, watcher.hold = False, None
        for audience in watcher.subscribed or ():
            self._part(audience, watcher)
        watcher.subscribed = None
        own = watcher.own
        own.own = tuple(other for other in own.own if other is not watcher)
        self._tidy(own)

    def _part(self, audience: Audience, watcher: Watcher) -> None:
        if audience is watcher.own:
            return
        if watcher.hold:
            watcher.hold.floors.pop(audience.user_id, None)
        audience.others.discard(watcher)  # type: ignore[union-attr]  # the watcher is in it
        self._tidy(audience)

    def _tidy(self, audience: Audience) -> None:
        if audience.others:
            return
        audience.others = NOBODY
        if not audience.own:
            app = audience.app
            app.users.pop(audience.user_id, None)
            if not app.users:
                self.apps.pop(app.id, None)


def _audience(app: AppWatch, user_id: int, username: str) -> Audience:
    """Under the name that was read last."""
    audience = app.users.get(user_id)
    if audience is None:
        audience = app.users[user_id] = Audience(app, user_id, username)
    audience.username = username
    return audience
