"""What the tests of the command line share."""

from pathlib import Path

import pytest

from tests.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty folder without any setting."""
    return Shell(tmp_path, {})
