"""What goes wrong over and over, said at once and then only now and then: an outage must not fill the log."""

from __future__ import annotations

SAID_EVERY_S = 60.0


class Repeats:
    """One for each kind of line. `what` tells lines of the kind apart; there must be few of them."""

    def __init__(self, every_s: float = SAID_EVERY_S) -> None:
        self._every_s = every_s
        self._said_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}
        self._is_on: set[str] = set()

    def count(self, what: str, now: float) -> int:
        """How often it went wrong since it was last said, this time included; 0 where it is too soon to say it again.

        `now` is seconds of any clock that never goes back.
        """
        times = self._unsaid.get(what, 0) + 1
        if now - self._said_at.get(what, float("-inf")) < self._every_s:
            self._unsaid[what] = times
            return 0
        self._said_at[what], self._unsaid[what] = now, 0
        self._is_on.add(what)
        return times

    def over(self, what: str) -> bool:
        """It went well: whether that is news, as it was said that it did not."""
        is_news = what in self._is_on
        self._is_on.discard(what)
        return is_news
