"""What a person reads when the server has started: where to look, and what to try."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from chatsrv.settings import Settings


def print_banner(settings: Settings, port: int, demo_key: str | None) -> None:
    """The key is shown at the first start alone: after that only its hash is known."""
    host = "localhost" if settings.host in ("127.0.0.1", "0.0.0.0", "::") else settings.host  # noqa: S104
    url = f"http://{host}:{port}"
    lines = ["", f"  chatsrv is up   {url}"]
    lines += [f"  API page        {url}/docs", f"  data folder     {_data(settings)}"]
    if demo_key:
        lines += [
            "  app             demo",
            f"  its server key  {demo_key}   (shown this once)",
            "",
            *_try(url, demo_key),
        ]
    else:
        lines += ["", f"  A new server key  {_command()} key create demo", f"  Is all well?      {_command()} doctor"]
    click.echo("\n".join([*lines, ""]))


def _command() -> str:
    """How the reader calls us: by name where the shell finds it, else as they did this time."""
    program = Path(sys.argv[0])
    if shutil.which("chatsrv") or program.name != "chatsrv":
        return "chatsrv"
    return os.path.relpath(program)


def _data(settings: Settings) -> str:
    outside = [name for name, url in (("database", settings.database_url), ("redis", settings.redis_url)) if url]
    folder = str(Path(settings.data_dir).resolve())
    return f"{folder} ({' and '.join(outside)} elsewhere)" if outside else folder


def _try(url: str, key: str) -> list[str]:
    return [
        "  Three things to try:",
        f"    KEY={key}",
        f"""    curl -H "X-Api-Key: $KEY" --json '{{"username": "anna", "first_name": "Anna"}}' {url}/v1/demo/users""",
        f"""    curl -H "X-Api-Key: $KEY" '{url}/v1/demo/users?presence=true'""",
        f"    {_command()} token demo anna",
    ]
