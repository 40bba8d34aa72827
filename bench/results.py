"""Results that are kept: written under bench/results with SAVE=name, committed, and read again for the docs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.rounds import Run
from bench.servers.target import OURS
from bench.summary import Cell, gather
from bench.tools import HERE

KEPT = HERE / "results"


@dataclass(frozen=True, slots=True)
class Result:
    """`about`: when (`at`), with what words, on what database, Python and machine."""

    name: str
    about: Mapping[str, Any]
    runs: tuple[Run, ...]

    @property
    def command(self) -> str:
        """What measures the same again."""
        about = self.about
        words = {"WORK": about["work"], "PEERS": about["peers"], "ROUNDS": about["rounds"]}
        words |= {"DATABASE": about["database"], "REDIS": about["redis"], "SET": " ".join(about["settings"])}
        usual = {"PEERS": "node", "ROUNDS": 3, "DATABASE": "sqlite", "REDIS": "external"}
        said = (f"{name}={value}" for name, value in words.items() if value and value != usual.get(name))
        return " ".join(["make bench", *said])

    @property
    def works(self) -> frozenset[str]:
        return frozenset(run.work for run in self.runs if run.phases)

    @property
    def servers(self) -> tuple[str, ...]:
        return tuple(self.about["servers"])


def load_results(folder: Path = KEPT) -> list[Result]:
    """The newest last."""
    found = [_load(file) for file in folder.glob("*.json")]
    return sorted(found, key=lambda result: str(result.about["at"]))


def _load(file: Path) -> Result:
    told = json.loads(file.read_text())
    return Result(file.stem, told["about"], tuple(Run(**run) for run in told["runs"]))


def newest_with(results: Sequence[Result], works: frozenset[str]) -> Result | None:
    """Of those that tell the most of these works the newest; None where nobody tells anything."""
    found = max(results, key=lambda result: (len(result.works & works), str(result.about["at"])), default=None)
    return found if found and found.works & works else None


def newest_figures(results: Sequence[Result]) -> dict[str, Cell]:
    """Of chatsrv, by the figure's id: each from the newest result that has it."""
    cells: dict[str, Cell] = {}
    for result in results:
        cells |= {figure: cell for (figure, server), cell in gather(result.runs).items() if server == OURS}
    return cells
