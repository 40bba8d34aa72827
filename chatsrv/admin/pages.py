"""The page and its files. It has nothing inline, loads nothing from elsewhere, and tells nothing before somebody has
signed in: what it shows it asks for then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from chatsrv.domain.admin import SIGN_IN

FOLDER = files("chatsrv.admin") / "static"
PREFIX = "/admin/"
PAGE = "index.html"
DEMO_PAGE = "demo/index.html"
"""Two people side by side; of its own, as it is no view of an operator."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
"""What is there; a file of another kind is served to nobody."""


def mount(app: web.Application) -> None:
    """One route for each file that is there at the start: nothing in an address is ever looked for on the disk."""
    for path, file in _read_files().items():
        app.router.add_get(path, _answer_with(file))


@dataclass(frozen=True, slots=True)
class File:
    """As it is sent to everybody."""

    body: bytes
    content_type: str
    etag: str


@cache
def _read_files() -> Mapping[str, File]:
    """By address; one for all who ask, however many applications a process has."""
    return {path: _read(FOLDER.joinpath(name)) for path, name in _paths().items()}


def _read(file: Traversable) -> File:
    body = file.read_bytes()
    return File(body, TYPES[_suffix(file.name)], blake2b(body, digest_size=16).hexdigest())


def _paths() -> dict[str, str]:
    """Each address, and the file that it gives, from the folder on."""
    names = [name for name in _walk(FOLDER, "") if _suffix(name) in TYPES and name != PAGE]
    return {"/": PAGE, SIGN_IN: PAGE, "/demo": DEMO_PAGE} | {PREFIX + name: name for name in sorted(names)}


def _walk(folder: Traversable, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2]


def _answer_with(file: File) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        headers = {**HEADERS, "ETag": f'"{file.etag}"'}
        if any(known.value in (file.etag, "*") for known in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, content_type=file.content_type, charset="utf-8", headers=headers)

    return answer
