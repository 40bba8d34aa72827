"""The tokens with which they connect, signed with the app's secret as a backend of its own would sign them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

RENEW_AGAIN_S = 60.0
"""Who asks anew within it gets what the last renewal gave: one is enough for all."""


@dataclass(slots=True)
class Purse:
    """`mint` gives everybody's tokens, which are good for `good_for_s`. It opens the stores, and blocks."""

    mint: Callable[[], Mapping[str, str]]
    good_for_s: float
    tokens: Mapping[str, str] = field(default_factory=dict)
    _renewed_at: float | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, username: str, *, anew: bool) -> str | None:
        """None for somebody who has been deleted, or an old one, which is refused."""
        async with self._one_at_a_time:
            if self._is_old(RENEW_AGAIN_S if anew else self.good_for_s / 2):
                self.tokens = {**self.tokens, **await asyncio.to_thread(self.mint)}
                self._renewed_at = asyncio.get_running_loop().time()
        return self.tokens.get(username)

    def _is_old(self, after_s: float) -> bool:
        return self._renewed_at is None or asyncio.get_running_loop().time() - self._renewed_at >= after_s
