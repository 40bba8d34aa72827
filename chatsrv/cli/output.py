"""What commands print: words and tables for people, JSON for machines. Errors are one line on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import click
import msgspec

JOINERS = "\u200c\u200d"
"""They cannot be seen either, but scripts and emoji are put together with them, and they turn and steer nothing."""


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
    click.echo(msgspec.json.encode({"error": line}).decode() if as_json else f"chatsrv: {plain(line)}", err=True)


def plain(text: str) -> str:
    """With an escape for whatever steers a terminal or turns what follows: much of what we print others have sent."""
    if text.isprintable():
        return text
    return "".join(_plain_character(char) for char in text)


def _plain_character(char: str) -> str:
    return char if char.isprintable() or char in JOINERS else char.encode("unicode_escape").decode()


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
    from rich.cells import cell_len

    lines = [[plain(cell) for cell in line] for line in lines]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def is_watched() -> bool:
    """Whether anybody sees progress."""
    return sys.stderr.isatty()


@contextmanager
def progress(what: str, total: int | None, *, in_bytes: bool = False) -> Iterator[Callable[[int], None]]:
    """Yields a function that is told how much is done; draws on a terminal alone."""
    if not is_watched():
        yield lambda _: None
        return
    from rich import progress as bars
    from rich.console import Console

    rate = bars.TransferSpeedColumn() if in_bytes else bars.TextColumn("{task.fields[rate]}")
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn() if in_bytes else bars.MofNCompleteColumn(),
        rate,
        # without an end nothing can be said of the way to it
        *((bars.TimeRemainingColumn(), bars.TextColumn("left")) if total else (bars.TimeElapsedColumn(),)),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total, rate="")

        def advance(done: int) -> None:
            elapsed_s = bar.tasks[0].elapsed or 0
            bar.update(task, completed=done, rate=f"{done / elapsed_s:,.0f}/s" if elapsed_s else "")

        yield advance


def count_lines(file: BinaryIO) -> int | None:
    """How many lines a file holds, None for a pipe; the position is kept."""
    if not file.seekable():
        return None
    begin, lines, last = file.tell(), 0, b"\n"
    while block := file.read(1 << 20):
        lines, last = lines + block.count(b"\n"), block[-1:]
    file.seek(begin)
    return lines + (last != b"\n")
