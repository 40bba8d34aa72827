"""What the chronicle writes: who is here, who was, how many there were, and what listeners make of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chatsrv.domain.changes import SessionTold
from chatsrv.domain.history import Noted, SessionSeen, Step, see_step
from chatsrv.domain.tallies import Bucket, Count, Tally, Width, begin, count
from chatsrv.metrics import Metrics
from chatsrv.settings import Settings
from chatsrv.storage import chronicle as rows
from chatsrv.storage.chronicle import Kept
from chatsrv.storage.database import Transaction


class Listener(Protocol):
    """Told, inside the transaction in which the log's cursor moves, what has happened in an app, in the log's order.

    What it writes there is written once for each change, whatever dies in between. What happened to somebody who has
    been deleted meanwhile is told only where the log knows their name.
    """

    async def __call__(self, tx: Transaction, app_id: str, changes: Sequence[Noted], /) -> None: ...


Told = Step | SessionTold


@dataclass(slots=True)
class Draft:
    """What is to be written, made up while others may write. `kept`: the steps of apps that keep a history.

    `begun`: apps whose count begins; `ended`: those that count no more.
    """

    told: Sequence[Told]
    steps: Sequence[Step] = ()
    kept: Sequence[Step] = ()
    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    known: Sequence[Bucket] = ()
    buckets: list[Bucket] = field(default_factory=list)


class Ledger:
    """It is read first and then written, in two transactions: nobody waits for the first, and nothing moves in between,
    as whoever writes proves by moving the log's cursor from where it stood.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self.listeners: list[Listener] = []

    async def draft(self, tx: Transaction, told: Sequence[Told]) -> Draft:
        """`told`: what happened, in order of time in each app."""
        draft = Draft(told, [one for one in told if isinstance(one, Step)])
        if not draft.steps:
            return draft
        apps = await rows.find_apps(tx, {_app_of(step) for step in draft.steps})
        keeping = {app_id for app_id, kept in apps.items() if self._keeps(kept)}
        draft.kept = [step for step in draft.steps if _app_of(step) in keeping]
        counts = await _find_counts(tx, draft.kept)
        tallies = await rows.find_tallies(tx, apps)
        draft.ended = [app_id for app_id in tallies if app_id not in keeping]
        draft.begun = [app_id for app_id in counts if app_id not in tallies]
        for app_id in draft.begun:
            # with those who are here already
            tallies[app_id] = begin(app_id, await rows.count_public(tx, app_id), counts[app_id][0].at)
        draft.known = await rows.find_buckets(tx, counts.keys() - set(draft.begun))
        for app_id, news in counts.items():
            tally, buckets = count(tallies[app_id], [one for one in draft.known if one.app_id == app_id], news)
            draft.tallies.append(tally)
            draft.buckets += buckets
        return draft

    def _keeps(self, kept: Kept) -> bool:
        return bool(self._settings.history_days if kept.history_days is None else kept.history_days)

    async def write(self, tx: Transaction, draft: Draft) -> None:
        apps = await rows.hold_apps(tx, {_app_of(one) for one in draft.told})
        names = await rows.hold_users(tx, {_user_of(one) for one in draft.told})
        kept = [step for step in draft.kept if _app_of(step) in apps]
        if draft.steps:
            await rows.put_shown(tx, {_user_of(step): step.after for step in draft.steps})
            await rows.add_spans(tx, [step for step in kept if _user_of(step) in names])
            await _put_counts(tx, draft, apps)
        self._metrics.history_written.inc(len(kept))
        for app_id in apps if self.listeners else ():
            noted = _noted((one for one in draft.told if _app_of(one) == app_id), names)
            for listener in self.listeners if noted else ():
                await listener(tx, app_id, noted)


async def _put_counts(tx: Transaction, draft: Draft, apps: Collection[str]) -> None:
    """Of the apps that are still there."""
    for app_id in draft.begun:
        await rows.forget_counts(tx, app_id)
    await rows.forget_tallies(tx, draft.ended)
    await rows.put_tallies(tx, draft.begun, [tally for tally in draft.tallies if tally.app_id in apps])
    await rows.put_buckets(tx, draft.known, [bucket for bucket in draft.buckets if bucket.app_id in apps])


async def _find_counts(tx: Transaction, steps: Sequence[Step]) -> dict[str, list[Count]]:
    """By app, in order of time."""
    came = [step for step in steps if step.gained > 0]
    today = Width.DAY.begin(min((step.move.at for step in came), default=0))
    public_until = await rows.find_last_public(tx, {_user_of(step) for step in came}, today)
    counts: dict[str, list[Count]] = {}
    for step in steps:
        at, gained, user_id = step.move.at, step.gained, _user_of(step)
        if gained:
            is_new = gained > 0 and public_until.get(user_id, -1) < Width.DAY.begin(at)
            counts.setdefault(_app_of(step), []).append(Count(at, gained, is_new))
        if gained < 0:
            public_until[user_id] = at
    return counts


def _noted(told: Iterable[Told], names: Mapping[int, str]) -> list[Noted]:
    """What listeners hear of it; nothing of somebody whose name nobody knows any more."""
    found = (_note(one, names.get(_user_of(one))) for one in told)
    return [noted for noted in found if noted]


def _note(one: Told, name: str | None) -> Noted | None:
    if isinstance(one, Step):
        return see_step(one, name) if name is not None else None
    name = name if name is not None else one.username
    if name is None:
        return None
    return SessionSeen(
        one.user_id,
        name,
        one.session_id,
        one.kind,
        one.at,
        one.device,
        one.client_id,
        one.transport,
        one.opened_at,
        one.reason,
    )


def _app_of(one: Told) -> str:
    return one.move.app_id if isinstance(one, Step) else one.app_id


def _user_of(one: Told) -> int:
    return one.move.user_id if isinstance(one, Step) else one.user_id
