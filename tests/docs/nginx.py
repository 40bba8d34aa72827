"""A real nginx, with files as they stand in conf.d."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
PLACES = ("client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path")

# where the whole suite must have run, a missing nginx is a failure and no reason to leave tests out
needs_nginx = pytest.mark.skipif(
    PROGRAM is None and "CI" not in os.environ, reason="there is no nginx here: apt-get install nginx-light"
)


@asynccontextmanager
async def running_nginx(folder: Path, *files: Path) -> AsyncIterator[None]:
    """From the moment in which it listens. It keeps everything in the folder, and says nothing but errors."""
    places = "".join(f"{place} {folder / place};\n" for place in PLACES)
    included = "".join(f"include {file};\n" for file in files)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off;\nmaster_process off;\npid {folder / 'nginx.pid'};\nerror_log {folder / 'nginx.log'};\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}{included}}}\n"
    )
    words = (PROGRAM or "nginx", "-e", str(folder / "nginx.log"), "-c", str(config))
    process = await asyncio.create_subprocess_exec(*words, stdin=DEVNULL, start_new_session=True)
    try:
        async with asyncio.timeout(10):
            while not (folder / "nginx.pid").exists():  # written once it listens
                assert process.returncode is None, (folder / "nginx.log").read_text()
                await asyncio.sleep(0.01)
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
