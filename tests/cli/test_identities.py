"""chatsrv identity set-password: from a pipe and from a terminal, for the one person who is meant."""

import asyncio
import os
import pty
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from chatsrv.services import Services, open_services
from chatsrv.settings import Settings
from tests.cli.shell import DEADLINE_S, Shell, ended
from tests.services.people import can_sign_in, make_app, make_user

ANNA, TWIN = "anna@example.org", "twin@example.org"
PASSWORD = "Gründlich 8"
COSTS_NOTHING = {"CHATSRV_PASSWORD_MEMORY_KIB": "8", "CHATSRV_PASSWORD_TIME_COST": "1"}


@asynccontextmanager
async def services_of(folder: Path) -> AsyncIterator[Services]:
    url = f"sqlite:///{folder / 'data' / 'chatsrv.db'}"
    settings = Settings(database_url=url, data_dir=str(folder / "data"), password_memory_kib=8, password_time_cost=1)
    async with open_services(settings, as_guest=True, with_presence=False) as services:
        yield services


@pytest.fixture(scope="module")
async def people_folder(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be copied."""
    folder = tmp_path_factory.mktemp("people")
    (folder / "data").mkdir()
    shutil.copy(sqlite_template, folder / "data" / "chatsrv.db")
    async with services_of(folder) as services:
        for app_id, emails in (("demo", [ANNA, TWIN]), ("shop", [TWIN])):
            await make_app(services, app_id)
            for email in emails:
                await make_user(services, app_id, email)
    return folder


@pytest.fixture
def people(people_folder: Path, tmp_path: Path) -> Shell:
    """Anna in demo, and somebody of one email in demo and in shop."""
    shutil.copytree(people_folder, tmp_path, dirs_exist_ok=True)
    return Shell(tmp_path, COSTS_NOTHING)


async def signs_in(folder: Path, email: str, password: str) -> bool:
    async with services_of(folder) as services:
        return await can_sign_in(services, email, password)


async def test_a_password_that_is_piped_in_is_good_for_signing_in(people: Shell) -> None:
    for run, ending in ((people.run_process, ""), (people.run, "\r\n")):
        words = ("identity", "set-password", ANNA.upper(), "--json")
        result = await run(*words, text=f"{PASSWORD}{ending}".encode())
        assert result.answer == {"email": ANNA, "app_id": "demo", "username": "anna"}
        assert await signs_in(people.folder, ANNA, PASSWORD)


REFUSALS = [
    (ANNA, b"short", 2, "password: must have at least 8 characters"),
    (ANNA, b"x" * 5000, 2, "password: must have at most 1024 characters"),
    (ANNA, b"two of\nthem here", 2, "alone, on one line"),
    (ANNA, b"\xffnot UTF-8", 2, "must be UTF-8"),
    ("anna", b"long enough", 2, "email: must be an email address"),
    (f"{ANNA} --app shop", b"long enough", 1, f"Nobody has the email '{ANNA}' in the app 'shop'. (make them first"),
    (TWIN, b"long enough", 2, "several apps: demo, shop; name one with --app"),
]


async def test_what_cannot_be_is_told_in_one_line(people: Shell) -> None:
    for words, text, status, told in REFUSALS:
        result = await people.run("identity", "set-password", *words.split(), text=text)
        assert (result.status, result.out) == (status, "")
        assert told in result.complaint
        assert text.decode(errors="replace") not in result.complaint


async def test_the_first_app_to_set_it_has_the_person_and_another_is_told_so(people: Shell) -> None:
    text = PASSWORD.encode()
    first = await people.run("identity", "set-password", TWIN, "--app", "shop", "--json", text=text)
    assert first.answer["app_id"] == "shop"
    second = await people.run("identity", "set-password", TWIN, "--app", "demo", text=b"another one")
    assert second.status == 1
    assert second.complaint == "chatsrv: Somebody with this email signs in elsewhere, too: only they can change it."
    assert await signs_in(people.folder, TWIN, PASSWORD)


async def test_on_a_terminal_it_is_asked_for_twice_and_does_not_show(people: Shell) -> None:
    typed = [("Password: ", PASSWORD), ("The same again: ", "mistyped")]
    typed += [("Password: ", PASSWORD), ("The same again: ", PASSWORD)]
    shown = await type_on_terminal(people, typed, "identity", "set-password", ANNA)
    assert PASSWORD not in shown
    assert await signs_in(people.folder, ANNA, PASSWORD)


async def type_on_terminal(shell: Shell, typed: list[tuple[str, str]], *words: str) -> str:
    """Answers one question after the other; what the terminal showed of the answers, and what stood beside it."""
    ours, theirs = pty.openpty()
    try:
        process = await shell.start(*words, stdin=theirs)
        async with ended(process), asyncio.timeout(DEADLINE_S):
            assert process.stderr
            asked = b""
            for question, answer in typed:
                asked += await process.stderr.readuntil(question.encode())
                os.write(ours, f"{answer}\n".encode())
            out, err = await process.communicate()
            assert process.returncode == 0, err
        os.set_blocking(ours, False)
        with suppress(BlockingIOError):
            out += os.read(ours, 65536)
        return (asked + out + err).decode()
    finally:
        os.close(ours)
        os.close(theirs)
