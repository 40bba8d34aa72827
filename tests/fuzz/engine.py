"""schemathesis' engine at a running server: an OpenAPI document is taken at its word, and the server, too."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from schemathesis.engine.recorder import ScenarioRecorder

SHOWN = 3
"""So many cases of one kind of failure are told."""


@dataclass(frozen=True, slots=True)
class Leeway:
    """A check that does not hold for the operations that `operations`, a regular expression, finds; and why."""

    operations: str
    checks: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked, by whom, and how much of it; one `seed` asks the same again, as far as ids allow.

    `examples` are those of each operation and phase; `is_thorough` adds every case that the schemas' borders make.
    """

    document: Mapping[str, Any]
    url: str
    headers: Mapping[str, str]
    seed: int
    examples: int
    is_thorough: bool = False
    leeways: Sequence[Leeway] = ()
    off: Sequence[str] = ()
    """Checks that hold nowhere in this dialect."""


@dataclass(slots=True)
class Findings:
    """`failures` in the order in which they were met; `statuses` of all answers, by operation."""

    failures: list[str] = field(default_factory=list)
    statuses: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    _kinds: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def answers(self) -> int:
        return sum(counted.total() for counted in self.statuses.values())

    @property
    def succeeded(self) -> set[str]:
        """The operations that have been seen to succeed."""
        return {name for name, counted in self.statuses.items() if any(status < 300 for status in counted)}

    def take(self, recorder: ScenarioRecorder) -> None:
        for case_id, interaction in recorder.interactions.items():
            label = recorder.cases[case_id].value.operation.label if case_id in recorder.cases else recorder.label
            if interaction.response is not None:
                self.statuses[label][interaction.response.status_code] += 1
            for check in recorder.checks.get(case_id, ()):
                if check.failure_info is not None:
                    self._note(label, check.name, check.failure_info, interaction)

    def _note(self, label: str, name: str, found: Any, interaction: Any) -> None:
        self._kinds[label, name] += 1
        if self._kinds[label, name] <= SHOWN:
            answer = interaction.response
            body = answer.content[:300] if answer is not None else b""
            status = answer.status_code if answer is not None else "no answer"
            self.failures.append(f"{label}: {name}: {found.failure.message}\n{found.code_sample}\n{status} {body!r}")


def run(plan: Plan) -> Findings:
    """Blocks until it is through."""
    schema = schemathesis.openapi.from_dict(deepcopy(dict(plan.document)), config=_configure(plan))
    findings = Findings()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            findings.take(event.recorder)
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.NonFatalError):
            findings.failures.append(f"{event.label}: {event.value!r}")
    return findings


def _configure(plan: Plan) -> SchemathesisConfig:
    some = {"enabled": True, "generation": {"max-examples": plan.examples}}
    off = {"enabled": False}
    return SchemathesisConfig.from_dict(
        {
            "seed": plan.seed,
            "base-url": plan.url,
            "headers": dict(plan.headers),
            "continue-on-failure": True,
            "generation": {"database": "none", "mode": "all", "no-shrink": True},
            "phases": {
                "examples": {"enabled": True},
                "coverage": {"enabled": plan.is_thorough},
                "fuzzing": some,
                "stateful": some,
            },
            "checks": dict.fromkeys(plan.off, off),
            "operations": [
                {"include-name-regex": one.operations, "checks": dict.fromkeys(one.checks, off)} for one in plan.leeways
            ],
        }
    )


@schemathesis.serializer("application/x-ndjson")
def write_lines(_ctx: Any, value: Any) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")
