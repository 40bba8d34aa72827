"""chatsrv user import and export: whole, in constant memory, and kind to pipes and files."""

import asyncio
import fcntl
import json
import os
import pty
import struct
import termios
from pathlib import Path

import pytest

from chatsrv.cli.output import count_lines
from tests.cli.conftest import PEOPLE, write_users
from tests.cli.shell import Shell, ended

FEW, MANY = 2_000, 100_000 if "CHATSRV_TEST_FULL" in os.environ else 10_000
GROWTH_MAX_KIB = 40 * 1024 if MANY > 50_000 else 10 * 1024
"""Little more than a KiB for each user more: what is kept of a user takes more than that."""


async def run_measured(shell: Shell, *words: str) -> int:
    """The most memory that the command had, in KiB, as the kernel saw it."""
    process = await shell.start(*words)
    async with ended(process):
        watching = asyncio.create_task(watch_peak(process.pid))
        _, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return await watching


async def watch_peak(pid: int) -> int:
    peak = 0
    while True:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return peak
        lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
        if not lines:
            return peak
        peak = max(peak, int(lines[0].split()[1]))
        await asyncio.sleep(0.05)


async def test_very_many_users_go_in_and_out_the_same_in_constant_memory(shell: Shell) -> None:
    await shell.answer("app", "create", "shop")
    write_users(shell.folder / "few", FEW)
    write_users(shell.folder / "many", MANY)
    peaks = [await run_measured(shell, "user", "import", "shop", name) for name in ("few", "many")]
    peaks.append(await run_measured(shell, "user", "export", "shop", "out"))
    assert max(peaks) - peaks[0] < GROWTH_MAX_KIB, peaks
    assert_same_people(shell.folder / "many", shell.folder / "out")


def assert_same_people(given: Path, exported: Path) -> None:
    with given.open() as left, exported.open() as right:
        for one, other in zip(map(json.loads, left), map(json.loads, right), strict=True):
            assert {name: other[name] for name in one} == one


async def test_what_is_exported_and_imported_elsewhere_is_exported_as_the_same_bytes(filled: Shell) -> None:
    await filled.answer("app", "create", "copy")
    exported = await filled.run("user", "export", "demo", "first")
    imported = await filled.run("user", "import", "copy", "first")
    again = await filled.bash("chatsrv user export copy > second")
    assert [one.status for one in (exported, imported, again)] == [0, 0, 0], again.err
    assert (filled.folder / "first").read_bytes() == (filled.folder / "second").read_bytes()
    assert exported.out.splitlines() == [f"exported  {PEOPLE}", "file      first"]
    assert imported.out.splitlines()[0] == f"created  {PEOPLE}"


async def test_lines_that_fail_are_told_by_number_and_spoil_no_other(filled: Shell) -> None:
    lines = b'{"username": "anna"}\nnonsense\n\n{"usernam": "bob"}\n[]\n{"username": "carl"}'
    result = await filled.run("user", "import", "demo", "-", text=lines)
    assert result.status == 1
    assert [line.split() for line in result.out.splitlines()] == [["created", "2"], ["updated", "0"], ["failed", "3"]]
    assert [line.split(": ")[1] for line in result.err.splitlines()] == ["line 2", "line 4", "line 5"]
    again = await filled.run("--json", "user", "import", "demo", "-", text=lines)
    assert (again.status, again.err) == (1, "")
    assert (again.answer["created"], again.answer["updated"]) == (0, 2)
    failed = again.answer["failed"][1]
    assert (failed["line"], failed["error"]["code"]) == (4, 40003)
    assert failed["error"]["errors"] == [{"field": "usernam", "message": "is not a field of a user"}]


async def test_an_import_of_the_wrong_file_stops_and_says_so(filled: Shell) -> None:
    result = await filled.run_process(
        "user", "import", "demo", "-", text=b"nonsense\n" * 2000 + b'{"username": "anna"}\n'
    )
    assert result.status == 1
    *lines, more, stopped = result.err.splitlines()
    assert len(lines) == 20
    assert more == "chatsrv: and 980 more; --json tells all"
    assert stopped.startswith("chatsrv: stopped, as 1000 lines failed")


async def test_whoever_reads_only_the_first_line_of_an_export_sees_no_complaint(filled: Shell) -> None:
    result = await filled.bash("set +o pipefail; chatsrv user export demo | head -1")
    assert (result.status, result.err) == (0, "")
    [line] = result.out.splitlines()
    assert json.loads(line)["username"] == "user0"


async def test_an_export_that_fails_leaves_the_old_file_and_no_other(filled: Shell) -> None:
    (filled.folder / "old").write_text("what was there before")
    # where no file may grow, a process sees what it would see on a full disk
    result = await filled.bash("trap '' XFSZ; ulimit -f 100; chatsrv user export demo old")
    assert result.status == 1
    assert result.complaint.startswith("chatsrv: File too large")
    assert (filled.folder / "old").read_text() == "what was there before"
    assert list(filled.folder.glob("*.part")) == []


async def test_an_export_into_a_pipe_with_a_name_does_not_replace_the_pipe(filled: Shell) -> None:
    pipe = filled.folder / "pipe"
    os.mkfifo(pipe)
    read, told = await asyncio.gather(
        asyncio.to_thread(pipe.read_bytes), filled.answer("user", "export", "demo", "pipe")
    )
    assert (read.count(b"\n"), told) == (PEOPLE, {"exported": PEOPLE, "file": "pipe"})
    assert pipe.is_fifo()


async def test_a_terminal_shows_a_bar_with_rate_and_time_left_and_a_pipe_shows_nothing(filled: Shell) -> None:
    piped = await Shell(filled.folder, {"FORCE_COLOR": "1"}).run_process("user", "import", "demo", "people")
    assert (piped.status, piped.err) == (0, "")
    drawn = await run_on_terminal(filled, "user", "import", "demo", "people")
    for part in ("importing", f"{PEOPLE}/{PEOPLE}", "/s", "left"):
        assert part in drawn


@pytest.mark.parametrize(("text", "lines"), [(b"", 0), (b"one", 1), (b"one\n", 1), (b"one\ntwo", 2), (b"\n\n", 2)])
def test_lines_are_counted_as_they_are_imported(text: bytes, lines: int, tmp_path: Path) -> None:
    (tmp_path / "people").write_bytes(text)
    with (tmp_path / "people").open("rb") as file:
        assert count_lines(file) == lines
        assert file.read() == text


async def run_on_terminal(shell: Shell, *words: str) -> str:
    """What a command draws on standard error, when that is a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    process = await Shell(shell.folder, {"TERM": "xterm"}).start(*words, stderr=theirs)
    os.close(theirs)
    async with ended(process):
        drawn = await asyncio.to_thread(read_to_end, ours)
        assert await process.wait() == 0
    return drawn


def read_to_end(terminal: int) -> str:
    pieces = []
    with open(terminal, "rb", buffering=0) as end:
        try:
            while piece := end.read(65536):
                pieces.append(piece)
        except OSError:
            pass  # which is how Linux says that the other side has closed
    return b"".join(pieces).decode()
