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
    """`demo_key` is there at the first start alone: after that only its hash is known. So is `link_token`, with which
    one signs in to the dashboard."""

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
        f"chatsrv is up   {welcome.url}",
        f"API page        {welcome.url}/docs",
        f"data folder     {_data(welcome.settings)}",
        *(_try(welcome, welcome.demo_key) if welcome.demo_key else _remind(welcome.has_demo)),
    ]
    click.echo("\n".join(["", *(f"  {line}".rstrip() for line in lines), ""]))


def _data(settings: Settings) -> str:
    outside = [name for name, url in (("database", settings.database_url), ("redis", settings.redis_url)) if url]
    folder = str(Path(settings.data_dir).resolve())
    return f"{folder} ({' and '.join(outside)} elsewhere)" if outside else folder


def _remind(has_demo: bool) -> list[str]:
    command = _command()
    sign_in = f"the dashboard   {command} dashboard"
    if has_demo:
        return ["", sign_in, f"a server key    {command} key create demo", f"is all well?    {command} doctor"]
    return ["", sign_in, f"your apps       {command} app list", f"a new app       {command} app create NAME"]


def _try(welcome: Welcome, key: str) -> list[str]:
    """The folder matters: in another one, the commands would look into another data folder."""
    url, minutes = welcome.url, max(1, round(welcome.settings.admin_link_ttl_s / 60))
    return [
        f"server key      {key}",
        "                of the app demo; shown this once",
        f"dashboard       {welcome.link}",
        f"                signs in once, within {minutes} min; then: {_command()} dashboard",
        "",
        f"Try it in another terminal, in {Path.cwd()}:",
        "",
        f"  KEY={key}",
        """  curl -w '\\n' -H "X-Api-Key: $KEY" -H 'Content-Type: application/json' \\""",
        f"""    -d '{{"username": "anna", "first_name": "Anna"}}' {url}/v1/demo/users""",
        f"""  curl -w '\\n' -H "X-Api-Key: $KEY" '{url}/v1/demo/users?presence=true'""",
        f"  {_command()} token demo anna",
    ]


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
