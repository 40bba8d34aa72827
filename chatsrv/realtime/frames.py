"""What goes out in one piece, and to whom: sockets that are to see the same are sent the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chatsrv.domain.changes import Changed
from chatsrv.domain.wire import render_change
from chatsrv.realtime.watchers import AppWatch, Watcher, order_of

FRAME_MAX = 500
"""Users in one frame."""

WEIGHT_MAX = 100_000
"""Changes times watchers that are looked through in one go: some milliseconds."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Changes by version, as others see them or in truth."""

    changes: tuple[Changed, ...]
    in_truth: bool = False

    @property
    def order(self) -> tuple[int, bool]:
        """Lowest version first, so that a socket that is sent several sees its versions grow."""
        return order_of(self.changes[-1])


Sheaf = tuple[Frame, list[str]]
"""A frame, and the ids of the sockets that are to see it."""


def split_changes(app: AppWatch, changes: Iterable[Changed]) -> Iterator[list[Changed]]:
    """Parts that are not too large for a frame, nor too many for one go, without those whom nobody watches any more."""
    part: list[Changed] = []
    weight = 0
    for change in changes:
        audience = app.users.get(change.user_id)
        if audience is None:
            continue
        part.append(change)
        weight += len(audience.others)
        if len(part) == FRAME_MAX or weight >= WEIGHT_MAX:
            yield part
            part, weight = [], 0
    if part:
        yield part


def split_frames(changes: Iterable[Changed], own_id: int) -> Iterator[Frame]:
    """For a socket of the user `own_id`: they come in frames of their own, for that alone is told in truth."""
    part: list[Changed] = []
    for change in changes:
        is_own = change.user_id == own_id
        if part and (is_own or len(part) == FRAME_MAX):
            yield Frame(tuple(part))
            part = []
        if is_own:
            yield Frame((change,), in_truth=True)
        else:
            part.append(change)
    if part:
        yield Frame(tuple(part))


@dataclass(slots=True)
class Plan:
    """Who is to see which of some changes: `shared` by those who have nothing to mind, `single` by each of the rest."""

    shared: list[Sheaf]
    single: dict[Watcher, list[Changed]]


def plan(app: AppWatch, changes: Sequence[Changed]) -> Plan:
    """`changes` by version. Somebody watches each of their users."""
    made = Plan([], {})
    for change in changes:
        for watcher in app.users[change.user_id].own:
            made.single.setdefault(watcher, []).append(change)
    public = [change for change in changes if not change.is_own]
    for seen, watchers in _groups(app, public):
        sids = [watcher.sid for watcher in watchers if watcher.hold is None and watcher not in made.single]
        if len(sids) < len(watchers):
            for watcher in watchers:
                if watcher.hold or watcher in made.single:
                    made.single.setdefault(watcher, []).extend(seen)
        if sids:
            made.shared.append((Frame(tuple(seen)), sids))
    return made


def _groups(app: AppWatch, changes: list[Changed]) -> Iterator[tuple[list[Changed], Sequence[Watcher]]]:
    """Watchers of others, and which of the changes they are to see: each group sees the same."""
    if len(changes) == 1:
        yield changes, tuple(app.users[changes[0].user_id].others)
        return
    # a bit for each change: what a watcher is to see is a number, and equal numbers are a group
    masks: dict[Watcher, int] = {}
    for bit, watchers in _bits(app, changes):
        for watcher in watchers:
            masks[watcher] = masks.get(watcher, 0) | bit
    groups: dict[int, list[Watcher]] = {}
    for watcher, mask in masks.items():
        groups.setdefault(mask, []).append(watcher)
    for mask, group in groups.items():
        yield [change for number, change in enumerate(changes) if mask >> number & 1], group


def _bits(app: AppWatch, changes: list[Changed]) -> Iterator[tuple[int, Iterable[Watcher]]]:
    """Users in a row whom the same sockets watch count as one: to compare sets is far cheaper than to walk them."""
    bit, watchers = 0, app.users[changes[0].user_id].others if changes else frozenset()
    for number, change in enumerate(changes):
        others = app.users[change.user_id].others
        if others != watchers:
            yield bit, watchers
            bit, watchers = 0, others
        bit |= 1 << number
    if bit:
        yield bit, watchers


class Rendering:
    """Writes each change once, in however many frames it goes out. Of one app, under the names of now."""

    def __init__(self, app: AppWatch, epoch: str) -> None:
        self._app = app
        self._epoch = epoch
        self._written: dict[tuple[Changed, bool], msgspec.Raw] = {}

    def payload(self, frame: Frame) -> dict[str, Any]:
        return {
            "epoch": self._epoch,
            "version": frame.changes[-1].version,
            "changes": [self._write(change, frame.in_truth) for change in frame.changes],
        }

    def _write(self, change: Changed, in_truth: bool) -> msgspec.Raw:
        key = (change, in_truth)
        written = self._written.get(key)
        if written is None:
            presence = change.warm.truth if in_truth else change.warm.to_others
            name = self._app.users[change.user_id].username
            written = self._written[key] = msgspec.Raw(msgspec.json.encode(render_change(name, presence)))
        return written
