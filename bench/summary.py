"""From runs to medians, spreads, ratios and goals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.catalogue import ALL
from bench.goals import GOALS, Goal
from bench.rounds import Run
from bench.servers.target import OURS
from bench.works import START, WORKS, Figure, Work


@dataclass(frozen=True, slots=True)
class Cell:
    """Of all rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.values), max(self.values)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`value` is the ratio, or the figure itself; `peer` is whom it was measured against, if anybody."""

    goal: Goal
    peer: str
    value: float

    @property
    def is_met(self) -> bool:
        return self.goal.is_met_by(self.value)


@dataclass(frozen=True, slots=True)
class Noise:
    """Of a work on a server, in percent of the wall time, medians: what the parties used, and what others took."""

    server: float
    load: float
    redis: float
    taken: float


NOT_BUSY = ("start", "idle", "closing", "pings", "connects", "resting", "others change", "leaves")
Cells = Mapping[tuple[str, str], Cell]


def figures_of(works: Iterable[str]) -> list[Figure]:
    wanted = set(works)
    found = [figure for work in ALL if work.id in wanted for figure in work.figures]
    return [*found, START] if any(work.id in wanted for work in WORKS) else found


def gather(runs: Sequence[Run]) -> dict[tuple[str, str], Cell]:
    """By the figure's id and the server."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    figures = {work.id: _figures(work) for work in ALL}
    for run in runs:
        for figure in figures[run.work] if run.phases else ():
            values[figure.id, run.server].append(figure.read(run.phases))
    return {place: Cell(tuple(found)) for place, found in values.items()}


def _figures(work: Work) -> tuple[Figure, ...]:
    """How long a start takes with a million users is a figure of its own."""
    return (*work.figures, START) if work in WORKS else work.figures


def ratio(cells: Cells, figure: str, peer: str) -> float | None:
    """Ours over theirs; None where either is missing."""
    ours, theirs = cells.get((figure, OURS)), cells.get((figure, peer))
    return ours.median / theirs.median if ours and theirs and theirs.median else None


def judge(cells: Cells) -> list[Verdict]:
    """Of the goals that these runs can tell anything about."""
    verdicts = []
    for goal in GOALS:
        if not goal.peers:
            own = cells.get((goal.figure, OURS))
            found = [Verdict(goal, "", own.median)] if own else []
        else:
            ratios = ((ratio(cells, goal.figure, peer), peer) for peer in goal.peers)
            found = [Verdict(goal, peer, value) for value, peer in ratios if value is not None]
        if found:
            # against the best of several: the ratio that is hardest to reach
            is_low_hard = goal.at_least is not None
            verdicts.append(min(found, key=lambda one: one.value if is_low_hard else -one.value))
    return verdicts


def noises(runs: Sequence[Run]) -> dict[tuple[str, str], Noise]:
    """By work and server. A server that was not busy was not what limited the figure."""
    parts: dict[tuple[str, str], list[tuple[float, float, float, float]]] = defaultdict(list)
    for run in runs:
        for name, phase in run.phases.items():
            if name in NOT_BUSY:
                continue
            shares = [
                phase[f"{who}_us"] / phase["wall_us"] * 100 for who in ("server", "load", "redis", "kept_waiting")
            ]
            parts[run.work, run.server].append((shares[0], shares[1], shares[2], shares[3]))
    return {place: Noise(*(median(column) for column in zip(*rows, strict=True))) for place, rows in parts.items()}
