"""Every work once, small, on one life of each server: that the benchmark still fits what it measures."""

from __future__ import annotations

from collections.abc import Iterator

from bench.processes import BenchError
from bench.rounds import run_on, scratch
from bench.servers.catalogue import open_server
from bench.servers.target import Conditions, Stock
from bench.works import find_works

# who logs in must not be in the grace of an earlier work, so that login comes before change
WORKS = {"null": "W1,W3,change", "chatsrv": "W1,W2,W3,W4,login,change,flight,W6"}
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
