"""The settings files of config/: all of them load, and production.toml names every setting as it is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.settings import SettingInfo, Settings, describe, load

FOLDER = Path(__file__).parents[1] / "config"
PRODUCTION = FOLDER / "production.toml"
NAMED = re.compile(r"(?P<comment># )?(?P<name>[a-z_]+) = (?P<value>.+)")


def entries() -> Iterator[tuple[str, re.Match[str]]]:
    """Each line of production.toml that names a setting, with the line before it."""
    lines = PRODUCTION.read_text("utf-8").splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if match := NAMED.fullmatch(line):
            yield before, match


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.name)
def test_every_settings_file_loads(file: Path) -> None:
    assert load({}, file).sources


def test_there_is_a_file_for_each_of_the_three_environments() -> None:
    assert {file.stem for file in FOLDER.glob("*.toml")} == {"development", "production", "test"}


def test_production_names_every_setting_once_in_the_order_of_the_code() -> None:
    assert [match["name"] for _, match in entries()] == list(Settings.__struct_fields__)


@pytest.mark.parametrize("info", describe(), ids=lambda info: info.name)
def test_production_shows_a_setting_with_its_meaning_and_default(info: SettingInfo) -> None:
    before, match = next((before, match) for before, match in entries() if match["name"] == info.name)
    assert before == f"# {info.description}"
    value = tomllib.loads(f"value = {match['value']}")["value"]
    assert value == (list(info.default) if isinstance(info.default, tuple) else info.default)
    assert bool(match["comment"]) is (not info.default and isinstance(info.default, str | tuple))


def test_production_changes_nothing() -> None:
    assert load({}, PRODUCTION).settings == Settings()
