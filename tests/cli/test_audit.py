"""chatsrv audit: what operators and others did, told to people and to machines."""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
import platform
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from chatsrv.cli import run
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.services.people import ANNA, make_user

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

Ask = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def own_logs() -> Iterator[None]:
    """A command logs in its own way: what the tests' process had is put back."""
    config, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**config)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def ask(
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_logs: None,
) -> Ask:
    """Runs a command in this process and on the stores of `services`: status, output and errors."""
    monkeypatch.setenv("DATABASE_URL", services.settings.database_url)
    monkeypatch.setenv("REDIS_URL", services.settings.redis_url)
    monkeypatch.setenv("CHATSRV_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("SUDO_USER", raising=False)

    async def ask(*words: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(run, list(words), "--json" in words)
        out, err = capsys.readouterr()
        return status, out, err

    return ask


async def answer(ask: Ask, *words: str) -> Any:
    status, out, err = await ask(*words, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


async def test_an_operator_is_told_by_the_name_that_the_machine_knows(
    ask: Ask, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await answer(ask, "app", "create", "shop")
    await make_user(services, "shop", ANNA)
    monkeypatch.setenv("SUDO_USER", "grace")
    await answer(ask, "token", "shop", "anna")
    first, key, minted = await answer(ask, "audit", "shop")
    assert first == {
        "at": first["at"],
        "action": "app_created",
        "subject": "shop",
        "actor": {"kind": "cli", "id": getpass.getuser(), "name": ""},
        "address": platform.node(),
        "request_id": "",
        "detail": {},
    }
    assert (key["action"], key["subject"]) == ("key_created", made["key"].split("_")[1])
    assert (minted["action"], minted["actor"]["name"]) == ("token_minted", "grace")


async def test_people_read_a_line_for_each_with_the_newest_last(ask: Ask, services: Services, demo: DemoApp) -> None:
    await make_user(services, "demo", ANNA)
    await services.accounts.deactivate("demo", "anna", SERVER)
    await services.accounts.reactivate("demo", "anna", SERVER)
    status, out, _ = await ask("audit", "demo", "--limit", "2")
    assert status == 0
    head, first, second = out.splitlines()
    assert head.split() == ["at", "action", "subject", "by", "from", "request", "detail"]
    assert first.split()[1:] == ["user_deactivated", "anna", "system", "-", "-", '{"user_id":1}']
    assert second.split()[1] == "user_reactivated"


async def test_options_pick_entries_also_of_an_app_that_has_gone(ask: Ask, services: Services, demo: DemoApp) -> None:
    anna = await make_user(services, "demo", ANNA)
    await services.accounts.deactivate("demo", anna.id, SERVER)
    await services.apps.delete("demo")

    async def actions(*words: str) -> list[str]:
        return [entry["action"] for entry in await answer(ask, "audit", "demo", *words)]

    assert await actions() == ["app_created", "key_created", "user_deactivated", "app_deleted"]
    assert await actions("--limit", "1") == ["app_deleted"]
    assert await actions("--subject", "ANNA") == ["user_deactivated"]
    assert await actions("--action", "key_created", "--action", "app_deleted") == ["key_created", "app_deleted"]
    assert len(await actions("--since", "1h")) == len(await actions("--since", "2020-01-01")) == 4
    assert await actions("--since", "2999-01-01") == []
    assert await ask("audit", "demo", "--subject", "nobody") == (0, "There is no such entry.\n", "")


async def test_whoever_asks_wrongly_is_told_what_is_right(ask: Ask, demo: DemoApp) -> None:
    for words, status, told in (
        (("nowhere",), 1, "There is no app 'nowhere', and no entry of one. (chatsrv app list tells which there are"),
        (("demo", "--action", "key"), 2, "'key_created'"),
        (("demo", "--since", "30"), 2, "--since '30' has no unit; write it as 12h or 30d, or give a date"),
        (("demo", "--since", "soon"), 2, "write it as 90s, 15m, 1h or 30d"),
        (("demo", "--since", "2027-13-01"), 2, "--since '2027-13-01'"),
        (("demo", "--limit", "0"), 2, "not in the range"),
    ):
        found, out, err = await ask("audit", *words)
        assert (found, out) == (status, "")
        assert told in err
