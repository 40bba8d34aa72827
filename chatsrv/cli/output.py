"""What commands print: words and tables for people, JSON for machines. Errors are one line on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table


def show(as_json: bool, value: Mapping[str, Any], note: str = "") -> None:
    """One thing: `name: value` lines, then the note; or the value as JSON."""
    if as_json:
        click.echo(msgspec.json.encode(value).decode())
        return
    width = max(map(len, value), default=0)
    for name, item in value.items():
        click.echo(f"{name:<{width}}  {item}")
    if note:
        click.echo(note)


def show_list(as_json: bool, rows: Sequence[Mapping[str, Any]], nothing: str) -> None:
    """Several things: a table; or an array."""
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
    elif not rows:
        click.echo(nothing)
    else:
        table = Table(box=None, pad_edge=False)
        for name in rows[0]:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*("" if item is None else str(item) for item in row.values()))
        Console(soft_wrap=not sys.stdout.isatty()).print(table)


def fail(as_json: bool, message: str) -> None:
    line = " ".join(message.split())
    click.echo(msgspec.json.encode({"error": line}).decode() if as_json else f"chatsrv: {line}", err=True)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Any]:
    """Yields a function that is told how much is done; draws on a terminal alone."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=False) as bar:
        task = bar.add_task(what, total=total, rate="")

        def advance(done: int) -> None:
            elapsed = bar.tasks[0].elapsed or 0
            bar.update(task, completed=done, rate=f"{done / elapsed:,.0f}/s" if elapsed else "")

        yield advance


def count_lines(file: BinaryIO) -> int | None:
    """How many lines a file holds, None for a pipe; the position is kept."""
    if not file.seekable():
        return None
    lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    file.seek(0)
    return lines
