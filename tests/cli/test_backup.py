"""chatsrv backup: a copy that is whole, taken while somebody writes."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatsrv.domain.errors import SetupError
from chatsrv.services.backup import back_up
from chatsrv.settings import Settings
from tests.cli.shell import Shell
from tests.cli.terminal import on_terminal


def count(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM pair").fetchone()[0])


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "chatsrv.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE pair (n INTEGER)")
        connection.executemany("INSERT INTO pair VALUES (?)", [(n,) for n in range(2000)])
        connection.commit()
    return file


def of(database: Path) -> Settings:
    return Settings(data_dir=str(database.parent))


async def test_a_copy_holds_whole_transactions_alone_while_somebody_writes(database: Path) -> None:
    writing = True

    def write() -> int:
        pairs = 0
        with closing(sqlite3.connect(database, timeout=10)) as connection:
            while writing:
                with connection:
                    connection.executemany("INSERT INTO pair VALUES (?)", [(pairs,), (pairs,)])
                pairs += 1
        return pairs

    writer = asyncio.create_task(asyncio.to_thread(write))
    counts = []
    for number in range(5):
        target = database.parent / f"copy{number}"
        assert await asyncio.to_thread(back_up, of(database), target) == target.stat().st_size
        counts.append(count(target))
    writing = False
    pairs = await writer
    assert pairs
    assert counts == sorted(counts)
    assert [counted % 2 for counted in counts] == [0] * 5
    assert counts[-1] <= 2000 + 2 * pairs == count(database)


def test_it_is_told_how_far_the_copy_is(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatsrv.storage.backup.STEPS", 1000)
    told: list[int] = []
    size = back_up(of(database), database.parent / "copy", told.append)
    assert len(told) > 1
    assert told == sorted(told)
    assert told[-1] <= size


async def test_a_terminal_shows_how_far_the_copy_is_and_a_pipe_nothing(filled: Shell) -> None:
    assert (await filled.run("backup", "piped.db")).err == ""
    async with on_terminal(filled, "backup", "copy.db") as terminal:
        await terminal.wait_until(lambda frame: "bytes" in frame)
    for part in ("copying", "MB", "left"):
        assert part in terminal.drawn


def test_a_copy_is_nobody_elses_to_read(database: Path) -> None:
    target = database.parent / "copy"
    back_up(of(database), target)
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_not_touched(database: Path) -> None:
    target = database.parent / "precious"
    target.write_text("mine")
    with pytest.raises(SetupError, match="is there already"):
        back_up(of(database), target)
    assert target.read_text() == "mine"


def test_a_copy_that_cannot_be_written_leaves_nothing_behind(database: Path) -> None:
    database.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    target = database.parent / "copy"
    with pytest.raises(SetupError, match="could not be written"):
        back_up(of(database), target)
    assert not target.exists()


def test_a_folder_without_a_database_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is no database"):
        back_up(Settings(data_dir=str(tmp_path / "elsewhere")), tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_servers_database_is_pg_dumps(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="pg_dump"):
        back_up(Settings(database_url="postgres://chatsrv@127.0.0.1/chatsrv"), tmp_path / "copy")


def test_a_folder_of_an_odd_name_is_copied_like_any_other(tmp_path: Path) -> None:
    """SQLite takes a URI, in which these mean something."""
    folder = tmp_path / "what? #1 100%25"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "chatsrv.db")) as connection:
        connection.execute("CREATE TABLE pair (n INTEGER)")
    back_up(Settings(data_dir=str(folder)), tmp_path / "copy")
    assert count(tmp_path / "copy") == 0


async def test_a_backup_restores_what_was_deleted(shell: Shell) -> None:
    """As docs/operations.md tells it."""
    await shell.answer("app", "create", "shop")
    told = await shell.answer("backup", "kept.db")
    assert told == {"file": "kept.db", "bytes": (shell.folder / "kept.db").stat().st_size}
    await shell.answer("app", "delete", "shop", "--yes")
    for file in (shell.folder / "data").glob("chatsrv.db-*"):
        file.unlink()
    (shell.folder / "kept.db").replace(shell.folder / "data" / "chatsrv.db")
    await shell.answer("forget-presence")
    assert [app["app_id"] for app in await shell.answer("app", "list")] == ["shop"]
