"""Places: how many sockets of one address, and of one app, this process has at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from chatsrv.domain.errors import TooManyRequests
from chatsrv.services.addresses import is_private, name_of

RETRY_S = 5.0
"""Places become free when others leave, which nobody knows beforehand."""


class Places:
    """Whoever comes takes a place before anything is awaited for them, so that no two take the last one, and keeps it
    until `leave`, unless what is done meanwhile fails."""

    def __init__(self, per_address: int) -> None:
        self._per_address = per_address
        self._at: Counter[str] = Counter()
        self._in: Counter[str] = Counter()
        self._observing: Counter[str] = Counter()

    @contextmanager
    def at_address(self, address: str) -> Iterator[None]:
        """Raises TooManyRequests."""
        if self._per_address and self._at[name_of(address)] >= self._per_address:
            hint = " It is a private one: if it is that of a proxy, set trusted_proxies." if is_private(address) else ""
            error = TooManyRequests(f"Too many sockets from the address {address}.{hint}", RETRY_S)
            raise error.over("sockets_per_address")
        with _taking(self._at, name_of(address)):
            yield

    @contextmanager
    def in_app(self, app_id: str, most: int) -> Iterator[None]:
        """`most`: 0 is any number. Raises TooManyRequests."""
        if most and self._in[app_id] >= most:
            raise TooManyRequests("Too many sockets of this app.", RETRY_S).over("sockets_per_app")
        with _taking(self._in, app_id):
            yield

    @contextmanager
    def observing(self, app_id: str, most: int) -> Iterator[None]:
        """The same of those who watch all of the app, and who are no sockets of it."""
        if most and self._observing[app_id] >= most:
            raise TooManyRequests("Too many sockets watch this app.", RETRY_S).over("observers_per_app")
        with _taking(self._observing, app_id):
            yield

    def leave(self, address: str, app_id: str, *, was_observing: bool = False) -> None:
        _give_back(self._at, name_of(address))
        _give_back(self._observing if was_observing else self._in, app_id)


@contextmanager
def _taking(places: Counter[str], name: str) -> Iterator[None]:
    places[name] += 1
    try:
        yield
    except BaseException:
        _give_back(places, name)
        raise


def _give_back(places: Counter[str], name: str) -> None:
    """Who is not here takes no memory."""
    places[name] -= 1
    if not places[name]:
        del places[name]
