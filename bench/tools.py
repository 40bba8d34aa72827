"""What the benchmark needs that is not there yet: its programs from C, and what the peers need from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import click

HERE = Path(__file__).parent
WORK = HERE / ".work"
"""What the benchmark keeps from one time to the next; a test has a folder of its own."""
PEERS = HERE / "peers"
INSTALL_S = 600.0
LOAD_PARTS = ("main", "loop", "http", "ws", "socketio", "xmpp", "measure", "redis")
WORK_PARTS = ("rest", "churn", "crowd", "changes", "ledger")


class ToolMissing(Exception):
    """The text says what to install."""


@dataclass(frozen=True, slots=True)
class Tools:
    """`load`: the generator. `null`: a server that does nothing. `leash`: pins a command to a core."""

    load: Path
    null: Path
    leash: Path


def build_tools(work: Path) -> Tools:
    """In its folder bin; compiled anew when a source is newer."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise ToolMissing("the load generator needs a C compiler; on Debian and Ubuntu: apt install gcc libc6-dev")
    folder = work / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"load": LOAD_PARTS + WORK_PARTS, "null": ("null",), "leash": ("leash",)}
    for name, sources in parts.items():
        _build(compiler, folder / name, [HERE / "load" / f"{source}.c" for source in sources])
    return Tools(folder / "load", folder / "null", folder / "leash")


def _build(compiler: str, program: Path, sources: list[Path]) -> None:
    newest = max(file.stat().st_mtime for file in (*sources, HERE / "load" / "load.h"))
    if program.exists() and program.stat().st_mtime >= newest:
        return
    fresh = program.with_suffix(".new")
    words = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-unused-result", "-o", str(fresh)]
    subprocess.run([*words, *map(str, sources)], check=True, timeout=INSTALL_S)
    fresh.rename(program)


def install_peers() -> None:
    """npm install, once; raises ToolMissing where there is no Node."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise ToolMissing("the Node peers need node (20 or newer) and npm; or leave them out: PEERS=none")
    mark = PEERS / "node_modules" / ".installed"
    if mark.exists() and mark.stat().st_mtime >= (PEERS / "package.json").stat().st_mtime:
        return
    click.echo("installing the Node peers (better-sqlite3 may be compiled: a minute or two)")
    headers = Path("/usr/include/node")
    # without it a build of better-sqlite3 would fetch Node's headers from elsewhere
    env = {**os.environ, "npm_config_nodedir": "/usr"} if headers.exists() else dict(os.environ)
    words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(words, cwd=PEERS, env=env, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    if done.returncode:
        raise ToolMissing(f"npm install in bench/peers failed:\n{done.stderr[-2000:]}")
    mark.touch()


def find_ejabberd() -> Path:
    """The folder of Erlang's libraries in which Debian's package puts its own."""
    found = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin"))
    if not (found and shutil.which("erl")):
        raise ToolMissing(
            "ejabberd is not installed; on Debian and Ubuntu: apt install ejabberd; or leave it out of PEERS"
        )
    return found[0].parent.parent
