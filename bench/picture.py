"""The table as a picture, drawn as SVG by hand: for each figure a bar for each server, or its place on a curve."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.curves import draw_curve, group_curves
from bench.rounds import Run
from bench.servers.target import OURS
from bench.summary import Cell, figures_of, gather
from bench.works import Figure

WIDTH, BAR, GAP, LABEL, VALUE = 860, 16, 4, 130, 190
COLOURS = ("#0b6e4f", "#8d99ae", "#b0a090", "#7c90a0", "#a0788c", "#c0a060")
STYLE = "text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600}.v{fill:#555}"


def draw(runs: Sequence[Run], servers: Sequence[str]) -> str:
    cells = gather(runs)
    parts, top = [], 16
    figures = figures_of({run.work for run in runs})
    for figure in figures:
        some = [(server, cells[figure.id, server]) for server in servers if (figure.id, server) in cells]
        if some and not figure.curve:
            block, height = _block(figure, some, servers, top)
            parts += block
            top += height
    colours = {server: COLOURS[number % len(COLOURS)] for number, server in enumerate(servers)}
    for points in group_curves(figures).values():
        block, height = draw_curve(points, cells, colours, top)
        parts += block
        top += height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _block(figure: Figure, some: Sequence[tuple[str, Cell]], servers: Sequence[str], top: int) -> tuple[list[str], int]:
    """What is drawn, and how high it is."""
    more = "more is better" if figure.more_is_better else "less is better"
    title = f"{_full_title(figure)}, {figure.unit} ({more})"
    parts = [f'<text class="t" x="10" y="{top + 12}">{escape(title)}</text>']
    most = max(cell.median for _, cell in some) or 1.0
    y = top + 20
    for server, cell in some:
        width = max(1.0, (WIDTH - LABEL - VALUE) * cell.median / most)
        colour = COLOURS[servers.index(server) % len(COLOURS)]
        middle = y + BAR - 4
        parts += [
            f'<text x="10" y="{middle}" {_weight(server)}>{escape(server)}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>',
            f'<text class="v" x="{LABEL + width + 6:.1f}" y="{middle}">{_value(cell, figure.digits)}</text>',
        ]
        y += BAR + GAP
    return parts, y - top + 12


def _full_title(figure: Figure) -> str:
    """Rows below the first of a work only say what is theirs."""
    own = figure.title.strip()
    return own if own == figure.title else f"{figure.id.split('.')[0]}: {own}"


def _weight(server: str) -> str:
    return 'class="t"' if server == OURS else ""


def _value(cell: Cell, digits: int) -> str:
    least, most = cell.spread
    return f"{cell.median:,.{digits}f} ({least:,.{digits}f} - {most:,.{digits}f})"
