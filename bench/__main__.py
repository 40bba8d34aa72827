"""`python -m bench`: measures chatsrv and its peers; `make bench` calls it."""

from __future__ import annotations

import json
import os
import platform
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from bench.catalogue import find_works, fit
from bench.docs import PAGE, render_page
from bench.picture import draw
from bench.processes import BenchError
from bench.proof import prove
from bench.results import KEPT, load_results
from bench.rounds import Run, run_rounds, scratch
from bench.servers.catalogue import choose, open_server
from bench.servers.target import Stock
from bench.smoke import smoke
from bench.stores import running_postgres
from bench.table import render
from bench.tools import WORK, ToolMissing, build_tools

PASSING = WORK / "results"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """One server at a time on core 0; the load and Redis on core 1; only this machine's own address."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(_number: int, _frame: object) -> None:
    """As Ctrl-C does: what was started is ended, and folders are removed."""
    raise SystemExit(128 + signal.SIGTERM)


@main.command()
@click.option("--work", default="", help="W1,storm, growth and so on; the first table if not given.")
@click.option(
    "--peers", default="node", help="express, fastify, node-mirror, ejabberd, ejabberd-ws, node, all or none."
)
@click.option("--rounds", default=3, type=click.IntRange(1, 50), show_default=True)
@click.option("--database", type=click.Choice(["sqlite", "postgres"]), default="sqlite", show_default=True)
@click.option("--redis", type=click.Choice(["external", "embedded"]), default="external", show_default=True)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting of chatsrv; repeatable.")
@click.option("--save", metavar="NAME", help="Keep the results under this name, where git sees them.")
def run(
    work: str, peers: str, rounds: int, database: str, redis: str, settings: Sequence[str], save: str | None
) -> None:
    """Measure, print the table, and write it as JSON and as a picture."""
    with complaints(), stocked(database, redis == "embedded", settings) as stock:
        names = choose(peers)
        works = fit(find_works(work), database)
        servers = {name: open_server(name, stock) for name in names}
        words = {"work": work, "peers": peers, "rounds": rounds}
        about = {**words, "database": database, "redis": redis, "settings": list(settings)}
        runs: list[Run] = []
        try:
            for one in run_rounds(stock.tools, servers, works, rounds):
                click.echo(f"round {one.round}  {one.work:8} {one.server:12} {one.error or 'done'}")
                runs.append(one)
        finally:  # who stops it half way keeps what is there
            click.echo("\n" + render(runs, names))
            _write(runs, names, about, save)


@main.command("smoke")
def smoke_() -> None:
    """Every part of it once, small, within some twenty seconds; exit status 1 if anything fails."""
    with complaints(), stocked("sqlite", False, ()) as stock:
        for line in smoke(stock):
            click.echo(line)


@main.command()
def proof() -> None:
    """What the load generator reaches against a server that does nothing: more than any server here."""
    with complaints(), stocked("sqlite", False, ()) as stock:
        click.echo(prove(stock))


@main.command()
def docs() -> None:
    """Make the tables of docs/performance.md from the newest committed results."""
    PAGE.write_text(render_page(PAGE.read_text(), load_results()))
    click.echo(f"wrote {PAGE.name}")


@contextmanager
def complaints() -> Iterator[None]:
    """What is to be mended by who started it is one line, not a traceback."""
    try:
        yield
    except (BenchError, ToolMissing) as error:
        raise click.ClickException(str(error)) from error
    except KeyError as error:
        raise click.ClickException(f"there is no {error}") from error


@contextmanager
def stocked(database: str, has_embedded_redis: bool, settings: Sequence[str]) -> Iterator[Stock]:
    WORK.mkdir(exist_ok=True)
    pairs = dict(pair.split("=", 1) for pair in settings)
    with scratch() as folder:
        tools = build_tools(WORK)
        if database == "sqlite":
            yield Stock(tools, folder, WORK, database, "", has_embedded_redis, pairs)
            return
        with running_postgres(WORK / "postgres") as url:
            yield Stock(tools, folder, WORK, database, url, has_embedded_redis, pairs)


def _write(runs: Sequence[Run], names: Sequence[str], conditions: dict[str, object], save: str | None) -> None:
    file = KEPT / save if save else PASSING / time.strftime("%Y%m%d-%H%M%S")
    file.parent.mkdir(exist_ok=True)
    about = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **conditions,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "servers": list(names),
    }
    _put(
        file.with_suffix(".json"), json.dumps({"about": about, "runs": [asdict(run) for run in runs]}, indent=1) + "\n"
    )
    _put(file.with_suffix(".svg"), draw(runs, names))


def _put(file: Path, text: str) -> None:
    file.write_text(text)
    click.echo(f"wrote {file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")


if __name__ == "__main__":
    main(prog_name="python -m bench")
