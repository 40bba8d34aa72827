"""Following the change log: every node reads all of it, remembers who is there, and hands it on."""

from __future__ import annotations

from chatsrv.domain.changes import Entry
from chatsrv.services.mirror import Mirror
from chatsrv.storage.changelog import ChangeLog
from chatsrv.storage.keys import shard_of
from chatsrv.storage.presence_reads import PresenceReads


class Following:
    """Every method raises Unavailable where Redis does not answer."""

    def __init__(self, log: ChangeLog, store: PresenceReads, mirror: Mirror) -> None:
        self._log = log
        self._store = store
        self._mirror = mirror

    async def begin(self) -> dict[str, int]:
        """From where the log ends now: what came before is in the states. Returns each app's version there."""
        versions = await self._log.seek_end()
        for app_id in versions:
            await self._load(app_id)
        return versions

    def begin_anew(self, shard: int) -> None:
        """The log of this shard began anew."""
        self._log.rewind(shard)
        self._mirror.begin_anew(lambda app_id: shard_of(app_id) == shard)

    def end_recovery(self, shard: int) -> None:
        """Every node has had the time to put its sockets back."""
        self._mirror.forget_before(lambda app_id: shard_of(app_id) == shard)

    async def read(self, block_ms: int) -> list[Entry]:
        """Waits up to `block_ms` for what is new."""
        entries = await self._log.read(block_ms)
        self._mirror.take(entries)
        return entries

    async def load_missing(self) -> None:
        """Apps of which the mirror missed something."""
        for app_id in self._mirror.missing:
            await self._load(app_id)

    async def _load(self, app_id: str) -> None:
        self._mirror.load(app_id, await self._store.snapshot_all(app_id))
