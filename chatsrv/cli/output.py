"""What commands print: words and tables for people, JSON for machines. Errors are one line on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import click
import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def show(as_json: bool, value: Mapping[str, Any], note: str = "") -> None:
    """One thing: `name  value` lines, then the note; or the value as JSON."""
    if as_json:
        click.echo(msgspec.json.encode(value).decode())
        return
    _print_table([[name, _in_words(item)] for name, item in value.items()])
    if note:
        click.echo(note)


def show_list(as_json: bool, rows: Sequence[Mapping[str, Any]], nothing: str) -> None:
    """Several things of the same shape: a table; or an array."""
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
    elif not rows:
        click.echo(nothing)
    else:
        _print_table([list(rows[0]), *([_in_words(item) for item in row.values()] for row in rows)])


def fail(as_json: bool, message: str) -> None:
    line = " ".join(message.split())
    click.echo(msgspec.json.encode({"error": line}).decode() if as_json else f"chatsrv: {line}", err=True)


def _in_words(item: Any) -> str:
    match item:
        case None:
            return "-"
        case dict():
            return _in_words([f"{name}={_in_words(value)}" for name, value in item.items()])
        case list() | tuple():
            return ", ".join(item) or "none"
        case _:
            return str(item)


def _print_table(lines: Sequence[Sequence[str]]) -> None:
    """As wide as it must be, also where nobody sees it: whoever reads it line by line wants whole lines."""
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def is_watched() -> bool:
    """Whether anybody sees progress."""
    return sys.stderr.isatty()


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yields a function that is told how much is done; draws on a terminal alone."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not is_watched()) as bar:
        task = bar.add_task(what, total=total, rate="")

        def advance(done: int) -> None:
            elapsed_s = bar.tasks[0].elapsed or 0
            bar.update(task, completed=done, rate=f"{done / elapsed_s:,.0f}/s" if elapsed_s else "")

        yield advance


def count_lines(file: BinaryIO) -> int | None:
    """How many lines a file holds, None for a pipe; the position is kept."""
    if not file.seekable():
        return None
    begin = file.tell()
    lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    file.seek(begin)
    return lines
