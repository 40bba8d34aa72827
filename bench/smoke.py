"""Every work once, small, on one life of each server: that the benchmark still fits what it measures."""

from __future__ import annotations

from collections.abc import Iterator

from bench.catalogue import find_works
from bench.processes import BenchError
from bench.rounds import run_on, scratch
from bench.servers.catalogue import open_server
from bench.servers.target import Conditions, Stock

# who logs in must not be in the grace of an earlier work, so that login comes before change; and after the rest, for
# nobody is told of a logout while a node could still have to put its sockets back into a Redis that is new
WORKS = {"null": "W1,W3,change", "chatsrv": "W1,W2,W3,W4,churn-gets-100,redis,W6,login,change,flight"}
PING_S = 1


def smoke(stock: Stock) -> Iterator[str]:
    """Says what is done; raises BenchError for what fails, or does nothing at all."""
    for name, works in WORKS.items():
        server = open_server(name, stock)
        with scratch() as folder, server.serving(Conditions(folder, PING_S)) as target:
            for work in find_works(works):
                for phase in run_on(stock.tools, target, work, is_quick=True).values():
                    if not phase["operations"]:
                        raise BenchError(f"{name} {work.id}: nothing was done")
                yield f"{name} {work.id}: done"
