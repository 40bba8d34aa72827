"""The server that does nothing (load/null.c): what the load generator reaches against it is what it can reach."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import people
from bench.processes import SERVER_CORE, running
from bench.servers.target import Conditions, Stock, Target
from bench.stores import await_port, free_port


class Null:
    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._papers = people.papers_in(stock.folder, "null")
        people.write_names(self._papers.tokens)
        people.write_gets(self._papers.gets, "a-key")
        people.write_pages(self._papers.pages, "a-key")

    @contextmanager
    def serving(self, conditions: Conditions) -> Iterator[Target]:
        port, stock = free_port(), self._stock
        words = [str(stock.tools.null), str(port)]
        begun = time.monotonic()
        with running(stock.tools, SERVER_CORE, words, conditions.folder / "null.log") as started:
            started.await_line("port")
            await_port(port)
            yield Target(started.pid, port, self._papers, start_s=time.monotonic() - begun)
