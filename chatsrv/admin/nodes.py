"""The nodes, and how many sockets of an app each of them has."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from chatsrv.admin.bodies import render
from chatsrv.admin.visits import Visit
from chatsrv.domain.instants import to_text
from chatsrv.domain.nodes import Node


async def list_all(visit: Visit) -> web.Response:
    """GET: each node, as it said of itself with its last beat; and the sockets on those that are alive."""
    await visit.services.apps.get(visit.app_id)
    nodes = await visit.services.nodes.list_all(visit.app_id)
    alive = [node.sockets for node in nodes if node.is_alive]
    transports = {
        "websocket": sum(tally.websocket for tally in alive),
        "polling": sum(tally.polling for tally in alive),
    }
    return render({"nodes": [_describe(node) for node in nodes], "transports": transports})


def _describe(node: Node) -> dict[str, Any]:
    sockets = asdict(node.sockets)
    observers = sockets.pop("observers")
    return {
        "node": node.id,
        "host": node.host,
        "pid": node.pid,
        "version": node.version,
        "started_at": to_text(node.started_at) if node.started_at else None,
        "lease_age_ms": node.lease_age_ms,
        "lease_left_ms": node.lease_left_ms,
        "alive": node.is_alive,
        "sockets": sockets,
        "observers": observers,
    }
