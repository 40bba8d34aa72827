"""Curves as a picture and as rows: how a figure grows with what its axis names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from bench.summary import Cells
from bench.works import Figure

WIDTH, HEIGHT, LEFT, RIGHT, TOP = 860, 100, 60, 200, 40
POINT = 3


def group_curves(figures: Iterable[Figure]) -> Mapping[str, list[Figure]]:
    """The points of each curve, in their order; what is no curve is left out."""
    found: dict[str, list[Figure]] = {}
    for figure in figures:
        if figure.curve:
            found.setdefault(figure.curve, []).append(figure)
    return found


def draw_curve(points: Sequence[Figure], cells: Cells, servers: Mapping[str, str], top: int) -> tuple[list[str], int]:
    """What is drawn, and how high it is. `servers` have colours; the axis has a step for each point, from zero up."""
    lines = {server: _values(points, cells, server) for server in servers}
    most = max((value for line in lines.values() for value in line.values()), default=0.0) or 1.0
    first = points[0]
    parts = [f'<text class="t" x="10" y="{top + 12}">{escape(f"{first.title}, {first.unit}")}</text>']
    floor = top + TOP + HEIGHT
    parts.append(f'<line x1="{LEFT}" y1="{floor}" x2="{WIDTH - RIGHT}" y2="{floor}" stroke="#999"/>')
    for step, figure in enumerate(points):
        x = _x(step, len(points))
        parts.append(f'<text class="v" x="{x:.0f}" y="{floor + 16}" text-anchor="middle">{figure.at:,}</text>')
    parts.append(f'<text class="v" x="{WIDTH - RIGHT + 40}" y="{floor + 16}">{escape(first.axis)}</text>')
    for server, line in lines.items():
        parts += _line(server, servers[server], line, points, floor, most)
    return parts, TOP + HEIGHT + 34


def _values(points: Sequence[Figure], cells: Cells, server: str) -> dict[int, float]:
    """By the number of the point."""
    found = ((step, cells.get((figure.id, server))) for step, figure in enumerate(points))
    return {step: cell.median for step, cell in found if cell}


def _x(step: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (step + 0.5) / count


def _line(
    server: str, colour: str, line: Mapping[int, float], points: Sequence[Figure], floor: int, most: float
) -> list[str]:
    at = {step: (_x(step, len(points)), floor - HEIGHT * value / most) for step, value in line.items()}
    if not at:
        return []
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at.values())
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for step, (x, y) in at.items():
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{POINT}" fill="{colour}"/>')
        parts.append(f'<text class="v" x="{x + 6:.1f}" y="{y - 5:.1f}">{line[step]:,.{points[step].digits}f}</text>')
    x, y = list(at.values())[-1]
    parts.append(f'<text x="{x + 60:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(server)}</text>')
    return parts
