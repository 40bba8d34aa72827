"""Every duration of a run. What a test asserts is derived from these, never from bare numbers."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass

from chatsrv.settings import Settings


@dataclass(frozen=True, slots=True)
class Durations:
    """Settings of the servers, under their own names."""

    ping_interval_s: float
    ping_timeout_s: float
    grace_s: float
    orphan_grace_s: float
    handoff_grace_s: float
    drain_s: float
    node_heartbeat_s: float
    node_dead_s: float
    sweep_every_s: float
    reconcile_every_s: float
    flush_every_s: float
    redis_timeout_s: float
    token_warning_s: float
    token_close_s: float


@dataclass(frozen=True, slots=True)
class Timings:
    """`variables` is the environment of a server. `late_s`: by how much a loop of a busy machine may be late.
    `slack_s`: how much later than due something may be noticed. `patience_s`: after it a test gives up waiting."""

    durations: Durations
    variables: dict[str, str]
    reconnect_delay_s: float
    stock_clients: int
    late_s: float
    slack_s: float
    patience_s: float

    @property
    def earliest_death_s(self) -> float:
        """From the kill of a node to the first of its users who may be told offline."""
        its = self.durations
        return its.node_dead_s - its.node_heartbeat_s - self.late_s + its.orphan_grace_s

    @property
    def latest_death_s(self) -> float:
        """From the kill of a node to the last of its users: the lease, the grace and a sweep."""
        its = self.durations
        return its.node_dead_s + its.orphan_grace_s + its.sweep_every_s + self.slack_s

    @property
    def earliest_drop_s(self) -> float:
        """From a wire that falls silent to offline: a ping was just sent."""
        return self.durations.ping_timeout_s + self.durations.grace_s - self.late_s

    @property
    def latest_drop_s(self) -> float:
        """The same where a pong had just come."""
        its = self.durations
        return its.ping_interval_s + self.earliest_drop_s + self.late_s + its.sweep_every_s + self.slack_s


def _from_settings() -> Durations:
    settings = Settings()
    return Durations(**{name: getattr(settings, name) for name in Durations.__dataclass_fields__})


NO_FLOODS = {
    "CHATSRV_SOCKET_EVENTS_BURST": "1000000",
    "CHATSRV_KEY_RATE_BURST": "1000000",
    "CHATSRV_ADDRESS_RATE_BURST": "1000000",
    "CHATSRV_SOCKETS_PER_ADDRESS": "0",
}
"""Those who subscribe or ask over and over, to find a gap, are none, nor are thousands who all come from here."""


def _variables(durations: Durations) -> dict[str, str]:
    return NO_FLOODS | {f"CHATSRV_{name.upper()}": str(value) for name, value in asdict(durations).items()}


_BRIEF = Durations(
    # about a tenth of the defaults, and in the same order: what hides behind an order there must not be hidden here
    ping_interval_s=1.0,
    ping_timeout_s=1.0,
    grace_s=2.1,
    orphan_grace_s=1.1,
    handoff_grace_s=15.0,
    drain_s=1.0,
    node_heartbeat_s=0.4,
    node_dead_s=1.4,
    sweep_every_s=0.25,
    reconcile_every_s=1.4,
    flush_every_s=0.5,
    redis_timeout_s=1.0,
    token_warning_s=2.0,
    token_close_s=1.0,
)

QUICK = Timings(
    durations=_BRIEF,
    variables=_variables(_BRIEF),
    reconnect_delay_s=0.4,
    stock_clients=100,
    late_s=0.6,
    slack_s=5.0,
    patience_s=25.0,
)

FULL = Timings(
    durations=_from_settings(),
    variables=NO_FLOODS,
    reconnect_delay_s=1.0,
    stock_clients=500,
    late_s=0.3,
    slack_s=1.0,
    patience_s=120.0,
)
"""The product's defaults, with no duration set, and the stock client's."""

TIMINGS = FULL if os.environ.get("CHATSRV_TEST_FULL") == "1" else QUICK
DURATIONS = TIMINGS.durations
