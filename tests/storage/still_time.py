"""Time that passes only when a test moves it, in Python and in the scripts alike: the same steps, the same instants."""

from __future__ import annotations

from collections.abc import Mapping

from chatsrv.domain.clock import Clock

START_S = 1_700_000_000
"""The hour at which it stands."""

TIME = "redis.call('TIME')"


class StillClock(Clock):
    def now(self) -> int:
        return START_S * 1000 + self.offset_ms


def stilled(texts: Mapping[str, str]) -> dict[str, str]:
    """The scripts, with a clock of Redis that stands; their offset moves it as that of a StillClock."""
    assert all(text.count(TIME) == 1 for text in texts.values())
    return {name: text.replace(TIME, f"{{{START_S}, 0}}") for name, text in texts.items()}
