"""Nodes: what this one says of itself with each beat, and what all of them said.

Sockets are counted when they come, go and change their transport, so that a beat costs the same however many there are.
"""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import msgspec

import chatsrv
from chatsrv.domain.clock import Clock
from chatsrv.domain.nodes import Node, Tally
from chatsrv.storage.keys import SHARDS, shard_of
from chatsrv.storage.presence import PresenceStore

NONE = Tally()
HERE = socket.gethostname()


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """As it stands in Redis, in each shard with the apps of that shard: by id, their sockets on WebSocket, on polling,
    and those that watch all of it. `url`: where the machine itself reaches it."""

    host: str | None = None
    pid: int | None = None
    version: str | None = None
    started_at: int | None = None
    url: str | None = None
    apps: dict[str, tuple[int, int, int]] = {}


class Nodes:
    """`lease_ms`: how long a lease is good after a beat."""

    def __init__(self, store: PresenceStore, clock: Clock, lease_ms: int) -> None:
        self._store = store
        self._clock = clock
        self._lease_ms = lease_ms
        self._self = Report(HERE, os.getpid(), chatsrv.__version__, clock.now())
        self._here: list[dict[str, Tally]] = [{} for _ in range(SHARDS)]

    def serve_at(self, url: str) -> None:
        """Said with each beat from now on."""
        self._self = msgspec.structs.replace(self._self, url=url)

    def count(self, app_id: str, *, websocket: int = 0, polling: int = 0, observers: int = 0) -> None:
        """So many more sockets of the app, or fewer, are here. Of which there are none takes no memory."""
        here = self._here[shard_of(app_id)]
        was = here.get(app_id, NONE)
        now = Tally(was.websocket + websocket, was.polling + polling, was.observers + observers)
        if now == NONE:
            del here[app_id]
        else:
            here[app_id] = now

    def report(self, shard: int) -> bytes:
        """What this node says of itself in this shard."""
        apps = {
            app_id: (tally.websocket, tally.polling, tally.observers) for app_id, tally in self._here[shard].items()
        }
        return msgspec.json.encode(msgspec.structs.replace(self._self, apps=apps))

    async def list_all(self, app_id: str) -> list[Node]:
        """Every node that has a lease, or had one and has not been swept yet. Raises Unavailable."""
        redis_now, found = await self._store.nodes(shard_of(app_id))
        now = redis_now + self._clock.offset_ms
        nodes = [self._read(node, app_id, ends_at - now, said) for node, (ends_at, said) in found.items()]
        return sorted(nodes, key=lambda node: (node.started_at or 0, node.id))

    async def urls(self) -> list[str]:
        """Where this machine reaches those that live, each once, the one that started last first: those of other
        machines only where what they say means the same here. Raises Unavailable."""
        alive = [node for node in reversed(await self.list_all("")) if node.is_alive and node.url]
        ours = [node for node in alive if node.host == HERE]
        others = [node for node in alive if node.host != HERE and not _is_near(node)]
        return list(dict.fromkeys(node.url for node in ours + others if node.url))

    def _read(self, node: str, app_id: str, left_ms: int, said: bytes) -> Node:
        report = msgspec.json.decode(said, type=Report)
        return Node(
            node,
            report.host,
            report.pid,
            report.version,
            report.started_at,
            max(0, self._lease_ms - left_ms),
            max(0, left_ms),
            left_ms > 0,
            Tally(*report.apps.get(app_id, ())),
            report.url,
        )


def _is_near(node: Node) -> bool:
    """Whether its URL means whichever machine one asks on."""
    return urlsplit(node.url or "").hostname == "localhost"
