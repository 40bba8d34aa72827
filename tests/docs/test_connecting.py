"""The pages that tell how to connect, followed word by word beside a server as `make run` starts it."""

from __future__ import annotations

from pathlib import Path

from tests.clients.npm import needs_node
from tests.docs.pages import read_page
from tests.docs.reader import Reader


async def test_a_program_in_python_sees_somebody_come_and_go(reader: Reader) -> None:
    page = read_page("python.md")
    reader.save(page.files)
    prepare, visit = page.runs
    [watch] = page.stays
    token = await reader.paste_and_read(prepare, "token")
    async with reader.letting_run(watch.replace("eyJhbGciOiJIUzI1NiJ9...", token)) as watching:
        assert await reader.sees(watching, "ben") == "here as anna\nanna 1 \nben 0 \n"
        assert await reader.paste(visit) == "['anna', 'ben']\n"
        assert await reader.sees(watching, "ben 0") == "ben 4 Lunch\nben 0 \n"


@needs_node
async def test_a_program_in_node_sees_somebody_come_and_go(reader: Reader, clients: Path) -> None:
    page = read_page("node.md")
    prepare, visit = page.runs
    [watch] = page.stays
    reader.save(page.files)
    reader.install(clients)
    token = await reader.paste_and_read(prepare, "token")
    async with reader.letting_run(watch.replace("eyJhbGciOiJIUzI1NiJ9...", token)) as watching:
        assert await reader.sees(watching, "ben") == "here as anna\nanna 1 \nben 0 \n"
        await reader.paste(visit)
        assert await reader.sees(watching, "ben 0") == "ben 4 Lunch\nben 0 \n"


@needs_node
async def test_a_backend_in_node_signs_tokens_itself(reader: Reader, clients: Path) -> None:
    _, prepare = read_page("browser.md").runs
    reader.save(read_page("browser.md").files)
    secret = await reader.paste_and_read(prepare, "jwt_secret")
    sign = 'node -p \'require("./sign.js")("anna")\''
    reader.install(clients)
    token = (await reader.paste(sign, JWT_SECRET=secret)).strip()
    reader.save(read_page("python.md").files)
    async with reader.letting_run(f"TOKEN={token} python watch.py") as watching:
        await reader.sees(watching, "here as anna")
