"""The pages that put nginx in front, followed word by word with a real one."""

from __future__ import annotations

import datetime
import json
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import socketio
from aiohttp import ClientSession
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cli.shell import Shell
from tests.docs.nginx import needs_nginx, running_nginx
from tests.docs.pages import Page, read_page
from tests.docs.reader import GRACE, Reader, free_ports, move_in, reading

pytestmark = needs_nginx

NAME = "chat.example.com"


@pytest.fixture
def shell(tmp_path: Path, valkey_url: str) -> Shell:
    return Shell(tmp_path, {**GRACE, "CHATSRV_REDIS_PREFIX": f"t{uuid4().hex}"})


@dataclass(frozen=True, slots=True)
class TwoNodes:
    """docs/tasks/two-nodes.md up to where nginx and both nodes are there, which go by the ports of the page."""

    reader: Reader
    page: Page
    nodes: dict[str, Process] = field(default_factory=dict)

    async def paste(self, *scripts: str) -> str:
        """In a terminal that has the variables."""
        return await self.reader.paste(self.page.runs[0], *scripts)

    def letting_run(self, script: str) -> AbstractAsyncContextManager[Process]:
        return self.reader.letting_run(self.page.runs[0] + script)

    async def start(self, stack: AsyncExitStack) -> None:
        await self.paste(self.page.runs[1])
        for port, script in zip(("8081", "8082"), self.page.stays[:2], strict=True):
            self.nodes[port] = await stack.enter_async_context(self.letting_run(script))
            await self.reader.sees(self.nodes[port], '"serving"')
        self.reader.save(self.page.files)
        folder = self.reader.shell.folder
        await stack.enter_async_context(running_nginx(folder, folder / "two-nodes.conf"))


@pytest.fixture
async def two(shell: Shell, database: str, valkey_url: str) -> AsyncIterator[TwoNodes]:
    *nodes, front = free_ports(3)
    ours = {"8081": nodes[0], "8082": nodes[1], "listen 8000": f"listen 127.0.0.1:{front}", "8000": front}
    stores = {"postgres://chatsrv:secret@localhost/chatsrv": database, "redis://localhost:6379": valkey_url}
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(reading(shell, {**stores, **ours}))
        two = TwoNodes(reader, read_page("two-nodes.md"))
        await two.start(stack)
        yield two


async def poll(two: TwoNodes) -> None:
    """Request after request of one session, which lives in one of the nodes: without affinity some would be refused."""
    async with ClientSession(f"http://localhost:{two.reader.here('8000')}") as http:
        query = {"EIO": "4", "transport": "polling"}
        async with http.get("/socket.io/", params=query) as answer:
            query["sid"] = json.loads((await answer.text())[1:])["sid"]
        for _ in range(6):
            async with http.post("/socket.io/", params=query, data="3") as answer:
                assert await answer.text() == "ok"


async def test_nobody_sees_that_a_node_is_killed(two: TwoNodes) -> None:
    _, _, ask, look = two.page.runs
    async with two.letting_run(two.page.stays[2]) as anna:
        first = await two.reader.sees(anna, "here")
        await poll(two)
        told = (await two.paste(ask, look)).splitlines()
        assert [json.loads(line)["presence_status"] for line in told[:2]] == [1, 1]
        assert sorted(line.split(" ", 1)[1] for line in told[2:]) == ["chatsrv_sockets 0.0", "chatsrv_sockets 1.0"]
        [holder] = [port for port, line in zip(two.nodes, told[2:], strict=True) if line.endswith("1.0")]
        os.killpg(two.nodes[holder].pid, signal.SIGKILL)
        assert await two.reader.sees(anna, "here") != first
        [left] = two.nodes.keys() - {holder}
        told = (await two.paste(ask.replace("8081 8082", left))).splitlines()
        assert [json.loads(line)["presence_status"] for line in told] == [1]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A folder with a key and a certificate, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "privkey.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    (tmp_path / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return tmp_path


async def test_everything_comes_through_nginx_as_it_was_sent(
    tmp_path: Path, certificate: Path, sqlite_template: Path
) -> None:
    page = read_page("nginx.md")
    tls, plain = free_ports(2)
    (tmp_path / ".curlrc").write_text(
        f'connect-to = "{NAME}:443:127.0.0.1:{tls}"\nconnect-to = "{NAME}:80:127.0.0.1:{plain}"\n'
        f'cacert = "{certificate}/fullchain.pem"\n'
    )
    shell = Shell(tmp_path, {"CHATSRV_TRUSTED_PROXIES": "1", "HOME": str(tmp_path)})
    move_in(tmp_path, sqlite_template)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(shell.serving())
        instead = {
            "127.0.0.1:8080": urlsplit(server.url).netloc,
            "listen 443": f"listen 127.0.0.1:{tls}",
            "listen 80": f"listen 127.0.0.1:{plain}",
            f"/etc/letsencrypt/live/{NAME}": str(certificate),
        }
        reader = await stack.enter_async_context(reading(shell, instead))
        reader.save(page.files)
        await stack.enter_async_context(running_nginx(tmp_path, tmp_path / "chatsrv.conf"))
        [look] = page.runs
        told = await reader.paste(look, KEY=server.key)
        assert told.startswith(f"301 https://{NAME}/healthz\n")
        assert f'"current":"https://{NAME}/v1/demo/users?presence=true"' in told
        assert '"upgrades":["websocket"]' in told
        people = [{"username": name, "metadata": {"x": "x" * 8000}} for name in ("anna", *map(str, range(230)))]
        (tmp_path / "bulk.json").write_text(json.dumps({"users": people}))
        await reader.paste(ACTS, KEY=server.key, URL=f"https://{NAME}")
        assert (await shell.answer("audit", "demo"))[-1]["address"] == "127.0.0.1"
        await connect(f"https://localhost:{tls}", (await shell.answer("token", "demo", "anna"))["token"])


ACTS = r"""
curl -sf -H "X-Api-Key: $KEY" -H 'Content-Type: application/json' -d @bulk.json $URL/v1/demo/bulk/users
curl -sf -H "X-Api-Key: $KEY" -H 'X-Forwarded-For: 203.0.113.9' -X POST $URL/v1/demo/users/anna/tokens
"""
"""Nearly 2 MB, and an act that is audited, of somebody who says that they are elsewhere."""


async def connect(url: str, token: str) -> None:
    """As stock clients do: polling, then the upgrade."""
    client = socketio.AsyncClient(ssl_verify=False)
    await client.connect(url, auth={"token": token})
    try:
        assert client.transport() == "websocket"
        answer = await client.call("presence:query", {"usernames": ["anna"]})
        assert answer["users"][0]["username"] == "anna"
    finally:
        await client.disconnect()


def test_both_pages_tell_nginx_the_same() -> None:
    whole = read_page("nginx.md").files
    two = read_page("two-nodes.md").files["two-nodes.conf"]
    assert location_of(two) == location_of(whole["chatsrv.conf"])
    upstream = (
        whole["several.conf"].replace("10.0.0.11:8080", "127.0.0.1:8081").replace("10.0.0.12:8080", "127.0.0.1:8082")
    )
    assert set(directives(upstream)) <= set(directives(two))


def location_of(text: str) -> list[str]:
    return directives(text[text.index("    location / {") :])


def directives(text: str) -> list[str]:
    """Without what is said of them."""
    return [line.partition("#")[0].strip() for line in text.splitlines()]
