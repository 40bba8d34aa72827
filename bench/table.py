"""The table that is printed: a column for each server, then ratios, goals and how quiet the machine was."""

from __future__ import annotations

from collections.abc import Sequence

from bench.rounds import Run
from bench.servers.target import OURS
from bench.summary import Cell, Cells, Verdict, figures_of, gather, judge, noises, ratio
from bench.works import Figure

QUIET_PERCENT = 5.0


def render(runs: Sequence[Run], servers: Sequence[str]) -> str:
    cells = gather(runs)
    figures = figures_of({run.work for run in runs})
    parts = [_figures(cells, figures, servers), _ratios(cells, figures, servers), _goals(judge(cells)), _noise(runs)]
    parts += [f"FAILED {run.server} {run.work} round {run.round}: {run.error}" for run in runs if run.error]
    return "\n\n".join(part for part in parts if part)


def _figures(cells: Cells, figures: Sequence[Figure], servers: Sequence[str]) -> str:
    rows = [["medians (least - most)", "", *servers]]
    for figure in figures:
        found = [cells.get((figure.id, server)) for server in servers]
        if any(found):
            rows.append([name_of(figure), figure.unit, *(_cell(cell, figure.digits) for cell in found)])
    return aligned(rows)


def name_of(figure: Figure) -> str:
    """With its place on the curve, where it has one."""
    return f"{figure.title}, {figure.at:,} {figure.axis}" if figure.curve else figure.title


def _cell(cell: Cell | None, digits: int) -> str:
    if cell is None:
        return "-"
    least, most = cell.spread
    middle = f"{cell.median:,.{digits}f}"
    return middle if len(cell.values) == 1 else f"{middle} ({least:,.{digits}f} - {most:,.{digits}f})"


def _ratios(cells: Cells, figures: Sequence[Figure], servers: Sequence[str]) -> str:
    peers = [server for server in servers if server != OURS]
    if OURS not in servers or not peers:
        return ""
    rows = [[f"{OURS} over", "better is", *peers]]
    for figure in figures:
        found = [ratio(cells, figure.id, peer) for peer in peers]
        if any(value is not None for value in found):
            direction = "more" if figure.more_is_better else "less"
            rows.append([name_of(figure), direction, *("-" if one is None else f"{one:.2f}" for one in found)])
    return aligned(rows)


def _goals(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    rows = [["goal", "against", "wanted", "is", ""]]
    for one in verdicts:
        rows.append([one.goal.figure, one.peer or "-", one.goal.wanted, f"{one.value:,.2f}", _word(one)])
    met = sum(one.is_met for one in verdicts)
    return f"{aligned(rows)}\n{met} of {len(verdicts)} goals met"


def _word(verdict: Verdict) -> str:
    return "met" if verdict.is_met else "MISSED"


def _noise(runs: Sequence[Run]) -> str:
    """Wall figures are to be trusted where the server was busy and nobody else took its core."""
    found = noises(runs)
    if not found:
        return ""
    rows = [["percent of the wall time", "", "server", "load", "Redis", "kept waiting by others", ""]]
    for (work, server), noise in found.items():
        shares = (noise.server, noise.load, noise.redis, noise.taken)
        remark = "noisy: trust the CPU figures" if noise.taken > QUIET_PERCENT else ""
        rows.append([work, server, *(f"{share:.0f}" for share in shares), remark])
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first is flush left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
