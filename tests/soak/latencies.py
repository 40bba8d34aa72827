"""How long things took, by kind and by fifth of the run."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass

FIFTHS = 5
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


@dataclass(frozen=True, slots=True)
class Spread:
    """In ms."""

    count: int
    quantiles: dict[str, float]
    most: float


def spread_of(times_s: array[float]) -> Spread:
    """Of at least one."""
    ranked = sorted(times_s)
    last = len(ranked) - 1
    found = {name: round(1000 * ranked[min(last, int(share * len(ranked)))], 2) for name, share in QUANTILES.items()}
    return Spread(len(ranked), found, round(1000 * ranked[last], 2))


class Latencies:
    """Nothing counts before `begin`."""

    def __init__(self) -> None:
        self._times: dict[str, list[array[float]]] = defaultdict(lambda: [array("d") for _ in range(FIFTHS)])
        self._began = 0.0
        self._lasts = 0.0

    def begin(self, now: float, lasts_s: float) -> None:
        self._began, self._lasts = now, lasts_s

    def note(self, kind: str, took_s: float, now: float) -> None:
        if self._lasts:
            fifth = int(FIFTHS * (now - self._began) / self._lasts)
            self._times[kind][min(max(fifth, 0), FIFTHS - 1)].append(took_s)

    @property
    def kinds(self) -> list[str]:
        return sorted(self._times)

    def overall(self, kind: str) -> Spread:
        everything = array("d")
        for times in self._times[kind]:
            everything.extend(times)
        return spread_of(everything)

    def by_fifth(self, kind: str) -> list[Spread | None]:
        """None where there was nothing of the kind."""
        return [spread_of(times) if times else None for times in self._times[kind]]
