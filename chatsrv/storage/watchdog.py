"""The small program between chatsrv and its embedded Valkey server; only the standard library, and little of it.

It runs as `python -I -S watchdog.py GRACE_S TEMP_FOLDER COMMAND...` in the data folder and starts COMMAND, the server.
Its standard input is a line whose only other end its parent holds and never writes to: when that ends, by the
parent's wish or by any death of the parent, the server is told to save and stop, and is killed GRACE_S seconds later
if it has not. Being the parent of the server, it leaves no moment in which a server runs and nobody watches it.
TEMP_FOLDER, if not empty, holds nothing but the server's socket and is removed with the parent. Ends with the
server's exit status, or 128 + n for a server that signal n has ended.
"""

import os
import select
import signal
import sys
import threading
import time

LINE = 0
# Some platforms send SIGTERM to every process at once, a closed terminal may send SIGHUP; only the line counts here.
IGNORED_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def main() -> int:
    grace_s, temp_folder, *command = sys.argv[1:]
    os.umask(0o077)
    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    server_pid = start(command)
    threading.Thread(target=stop_with_parent, args=(server_pid, float(grace_s)), daemon=True).start()
    status = os.waitstatus_to_exitcode(os.waitpid(server_pid, 0)[1])
    if temp_folder and parent_has_gone():
        remove(temp_folder)
    return status if status >= 0 else 128 - status


def start(command: list[str]) -> int:
    """The server's input is not the line: the line must end here and nowhere else."""
    no_input = (os.POSIX_SPAWN_OPEN, LINE, os.devnull, os.O_RDONLY, 0)
    return os.posix_spawn(command[0], command, os.environ, file_actions=[no_input], setsigdef=IGNORED_SIGNALS)


def stop_with_parent(server_pid: int, grace_s: float) -> None:
    """Runs beside the wait for the server, and ends with the program when the server has stopped in time."""
    while os.read(LINE, 1):
        pass
    os.kill(server_pid, signal.SIGTERM)
    time.sleep(grace_s)
    os.kill(server_pid, signal.SIGKILL)


def parent_has_gone() -> bool:
    return bool(select.select([LINE], [], [], 0)[0])


def remove(folder: str) -> None:
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


if __name__ == "__main__":
    sys.exit(main())
