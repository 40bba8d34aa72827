"""What a person reads when the server has started: where to look, and what to try."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from chatsrv.domain.admin import link_to
from chatsrv.settings import Settings


@dataclass(frozen=True, slots=True)
class Welcome:
    """`demo_key` is there at the first start alone: after that only its hash is known. `link_token`, with which one
    signs in to the dashboard, is there where a person reads it, and not where it would end up in somebody's logs."""

    settings: Settings
    port: int
    demo_key: str | None
    has_demo: bool
    link_token: str | None = None

    @property
    def url(self) -> str:
        return url_of(self.settings.host, self.port)

    @property
    def link(self) -> str | None:
        return link_to(self.url, self.link_token) if self.link_token else None


def url_of(host: str, port: int) -> str:
    """Where one reaches a server that listens there, from the same machine."""
    if host in ("127.0.0.1", "0.0.0.0", "::", "::1"):  # noqa: S104 - only read here
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def print_banner(welcome: Welcome, as_json: bool) -> None:
    if as_json:
        key = {"app_id": "demo", "key": welcome.demo_key} if welcome.demo_key else {}
        link = {"dashboard": welcome.link} if welcome.link else {}
        click.echo(msgspec.json.encode({"url": welcome.url, **key, **link}).decode())
        return
    lines = [
        f"dashboard    {welcome.link or welcome.url}",
        f"API page     {welcome.url}/docs",
        f"data folder  {_data(welcome.settings)}",
        "",
        _explain_sign_in(welcome),
        *(_try(welcome.url, welcome.demo_key) if welcome.demo_key else _remind(welcome.has_demo)),
    ]
    click.echo("\n".join(["", *lines, ""]))


def _data(settings: Settings) -> str:
    outside = [name for name, url in (("database", settings.database_url), ("redis", settings.redis_url)) if url]
    folder = str(Path(settings.data_dir).resolve())
    return f"{folder} ({' and '.join(outside)} elsewhere)" if outside else folder


def _explain_sign_in(welcome: Welcome) -> str:
    if welcome.link is None:
        return f"To sign in to the dashboard: {_command()} dashboard"
    minutes = max(1, round(welcome.settings.admin_link_ttl_s / 60))
    return f"The link signs in once, within {minutes} min; {_command()} dashboard makes another."


def _remind(has_demo: bool) -> list[str]:
    command = _command()
    if has_demo:
        first = [f"a server key    {command} key create demo", f"people to see   {command} demo"]
    else:
        first = [f"your apps       {command} app list", f"a new app       {command} app create NAME"]
    return [*first, f"is all well?    {command} doctor"]


TRY = """\
People to see: {chatsrv} demo. The key of the app demo is shown this once:

KEY={key}
# curl, in another terminal, in {folder}
curl -w '\\n' {url}/v1/demo/bulk/users -H "X-Api-Key: $KEY" \\
  -H 'Content-Type: application/json' -d '{{"users": [{{"username": "anna"}}, {{"username": "ben"}}]}}'
# Python: Anna connects and hears that Ben comes and goes, and ends with that
TOKEN=$({chatsrv} token demo anna --json | cut -d'"' -f4) {python} -c '
import asyncio, os, socketio
async def main():
    async with socketio.AsyncSimpleClient() as anna:
        await anna.connect("{url}", auth={{"token": os.environ["TOKEN"]}})
        await anna.emit("presence:subscribe", {{"usernames": ["ben"]}})
        for _ in range(3): print(await anna.receive())
asyncio.run(main())'
# Node, in a third terminal, in the same folder, after npm install socket.io-client: Ben comes
TOKEN=$({chatsrv} token demo ben --json | cut -d'"' -f4) node -e '
const {{ io }} = require("socket.io-client");
const ben = io("{url}", {{ auth: {{ token: process.env.TOKEN }} }});
ben.onAny(console.log); setTimeout(() => ben.disconnect(), 3000);'"""
"""To be pasted as it stands, the lines with # too, which some shells do not take for comments: they hold nothing that
means anything to a shell. The folder matters: in another one, the commands would look into another data folder."""


def _try(url: str, key: str) -> list[str]:
    python = _near(Path(sys.executable))
    return TRY.format(url=url, key=key, chatsrv=_command(), python=python, folder=Path.cwd()).splitlines()


def _command() -> str:
    """How the reader calls us: by name where that finds us, else the way they did this time."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return f"{_near(Path(sys.executable))} -m chatsrv"
    by_name = shutil.which("chatsrv")
    return "chatsrv" if by_name and program.exists() and program.samefile(by_name) else _near(program)


def _near(program: Path) -> str:
    """As short as it can be; never resolved, as a virtual environment's Python is a link."""
    near = os.path.relpath(program)
    return shlex.quote(str(program.absolute()) if near.startswith("..") else near)
