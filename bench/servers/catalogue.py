"""Which servers there are, and the words for several of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench.servers.chatsrv import Chatsrv
from bench.servers.ejabberd import Ejabberd
from bench.servers.node import NodePeer
from bench.servers.null import Null
from bench.servers.target import Server, Stock

SERVERS: dict[str, Callable[[Stock], Server]] = {
    "null": Null,
    "chatsrv": Chatsrv,
    "express": partial(NodePeer, script="express"),
    "fastify": partial(NodePeer, script="fastify"),
    "node-mirror": partial(NodePeer, script="node-mirror"),
    "ejabberd": partial(Ejabberd, speech="xmpp"),
    "ejabberd-ws": partial(Ejabberd, speech="xmpp-ws"),
}
NODE = ("express", "fastify", "node-mirror")
GROUPS = {"node": NODE, "all": (*NODE, "ejabberd", "ejabberd-ws"), "none": ()}


def choose(peers: str) -> list[str]:
    """chatsrv and these peers; raises KeyError naming what is not known."""
    names = ["chatsrv"]
    for word in peers.split(","):
        for name in GROUPS.get(word, (word,)):
            if name not in SERVERS:
                raise KeyError(name)
            names.append(name)
    return list(dict.fromkeys(names))


def open_server(name: str, stock: Stock) -> Server:
    return SERVERS[name](stock)
