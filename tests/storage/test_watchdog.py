import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatsrv.storage import watchdog

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
DEADLINE_S = 10


@contextmanager
def watched(temp_folder: Path | None, *command: str) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """The watchdog with a grace of a tenth of a second, and the line whose end it waits for."""
    ours, theirs = socket.socketpair()
    arguments = ["0.1", str(temp_folder or ""), sys.executable, *command]
    with ours, theirs:
        program = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, *arguments], stdin=theirs.fileno(), stdout=subprocess.PIPE
        )
        theirs.close()
        with program:
            yield program, ours
            ours.close()


def test_a_server_that_will_not_stop_is_killed_after_the_grace() -> None:
    with watched(None, "-c", STUBBORN) as (program, line):
        assert program.stdout is not None
        assert program.stdout.readline() == b"up\n"
        line.close()
        assert program.wait(DEADLINE_S) == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_group_does_not_end_the_watch(number: signal.Signals) -> None:
    with watched(None, "-c", STUBBORN) as (program, line):
        assert program.stdout is not None
        assert program.stdout.readline() == b"up\n"
        program.send_signal(number)
        line.close()
        assert program.wait(DEADLINE_S) == 128 + signal.SIGKILL


def test_the_exit_status_is_the_server_s() -> None:
    with watched(None, "-c", "raise SystemExit(7)") as (program, _):
        assert program.wait(DEADLINE_S) == 7


def test_the_socket_s_folder_outlives_the_server_but_not_the_parent(tmp_path: Path) -> None:
    folder = tmp_path / "socket"
    folder.mkdir()
    (folder / "valkey.sock").touch()
    with watched(folder, "-c", "pass") as (program, _):
        assert program.wait(DEADLINE_S) == 0
    assert folder.exists()
    with watched(folder, "-c", STUBBORN) as (program, line):
        line.close()
        program.wait(DEADLINE_S)
    assert not folder.exists()
