"""The load generator against a server that does nothing: its ceiling, and what an operation costs it."""

from __future__ import annotations

from bench.catalogue import find_works
from bench.rounds import run_once
from bench.servers.null import Null
from bench.servers.target import Stock
from bench.table import aligned

WORKS = "W1,W2,W3,W5"


def prove(stock: Stock) -> str:
    """`could`: what one whole core of it could send, from its CPU time, which no neighbour on the machine spoils."""
    rows = [["the load generator against a server that does nothing", "reached/s", "its CPU, us each", "could/s"]]
    server = Null(stock)
    for work in find_works(WORKS):
        phases = run_once(stock.tools, server, work)
        phase = next(phase for name, phase in phases.items() if name != "start")
        cost = phase["load_us"] / phase["operations"]
        reached = phase["operations"] / phase["wall_us"] * 1e6
        rows.append([work.figures[0].title, f"{reached:,.0f}", f"{cost:.2f}", f"{1e6 / cost:,.0f}"])
    return aligned(rows)
