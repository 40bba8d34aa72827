"""How much a client may take: of time and of memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WireLimits:
    """How long we wait for a client and how much we keep for it.

    `max_message_bytes` bounds a WebSocket message and the body of a polling POST; the two `queue_` figures what
    waits for a client that reads slowly.
    """

    ping_interval_s: float = 25.0
    ping_timeout_s: float = 20.0
    max_message_bytes: int = 128 * 1024
    queue_max_packets: int = 1000
    queue_max_bytes: int = 4 * 1024 * 1024
    auth_deadline_s: float = 10.0
    upgrade_timeout_s: float = 10.0
    body_timeout_s: float = 20.0
    close_timeout_s: float = 0.5
