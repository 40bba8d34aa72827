"""docs/performance.md holds the figures of the newest committed results, and no others."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.docs import BLOCK, BLOCKS, PAGE, UNMEASURED, render_page
from bench.results import load_results
from tests.bench.made_up import result

EVERY_BLOCK = "".join(f"<!-- figures: {name} -->\n<!-- end -->\n" for name in BLOCKS)


def test_the_tables_are_those_of_the_newest_committed_results() -> None:
    assert PAGE.read_text() == render_page(PAGE.read_text(), load_results()), "run: python -m bench docs"


def test_the_page_has_a_place_for_every_table() -> None:
    assert {name for _, name, _ in BLOCK.findall(PAGE.read_text())} == set(BLOCKS)


def test_a_result_fills_every_table_of_its_database() -> None:
    page = render_page(EVERY_BLOCK, [result("one", "2026-01-01T00:00:00Z", 20_000)])
    assert page.count(UNMEASURED) == sum(name.endswith("-postgres") for name in BLOCKS)
    assert "Not computed yet" not in page
    assert "| CPU of the server | us/req | 20.0 | 200.0 |" in page
    assert "| W1 CPU of the server | less | 0.10 |" in page
    assert "| W3.cpu | express | <= 0.2 | 0.10 | met |" in page
    assert "`make bench PEERS=express ROUNDS=1` on 2026-01-01, Python 3.11.7, 2 cores (one):" in page


def test_the_newest_of_the_most_complete_results_is_shown() -> None:
    older = result("older", "2026-01-01T00:00:00Z", 20_000)
    newer = result("newer", "2026-01-02T00:00:00Z", 10_000)
    part = result("part", "2026-01-03T00:00:00Z", 5_000, works=("W1",))
    page = render_page("<!-- figures: works -->\n<!-- end -->\n", [newer, part, older])
    assert "(newer)" in page
    assert "(older)" not in page
    assert "(part)" not in page


def test_curves_have_a_column_for_each_point() -> None:
    page = render_page("<!-- figures: watchers -->\n<!-- end -->\n", [result("one", "2026-01-01T00:00:00Z", 20_000)])
    assert "|  | unit | 10 watchers | 100 watchers | 1,000 watchers |" in page
    assert "| CPU of a delivery | us/delivery | 20.00 | 20.00 | 20.00 |" in page
    assert "| CPU of a delivery, express | us/delivery | 200.00 | 200.00 | 200.00 |" in page


def test_a_block_that_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        render_page("<!-- figures: nonsense -->\n<!-- end -->\n", [])


def test_results_come_back_from_their_files_as_they_were_oldest_first(tmp_path: Path) -> None:
    made = [result("b", "2026-01-01T00:00:00Z", 1000), result("a", "2026-01-02T00:00:00Z", 1000)]
    for one in made:
        runs = [asdict(run) for run in one.runs]
        (tmp_path / f"{one.name}.json").write_text(json.dumps({"about": one.about, "runs": runs}))
    assert load_results(tmp_path) == made
