"""chatsrv user import and export: whole, in constant memory, and kind to pipes and files."""

import asyncio
import fcntl
import json
import os
import pty
import struct
import termios
from pathlib import Path

from tests.cli.shell import Shell, ended

SMALL, LARGE = 5_000, 100_000
GROWTH_MAX_KIB = 40 * 1024


def write_users(file: Path, count: int) -> None:
    with file.open("w") as out:
        for number in range(count):
            person = {"username": f"user{number}", "first_name": f"Ännchen {number}", "metadata": {"n": number}}
            out.write(json.dumps(person) + "\n")


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


async def test_a_hundred_thousand_users_go_in_and_out_the_same_in_constant_memory(shell: Shell) -> None:
    peaks = {}
    for app_id, count in (("small", SMALL), ("large", LARGE)):
        write_users(shell.folder / f"{app_id}.in", count)
        await shell.answer("app", "create", app_id)
        peaks[app_id, "import"] = await run_measured(shell, "user", "import", app_id, f"{app_id}.in")
        peaks[app_id, "export"] = await run_measured(shell, "user", "export", app_id, f"{app_id}.out")
    for way in ("import", "export"):
        assert peaks["large", way] - peaks["small", way] < GROWTH_MAX_KIB, peaks
    assert_same_people(shell.folder / "large.in", shell.folder / "large.out")


def assert_same_people(given: Path, exported: Path) -> None:
    with given.open() as left, exported.open() as right:
        for one, other in zip(map(json.loads, left), map(json.loads, right), strict=True):
            assert {name: other[name] for name in one} == one


async def test_what_is_exported_can_be_imported_elsewhere_and_is_exported_as_the_same_bytes(shell: Shell) -> None:
    write_users(shell.folder / "people", 1200)
    result = await shell.bash(
        "chatsrv app create one && chatsrv app create two && chatsrv user import one people"
        " && chatsrv user export one first && chatsrv user import two first && chatsrv user export two second"
    )
    assert result.status == 0, result.err
    assert (shell.folder / "first").read_bytes() == (shell.folder / "second").read_bytes()
    assert result.out.splitlines()[-2:] == ["exported  1200", "file      second"]


async def test_lines_that_fail_are_told_by_number_and_spoil_no_other(shell: Shell) -> None:
    await shell.answer("app", "create", "shop")
    lines = b'{"username": "anna"}\nnonsense\n\n{"usernam": "bob"}\n[]\n{"username": "carl"}'
    result = await shell.run("user", "import", "shop", "-", text=lines)
    assert result.status == 1
    assert [line.split()[:2] for line in result.out.splitlines()] == [
        ["created", "2"],
        ["updated", "0"],
        ["failed", "3"],
    ]
    assert [line.split(": ")[1] for line in result.err.splitlines()] == ["line 2", "line 4", "line 5"]
    again = await shell.run("--json", "user", "import", "shop", "-", text=lines)
    assert (again.status, again.err) == (1, "")
    assert (again.answer["created"], again.answer["updated"]) == (0, 2)
    assert again.answer["failed"][1] == {"line": 4, "error": "usernam: is not a field of a user"}


async def test_an_import_of_the_wrong_file_stops_and_says_so(shell: Shell) -> None:
    await shell.answer("app", "create", "shop")
    result = await shell.run("user", "import", "shop", "-", text=b"nonsense\n" * 2000 + b'{"username": "anna"}\n')
    assert result.status == 1
    *_, more, stopped = result.err.splitlines()
    assert more == "chatsrv: and 980 more; --json tells all"
    assert stopped.startswith("chatsrv: stopped, as 1000 lines failed")
    assert len(result.err.splitlines()) == 22


async def test_whoever_reads_only_the_first_line_of_an_export_sees_no_complaint(shell: Shell) -> None:
    write_users(shell.folder / "people", 3000)
    result = await shell.bash(
        "chatsrv app create demo >/dev/null && chatsrv user import demo people >/dev/null\n"
        "set +o pipefail; chatsrv user export demo | head -1"
    )
    assert (result.status, result.err) == (0, "")
    [line] = result.out.splitlines()
    assert json.loads(line)["username"] == "user0"


async def test_an_export_that_fails_leaves_the_old_file_and_no_other(shell: Shell) -> None:
    write_users(shell.folder / "people", 3000)
    await shell.answer("app", "create", "demo")
    await shell.answer("user", "import", "demo", "people")
    (shell.folder / "old").write_text("what was there before")
    # no file may pass 100 KiB, which is how a full disk looks to a process
    result = await shell.bash("trap '' XFSZ; ulimit -f 100; chatsrv user export demo old")
    assert result.status == 1
    assert result.complaint.startswith("chatsrv: File too large")
    assert (shell.folder / "old").read_text() == "what was there before"
    assert [name.name for name in shell.folder.iterdir() if "part" in name.name] == []


async def test_an_export_to_a_device_does_not_replace_the_device(shell: Shell) -> None:
    await shell.answer("app", "create", "demo")
    os.mkfifo(shell.folder / "pipe")
    reading = asyncio.to_thread((shell.folder / "pipe").read_bytes)
    read, told = await asyncio.gather(reading, shell.answer("user", "export", "demo", "pipe"))
    assert (read, told) == (b"", {"exported": 0, "file": "pipe"})
    assert (shell.folder / "pipe").is_fifo()


async def test_a_terminal_shows_a_bar_with_rate_and_time_left_and_a_pipe_shows_nothing(shell: Shell) -> None:
    write_users(shell.folder / "people", 3000)
    await shell.answer("app", "create", "demo")
    piped = await Shell(shell.folder, {"FORCE_COLOR": "1"}).run("user", "import", "demo", "people")
    assert (piped.status, piped.err) == (0, "")
    drawn = await run_on_terminal(shell, "user", "import", "demo", "people")
    assert "importing" in drawn
    assert "3000/3000" in drawn
    assert "/s" in drawn
    assert "left" in drawn


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
