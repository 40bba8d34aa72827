"""The embedded Valkey server: a real server on a unix socket, kept running for as long as this process lives.

Two locks in the data folder, both released by any death of their holders:
`owner.lock` is held by this process alone, so that a second owner is told who holds the folder;
`valkey.lock` is inherited by the watchdog, the server and whatever the server forks, so that no server starts while an
earlier one, whose owner was killed, still writes into the folder.
"""

import asyncio
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chatsrv.domain.errors import SetupError
from chatsrv.storage.folder_lock import open_lock, read_note, try_lock, write_note
from chatsrv.storage.valkey_binary import find_binary

log = structlog.get_logger(__name__)

WATCHDOG = Path(__file__).with_name("watchdog.py")
# Linux allows 107 bytes and macOS 103 for the path of a socket.
LONGEST_SOCKET_PATH = 99
STOP_GRACE_S = 10.0
POLL_S = 0.02
SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
# A server that lived this long was well: its next restart begins with the shortest pause again.
STEADY_LIFE_S = 60.0


class FolderInUse(SetupError):
    """Another process, named in the text, owns the data folder."""


class ValkeyFailed(SetupError):
    """The server did not start; the text ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """What all lives of one server have in common."""

    binary: str
    folder: Path
    socket: Path
    start_timeout_s: float

    @property
    def log_file(self) -> Path:
        return self.folder / "valkey.log"

    @property
    def temp_folder(self) -> str:
        return "" if self.socket.parent == self.folder else str(self.socket.parent)

    def command(self) -> list[str]:
        # "60 1" as two words is what every server from Redis 6.2 on understands.
        # The log goes to the standard output, a file: that way it also holds what is said before the start.
        options = "--port 0 --unixsocketperm 700 --dir . --save 60 1 --appendonly no --daemonize no --loglevel notice"
        return [self.binary, *options.split(), "--unixsocket", str(self.socket)]


@dataclass(frozen=True, slots=True)
class Life:
    """One watchdog with one server. `line` is the other end of the watchdog's input: each side sees the other go."""

    watchdog: subprocess.Popen[bytes]
    line: socket.socket


@asynccontextmanager
async def embedded_valkey(folder: Path, *, start_timeout_s: float = 10.0) -> AsyncIterator[str]:
    """Yields the server's redis-py URL, which stays the same when the server dies and is restarted.

    A restarted server knows what was last saved: at most a minute is lost. A clean end, and any death of this process,
    saves everything. `start_timeout_s` includes the wait for an earlier server that is still saving.
    Raises ValkeyMissing, FolderInUse, ValkeyFailed.
    """
    binary = find_binary()
    with own_folder(folder) as owned, place_socket(owned) as socket_path:
        async with supervise(Server(binary, owned, socket_path, start_timeout_s)):
            yield f"unix://{quote(str(socket_path))}"


