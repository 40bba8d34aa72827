"""The clients from npm: installed once for all test processes of a run, and driven by the scripts beside this file."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.postgres import only_one

HERE = Path(__file__).parent
INSTALL_S = 100.0
DEADLINE_S = 60.0

needs_node = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed: no stock client to try"
)


async def installed_clients(factory: pytest.TempPathFactory) -> Path:
    """The folder of the scripts with what they need from npm; whichever test process comes first installs it."""
    base = factory.getbasetemp()
    run_folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return await asyncio.to_thread(_install_once, run_folder)


def _install_once(run_folder: Path) -> Path:
    folder = run_folder / "npm-clients"
    with only_one(run_folder / "npm-clients.lock"):
        if not folder.exists():
            _install(folder.with_suffix(".new"))
            folder.with_suffix(".new").rename(folder)
    return folder


def _install(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for file in (HERE / "package.json", *HERE.glob("*.js")):
        shutil.copy(file, folder)
    words = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline")
    install = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    assert install.returncode == 0, f"npm install failed: {install.stderr}"


async def play(folder: Path, script: str, *words: str) -> Any:
    """What a scenario printed. It has a deadline, and its process never outlives the test."""
    process = await asyncio.create_subprocess_exec("node", script, *words, cwd=folder, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(DEADLINE_S):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return msgspec.json.decode(output)
