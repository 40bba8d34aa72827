import asyncio
import os
import signal
from pathlib import Path

import pytest

from chatsrv.storage.embedded import FolderInUse, embedded_valkey
from tests.storage.valkey_owner import (
    get_kept,
    get_pid,
    launched_owner,
    running_owner,
    set_kept,
    wait_for_end_of_server,
    wait_until,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "valkey"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_data_are_kept_and_no_process_is_left_when_the_owner_is_killed(
    folder: Path, number: signal.Signals
) -> None:
    async with running_owner(folder) as (owner, url):
        pid = await get_pid(url)
        owner.send_signal(number)
        await owner.wait()
    await wait_for_end_of_server(folder)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    async with embedded_valkey(folder) as url:
        assert await get_kept(url) == "yes"


async def test_a_new_owner_may_follow_a_killed_one_at_once(folder: Path) -> None:
    async with running_owner(folder) as (owner, _):
        owner.kill()
        await owner.wait()
        async with embedded_valkey(folder) as url:
            assert await get_kept(url) == "yes"


# Each delay ends the owner in another phase: before the watchdog runs, before the server does, before it answers.
@pytest.mark.parametrize("delay_s", [0, 0.005, 0.02, 0.04, 0.08])
async def test_an_owner_killed_while_its_server_starts_leaves_nothing(folder: Path, delay_s: float) -> None:
    async def has_begun() -> bool:
        return (folder / "valkey.log").exists()

    async with launched_owner(folder) as owner:
        await wait_until(has_begun)
        await asyncio.sleep(delay_s)
        owner.kill()
        await owner.wait()
    await wait_for_end_of_server(folder)
    assert not (folder / "valkey.sock").exists()
    async with embedded_valkey(folder) as url:
        await set_kept(url, "yes")


async def test_a_server_left_behind_when_its_owner_and_watchdog_are_killed_together_is_taken_over(folder: Path) -> None:
    async with running_owner(folder) as (owner, url):
        left_behind = await get_pid(url)
        watchdog = os.getpgid(left_behind)
        os.kill(watchdog, signal.SIGSTOP)
        owner.kill()
        await owner.wait()
        os.kill(watchdog, signal.SIGKILL)
    assert await get_pid(url) == left_behind
    async with embedded_valkey(folder) as url:
        assert await get_pid(url) != left_behind
        assert await get_kept(url) == "yes"


async def test_an_interrupt_from_the_terminal_reaches_the_server_only_through_its_owner(folder: Path) -> None:
    async with running_owner(folder) as (owner, _):
        os.killpg(owner.pid, signal.SIGINT)
        assert await owner.wait() == 0
    async with embedded_valkey(folder) as url:
        assert await get_kept(url) == "to the end"


async def test_a_second_server_on_the_same_folder_is_told_who_holds_it(folder: Path) -> None:
    async with running_owner(folder) as (owner, url):
        with pytest.raises(FolderInUse) as refused:
            async with embedded_valkey(folder):
                pass
        assert str(folder) in str(refused.value)
        assert f"process {owner.pid} " in str(refused.value)
        assert await get_kept(url) == "yes"


async def test_a_socket_elsewhere_is_removed_even_when_the_owner_is_killed(folder: Path) -> None:
    deep = folder / ("long" * 40)
    async with running_owner(deep) as (owner, url):
        owner.kill()
        await owner.wait()
    await wait_for_end_of_server(deep)
    assert not Path(url.removeprefix("unix://")).parent.exists()
