"""Nodes: the processes that have sockets, and what each of them has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Sockets of an app on a node, by the transport on which they are now, and those that watch it as a whole."""

    websocket: int = 0
    polling: int = 0
    observers: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A node and its sockets of one app. What an older version does not say of itself is None; instants in ms.

    `lease_age_ms`: since it was last heard of. `lease_left_ms`: until it counts as dead; not `is_alive`: it does, and
    its sessions are about to be ended by others. `url`: where its own machine reaches it.
    """

    id: str
    host: str | None
    pid: int | None
    version: str | None
    started_at: int | None
    lease_age_ms: int
    lease_left_ms: int
    is_alive: bool
    sockets: Tally
    url: str | None = None
