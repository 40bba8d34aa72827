"""What is printed, and what is drawn."""

from __future__ import annotations

from xml.etree import ElementTree

from bench.picture import draw
from bench.table import render
from tests.bench.made_up import result

RESULT = result("one", "2026-01-01T00:00:00Z", 20_000)


def test_a_point_of_a_curve_is_named_with_its_place() -> None:
    table = render(RESULT.runs, RESULT.servers)
    assert "CPU of a delivery, 10 watchers" in table
    assert "W1 GET one user with presence" in table
    assert "goals met" in table


def test_the_picture_has_bars_for_figures_and_lines_for_curves() -> None:
    picture = ElementTree.fromstring(draw(RESULT.runs, RESULT.servers))
    texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    lines = list(picture.iter("{http://www.w3.org/2000/svg}polyline"))
    assert "CPU of a delivery, us/delivery" in texts
    assert "W1 GET one user with presence, req/s (more is better)" in texts
    assert {len(line.attrib["points"].split()) for line in lines} == {2, 3}, "two for those that need another node"


def test_a_run_that_failed_is_said_and_counts_for_nothing() -> None:
    failed = [run for run in RESULT.runs if run.work == "W1"]
    table = render([type(run)(run.server, run.work, 1, {}, "it broke") for run in failed], RESULT.servers)
    assert "FAILED chatsrv W1 round 1: it broke" in table
