"""docs/dialects.md: what it tells old clients to do works as it stands, with the reader's own key."""

from __future__ import annotations

import re
from pathlib import Path

from tests.clients.npm import needs_node
from tests.docs.pages import TASKS
from tests.docs.reader import Reader

TEXT = (TASKS.parent / "dialects.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


async def test_what_it_asks_with_curl_and_python_is_answered(reader: Reader) -> None:
    [program] = blocks("python")
    reader.save({"panel.py": f"KEY = {reader.key!r}\n{program}"})
    begin, panel, oksky, pulse, sign_in = blocks("sh")
    begin = begin.replace("cs_9f3c52a10b7e_wvF8S...", reader.key)
    await reader.paste("python panel.py")
    assert '"object":"user","attributes":{"id":' in await reader.paste(begin, panel)
    assert '"username":"anna"' in await reader.paste(begin, oksky)
    assert '"email":"anna@example.org"' in await reader.paste(begin, pulse)
    await reader.paste("echo 'correct horse' | chatsrv identity set-password anna@example.org")
    assert "Authorization: Bearer " in await reader.paste(begin, sign_in)


@needs_node
async def test_what_it_asks_with_clients_from_npm_is_answered(reader: Reader, clients: Path) -> None:
    nodeactyl, kitsu = blocks("js")
    key = f"const KEY = '{reader.key}';\n"
    reader.save({"panel.js": key + nodeactyl, "any.mjs": key + kitsu})
    reader.install(clients)
    await reader.paste("""echo '{"username": "anna"}' | chatsrv user import demo -""")
    assert "anna" in await reader.paste("node panel.js")
    assert "anna" in await reader.paste("node any.mjs")
