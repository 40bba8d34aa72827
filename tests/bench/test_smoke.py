"""The benchmark still fits what it measures: every part of it once, small, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.rounds import scratch
from bench.servers.target import Stock
from bench.smoke import WORKS, smoke
from bench.tools import ToolMissing, build_tools


def test_every_work_runs_against_chatsrv_and_against_the_server_that_does_nothing(tmp_path: Path) -> None:
    """It fails, too, where there is no C compiler: the sentence says what to install."""
    with scratch() as folder:
        done = list(smoke(Stock(build_tools(tmp_path), folder, tmp_path)))
    assert {line.split()[0] for line in done} == set(WORKS)


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=r"needs a C compiler.*apt install gcc"):
        build_tools(tmp_path)
