"""docs/performance.md: its tables are made from the committed results, between marks, by `python -m bench docs`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from bench.curves import group_curves
from bench.growth import GROWTH
from bench.paper import render_paper
from bench.results import Result, newest_figures, newest_with
from bench.servers.target import OURS
from bench.summary import Cells, figures_of, gather, judge, ratio
from bench.tools import HERE
from bench.works import WORKS, Figure

PAGE = HERE.parent / "docs" / "performance.md"
BLOCK = re.compile(r"(<!-- figures: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
UNMEASURED = "Not measured yet.\n"
NO_VALUE = "–"


def render_page(text: str, results: Sequence[Result]) -> str:
    """The page with each of its blocks made anew. Raises KeyError naming a block that nobody knows."""
    return BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]](results)}{found[3]}", text)


def _of_works(
    render: Callable[[Result], str], works: Iterable[str], database: str = "sqlite"
) -> Callable[[Sequence[Result]], str]:
    wanted = frozenset(works)

    def block(results: Sequence[Result]) -> str:
        result = newest_with([one for one in results if one.about["database"] == database], wanted)
        return render(result) if result else UNMEASURED

    return block


def _figures(result: Result) -> str:
    """Medians of the first table."""
    cells = gather(result.runs)
    figures = [figure for figure in figures_of(result.works) if not figure.curve and figure in FIRST]
    rows = [["", "unit", *result.servers]]
    rows += [[figure.title.strip(), figure.unit, *_medians(cells, figure, result.servers)] for figure in figures]
    return _source(result) + _markdown(rows)


def _medians(cells: Cells, figure: Figure, servers: Iterable[str]) -> list[str]:
    found = [cells.get((figure.id, server)) for server in servers]
    return [f"{cell.median:,.{figure.digits}f}" if cell else NO_VALUE for cell in found]


def _ratios(result: Result) -> str:
    cells = gather(result.runs)
    peers = [server for server in result.servers if server != OURS]
    rows = [[f"{OURS} over", "better is", *peers]]
    for figure in figures_of(result.works):
        found = [ratio(cells, figure.id, peer) for peer in peers]
        if figure in FIRST and any(found):
            direction = "more" if figure.more_is_better else "less"
            cells_ = [f"{one:.2f}" if one is not None else NO_VALUE for one in found]
            rows.append([_full_title(figure), direction, *cells_])
    return _source(result) + _markdown(rows)


def _full_title(figure: Figure) -> str:
    own = figure.title.strip()
    return own if own == figure.title else f"{figure.id.split('.')[0]} {own}"


def _goals(result: Result) -> str:
    rows = [["goal", "against", "wanted", "is", ""]]
    for one in judge(gather(result.runs)):
        word = "met" if one.is_met else "**missed**"
        rows.append([one.goal.figure, one.peer or NO_VALUE, one.goal.wanted, f"{one.value:,.2f}", word])
    return _source(result) + _markdown(rows)


def _curves(group: str) -> Callable[[Result], str]:
    """A row for each curve of each server, a column for each point."""
    figures = [figure for work in GROWTH if work.alias == group for figure in work.figures]

    def render(result: Result) -> str:
        cells = gather(result.runs)
        places = {figure.at: f"{figure.at:,} {figure.axis}" for figure in figures}
        rows = [["", "unit", *places.values()]]
        for points in group_curves(figures).values():
            by_place = {figure.at: figure for figure in points}
            for server in result.servers:
                found = [_at(cells, by_place.get(place), server) for place in places]
                if any(value != NO_VALUE for value in found):
                    name = points[0].title if server == OURS else f"{points[0].title}, {server}"
                    rows.append([name, points[0].unit, *found])
        return _source(result) + _markdown(rows)

    return render


def _at(cells: Cells, figure: Figure | None, server: str) -> str:
    return _medians(cells, figure, [server])[0] if figure else NO_VALUE


def _source(result: Result) -> str:
    about = result.about
    day = str(about["at"])[:10]
    return f"`{result.command}` on {day}, Python {about['python']}, {about['cores']} cores ({result.name}):\n\n"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


FIRST = frozenset(figures_of([work.id for work in WORKS]))
GROUPS = tuple(dict.fromkeys(work.alias for work in GROWTH))


def _ids(group: str) -> list[str]:
    return [work.id for work in GROWTH if work.alias == group]


def _ledger(result: Result) -> str:
    cells = gather(result.runs)
    figures = [figure for work in GROWTH if work.alias == "redis" for figure in work.figures]
    rows = [["", "unit", OURS], *([figure.title, figure.unit, *_medians(cells, figure, [OURS])] for figure in figures)]
    return _source(result) + _markdown(rows)


_FIRST_WORKS = [work.id for work in WORKS]
BLOCKS: Mapping[str, Callable[[Sequence[Result]], str]] = {
    "works": _of_works(_figures, _FIRST_WORKS),
    "ratios": _of_works(_ratios, _FIRST_WORKS),
    "goals": _of_works(_goals, _FIRST_WORKS),
    **{group: _of_works(_curves(group), _ids(group)) for group in GROUPS if group != "redis"},
    "redis": _of_works(_ledger, _ids("redis")),
    "works-postgres": _of_works(_figures, _FIRST_WORKS, "postgres"),
    "users-postgres": _of_works(_curves("users"), _ids("users"), "postgres"),
    "paper": lambda results: render_paper(
        newest_figures([one for one in results if one.about["database"] == "sqlite"])
    ),
}
