"""docs/tasks/postgresql.md and docs/tasks/procfile.md, followed word by word on a real PostgreSQL."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

from tests.cli.shell import Server, Shell
from tests.docs.pages import read_page
from tests.docs.reader import free_ports, move_in, reading

ROOT = Path(__file__).parents[2]


async def test_keys_and_people_are_the_same_after_the_move(
    tmp_path: Path, sqlite_template: Path, database: str, trial: str
) -> None:
    try_it, do_it, look = read_page("postgresql.md").runs
    shell = Shell(tmp_path, {})
    move_in(tmp_path, sqlite_template)
    place = "postgres://chatsrv:secret@localhost"
    async with reading(shell, {f"{place}/trial": trial, f"{place}/chatsrv": database}) as reader:
        async with shell.serving() as server:
            await reader.paste("""echo '{"username": "anna"}' | chatsrv user import demo -""")
            before = await server.get("/v1/demo/users/anna")
            told = await reader.paste(try_it)
            assert re.search(r"^users +1$", told, re.MULTILINE)
            assert (await server.stop()).status == 0
        told = await reader.paste(do_it, look)
        assert "fail" not in told
        async with Shell(tmp_path, {"DATABASE_URL": database}).serving() as moved:
            assert moved.key == ""
            assert await Server(moved.process, moved.url, server.key).get("/v1/demo/users/anna") == before


async def test_the_lines_of_the_procfile_do_with_the_variables_of_a_platform(
    tmp_path: Path, database: str, valkey_url: str
) -> None:
    page = read_page("procfile.md")
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line[0] != "#")
    [port] = free_ports(1)
    instead = {
        "postgres://chatsrv:secret@localhost/chatsrv": database,
        "redis://localhost:6379": valkey_url,
        "PORT=5000": f"PORT={port}",
        "WEB_CONCURRENCY=2": "WEB_CONCURRENCY=1",  # what several are is tried elsewhere
    }
    async with reading(Shell(tmp_path, {"CHATSRV_REDIS_PREFIX": f"t{uuid4().hex}"}), instead) as reader:
        reader.save(page.files)
        variables = "set -a; . ./.env\n"
        assert "applied" in await reader.paste(variables + lines["release"])
        async with reader.letting_run(variables + lines["web"]) as web:
            await reader.sees(web, '"serving"')
            ready = await reader.paste(f"curl -sf http://localhost:{port}/readyz")
        assert ready.startswith('{"status":"ok"')
