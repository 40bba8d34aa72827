"""What is told of a soak: for people as text, for machines as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.soak.checks import Rest, growth
from tests.soak.latencies import FIFTHS, Latencies, Spread

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Once a second of the measured part. `cpu`: share of one core over the second before."""

    rss_bytes: int
    cpu: float


@dataclass(slots=True)
class Report:
    """All of one run; the times in `latencies` are those of the measured part."""

    minutes: float
    warm_up_s: float
    load_s: float
    judges_memory: bool
    server: str
    latencies: Latencies
    samples: list[Sample] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def text(self) -> str:
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"soak of {self.server}: {self.load_s:.0f} s of load after {self.warm_up_s:.0f} s of warm-up and a rest"
        yield ""
        yield from self._machine()
        yield ""
        yield f"{'ms':<30}{'count':>9}{'p50':>9}{'p90':>9}{'p99':>9}{'p99.9':>9}{'most':>9}   p99 by fifth"
        for kind in self.latencies.kinds:
            yield _row(kind, self.latencies.overall(kind), self.latencies.by_fifth(kind))
        yield ""
        yield "counted: " + ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))
        yield "warnings in the log: " + (", ".join(f"{n} {count}" for n, count in self.warnings.items()) or "none")
        yield ""
        yield from (f"FOUND  {finding}" for finding in self.findings)
        flat = "memory flat, " if self.judges_memory else ""
        yield "failed" if self.findings else f"passed: {flat}nothing left behind, no change missed, no error"

    def _machine(self) -> Iterator[str]:
        if self.samples:
            rss = [sample.rss_bytes for sample in self.samples]
            cpu = [sample.cpu for sample in self.samples]
            fifths = " ".join(f"{_median(part) / MB:.1f}" for part in _fifths(rss))
            yield f"memory   {fifths} MB (medians of the fifths), {growth(rss):+.1%}, "
            yield f"         most {max(rss) / MB:.1f} MB{'' if self.judges_memory else '; too short a run to judge it'}"
            yield f"cpu      {sum(cpu) / len(cpu):.0%} of a core"
        for name, rest in zip(("before", "after"), self.rests, strict=False):
            yield (
                f"at rest {name:<7} {rest.rss_bytes / MB:.1f} MB, {rest.descriptors} descriptors, {rest.tasks} tasks, "
                f"Valkey {rest.valkey_bytes / MB:.2f} MB, keys {dict(sorted(rest.keys.items()))}"
            )

    def write(self, path: Path) -> None:
        kinds = {
            kind: {
                "overall": asdict(self.latencies.overall(kind)),
                "by_fifth": [asdict(spread) if spread else None for spread in self.latencies.by_fifth(kind)],
            }
            for kind in self.latencies.kinds
        }
        told: dict[str, Any] = {
            "passed": not self.findings,
            "server": self.server,
            "minutes": self.minutes,
            "warm_up_s": self.warm_up_s,
            "load_s": self.load_s,
            "judges_memory": self.judges_memory,
            "memory_growth": growth([sample.rss_bytes for sample in self.samples]) if self.samples else None,
            "samples": [asdict(sample) for sample in self.samples],
            "rests": [
                {**asdict(replace(rest, keys=Counter(), entries=Counter())), "keys": dict(rest.keys)}
                for rest in self.rests
            ],
            "latencies_ms": kinds,
            "counts": dict(self.counts),
            "warnings": dict(self.warnings),
            "findings": self.findings,
        }
        path.write_text(json.dumps(told, indent=1) + "\n")


def _row(kind: str, overall: Spread, fifths: Sequence[Spread | None]) -> str:
    figures = "".join(f"{figure:>9.1f}" for figure in (*overall.quantiles.values(), overall.most))
    drift = " ".join(f"{spread.quantiles['p99']:.1f}" if spread else "-" for spread in fifths)
    return f"{kind:<30}{overall.count:>9}{figures}   {drift}"


def _fifths(values: Sequence[int]) -> list[Sequence[int]]:
    size = max(len(values) // FIFTHS, 1)
    return [part for number in range(FIFTHS) if (part := values[number * size : (number + 1) * size])]


def _median(values: Sequence[int]) -> float:
    return sorted(values)[len(values) // 2]