@contextmanager
def own_folder(folder: Path) -> Iterator[Path]:
    """Makes the folder, keeps everyone else out of it, and yields its resolved path."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = f"the data folder {folder} cannot be made ({error.strerror})"
        raise SetupError(f"{why}: name another with CHATSRV_DATA_DIR, or set REDIS_URL") from error
    with suppress(PermissionError):  # a mounted volume often belongs to someone else
        folder.chmod(0o700)
    owned = folder.resolve()
    with open_lock(owned / "owner.lock") as lock_fd:
        if not try_lock(lock_fd):
            raise FolderInUse(
                f"the data folder {owned} is in use by {read_note(lock_fd) or 'another process'}: "
                "stop that process, or name another data folder with CHATSRV_DATA_DIR, or set REDIS_URL"
            )
        write_note(lock_fd, f"process {os.getpid()} ({shlex.join(sys.argv)[:200]})")
        yield owned


@contextmanager
def place_socket(folder: Path) -> Iterator[Path]:
    beside_data = folder / "valkey.sock"
    if len(os.fsencode(beside_data)) <= LONGEST_SOCKET_PATH:
        yield beside_data
        return
    with TemporaryDirectory(prefix="chatsrv-", ignore_cleanup_errors=True) as short:
        yield Path(short) / "valkey.sock"


@asynccontextmanager
async def supervise(server: Server) -> AsyncIterator[None]:
    """All that must be undone lives in one task, so a caller may enter and leave in different tasks, as pytest does."""
    started = asyncio.get_running_loop().create_future()
    keeper = asyncio.create_task(keep_running(server, started))
    try:
        await asyncio.wait([keeper, started], return_when=asyncio.FIRST_COMPLETED)
        if keeper.done():
            keeper.result()
        yield
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])


async def keep_running(server: Server, started: asyncio.Future[None]) -> None:
    """Raises ValkeyFailed only when the first start fails; later ones are tried for ever."""
    loop = asyncio.get_running_loop()
    pause_s = SHORTEST_PAUSE_S
    while True:
        begun_at = loop.time()
        try:
            await live(server, started)
        except (ValkeyFailed, OSError) as error:
            if not started.done():
                raise
            log.error("valkey_restart_failed", folder=str(server.folder), error=str(error))
        if loop.time() - begun_at > STEADY_LIFE_S:
            pause_s = SHORTEST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def live(server: Server, started: asyncio.Future[None]) -> None:
    """One life of the server: returns after its unwanted end, and ends it when cancelled."""
    life = await start(server)
    try:
        log.info("valkey_started", folder=str(server.folder), socket=str(server.socket))
        if not started.done():
            started.set_result(None)
        await see_end(life)
        log.error("valkey_died", folder=str(server.folder), exit_status=life.watchdog.wait())
    finally:
        await stop(life)


async def start(server: Server) -> Life:
    try:
        async with asyncio.timeout(server.start_timeout_s), AsyncExitStack() as undo:
            async with sole_server(server) as lock_fd:
                life = spawn(server, lock_fd)
            undo.push_async_callback(stop, life)
            await wait_for_answer(server, life)
            undo.pop_all()
            return life
    except TimeoutError:
        raise failure(server, f"did not start within {server.start_timeout_s:g} s") from None


@asynccontextmanager
async def sole_server(server: Server) -> AsyncIterator[int]:
    """Yields the lock that is to be inherited; what is started inside keeps it when the block has ended.

    An earlier server that still holds it has lost its owner: it is saving, or its watchdog was killed too and nobody
    has told it to stop. It is asked over its socket: its process id may mean another process in another container.
    """
    with open_lock(server.folder / "valkey.lock") as lock_fd:
        if not try_lock(lock_fd):
            log.warning("valkey_predecessor_still_running", folder=str(server.folder))
            await ask_to_stop(read_note(lock_fd))
        while not try_lock(lock_fd):  # noqa: ASYNC110 - no event tells of another process's end
            await asyncio.sleep(POLL_S)
        write_note(lock_fd, str(server.socket))
        yield lock_fd


async def ask_to_stop(socket_path: str) -> None:
    async with connect_once(socket_path) as client:
        with suppress(RedisError, OSError):
            await client.shutdown()


def connect_once(socket_path: str, timeout_s: float = 5.0) -> Redis:
    """What takes longer raises redis-py's TimeoutError."""
    return Redis(unix_socket_path=socket_path, retry=Retry(NoBackoff(), 0), socket_timeout=timeout_s)


def spawn(server: Server, lock_fd: int) -> Life:
    ours, theirs = socket.socketpair()
    with theirs, server.log_file.open("ab") as log_file:
        try:
            watchdog = subprocess.Popen(  # noqa: S603 - our own program, and a server found by us
                [sys.executable, "-I", "-S", str(WATCHDOG), str(STOP_GRACE_S), server.temp_folder, *server.command()],
                stdin=theirs.fileno(),
                stdout=log_file,
                stderr=subprocess.STDOUT,
                cwd=server.folder,
                pass_fds=[lock_fd],
                start_new_session=True,  # an interrupt from the terminal must not reach the server before us
            )
        except OSError:
            ours.close()
            raise
    ours.setblocking(False)
    return Life(watchdog, ours)


async def wait_for_answer(server: Server, life: Life) -> None:
    async with connect_once(str(server.socket)) as client:
        while not await answers(client):
            if life.watchdog.poll() is not None:
                raise failure(server, "ended while it started")
            await asyncio.sleep(POLL_S)


async def answers(client: Redis) -> bool:
    """On Python 3.11 the client can swallow a cancel, for asyncio.wait_for does: then it is raised here."""
    try:
        return bool(await client.ping())
    except RedisError:
        return False
    finally:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise asyncio.CancelledError


async def see_end(life: Life) -> None:
    """Nothing is ever said on the line, so that all there is to receive is its end."""
    await asyncio.get_running_loop().sock_recv(life.line, 1)


async def stop(life: Life) -> None:
    """Bounded by the watchdog, which kills a server that does not save and stop in time."""
    with life.line:
        with suppress(OSError):  # macOS refuses when the watchdog is gone already
            life.line.shutdown(socket.SHUT_WR)
        await see_end(life)
    life.watchdog.wait()
    # Only a watchdog that was killed leaves a server in its group.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(life.watchdog.pid, signal.SIGTERM)


def failure(server: Server, what: str) -> ValkeyFailed:
    return ValkeyFailed(f"the Valkey server in {server.folder} {what}; its log ends:\n{read_tail(server.log_file)}")


def read_tail(path: Path) -> str:
    with path.open("a+b") as file:
        file.seek(max(0, path.stat().st_size - 4000))
        return b"\n".join(file.read().splitlines()[-20:]).decode(errors="replace")
