"""What stands beside the package: the files that platforms read, the version pins, and the wheel."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import click
import pytest

from chatsrv.cli import menu
from chatsrv.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED = ["pyproject.toml", "README.md", "LICENSE"]


def read_procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if not line.startswith("#"))


def find_name(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_the_procfile_has_a_release_phase_and_a_web_process_that_the_menu_understands() -> None:
    processes = read_procfile()
    assert processes == {"release": "chatsrv migrate", "web": "chatsrv serve --host 0.0.0.0"}
    assert "# worker: chatsrv worker" in (ROOT / "Procfile").read_text()
    for line in processes.values():
        program, word, *options = line.split()
        assert program in PROJECT["project"]["scripts"]
        command = menu.commands[word]
        assert isinstance(command, click.Command)
        command.make_context(word, options, parent=click.Context(menu))


def test_app_json_sets_nothing_but_settings_and_starts_what_the_procfile_names() -> None:
    app = json.loads((ROOT / "app.json").read_text())
    assert app["name"] == PROJECT["project"]["name"]
    assert set(app["formation"]) <= set(read_procfile())
    assert [addon["as"] for addon in app["addons"]] == ["DATABASE", "REDIS"]
    for variable, told in app["env"].items():
        assert variable.removeprefix(ENV_PREFIX).lower() in Settings.__struct_fields__
        assert told["description"]


def test_requirements_are_the_pins_and_the_package_and_name_no_host() -> None:
    assert (ROOT / "requirements.txt").read_text().splitlines() == ["-c config/constraints.txt", "."]
    pins = (ROOT / "config" / "constraints.txt").read_text()
    assert "://" not in pins
    assert "@" not in pins
    assert "--" not in pins


def test_every_dependency_is_pinned() -> None:
    lines = [
        line for line in (ROOT / "config" / "constraints.txt").read_text().splitlines() if not line.startswith("#")
    ]
    assert [line for line in lines if not re.match(r"[a-z0-9-]+==[0-9a-z.]+( ; .+)?$", line)] == []
    pinned = {line.partition("==")[0] for line in lines}
    project = PROJECT["project"]
    wanted = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
    assert {find_name(one) for one in wanted} - pinned == set()


def test_the_python_of_the_platform_is_one_that_the_package_takes() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    assert version == "3.13"
    assert PROJECT["project"]["requires-python"] == ">=3.11"


def test_the_changelog_begins_with_what_is_not_released_yet() -> None:
    headings = re.findall(r"^## .+$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "## [Unreleased]"


def test_make_help_names_the_commands_that_people_begin_with() -> None:
    told = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[:2] for line in told.splitlines()[:3]] == [
        ["make", "run"],
        ["make", "test"],
        ["make", "check"],
    ]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^make ([a-z]+)", told, re.MULTILINE)) <= set(targets)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, as a build leaves things behind."""
    folder = tmp_path_factory.mktemp("source")
    for name in NEEDED:
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "chatsrv", folder / "chatsrv", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path) -> ZipFile:
    """With the setuptools at hand, which spares a download."""
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "out", "."]
    built = subprocess.run([sys.executable, "-m", "pip", *words], cwd=source, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    [file] = (source / "out").glob("*.whl")
    return ZipFile(file)


def test_the_wheel_holds_every_file_of_the_package(source: Path, wheel: ZipFile) -> None:
    """The Lua scripts, the OpenAPI documents and the pages are read at run time; the template makes new migrations."""
    files = {str(path.relative_to(source)) for path in (source / "chatsrv").rglob("*") if path.is_file()}
    wanted = {name for name in files if not name.endswith(".mako")}
    assert wanted - set(wheel.namelist()) == set()
    for kind in (".lua", ".yaml", ".html", ".css", ".js", "py.typed", "migrations/env.py"):
        assert any(name.endswith(kind) for name in wanted), kind


def test_the_wheel_holds_nothing_else(wheel: ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    [information] = tops - {"chatsrv"}
    assert information.endswith(".dist-info")
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
