"""What the tests of the command line share."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.shell import Shell

PEOPLE = 3000


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty folder without any setting."""
    return Shell(tmp_path, {})


@pytest.fixture(scope="session")
async def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be copied: the app `demo` with PEOPLE users, and `people`, the file they came from."""
    shell = Shell(tmp_path_factory.mktemp("filled"), {})
    write_users(shell.folder / "people", PEOPLE)
    await shell.answer("app", "create", "demo")
    await shell.answer("user", "import", "demo", "people")
    return shell.folder


@pytest.fixture
def filled(filled_folder: Path, tmp_path: Path) -> Shell:
    """A folder with the app `demo` and PEOPLE users."""
    shutil.copytree(filled_folder, tmp_path, dirs_exist_ok=True)
    return Shell(tmp_path, {})


def write_users(file: Path, count: int) -> None:
    with file.open("w") as out:
        for number in range(count):
            person = {"username": f"user{number}", "first_name": f"Ännchen {number}", "metadata": {"n": number}}
            out.write(json.dumps(person) + "\n")
