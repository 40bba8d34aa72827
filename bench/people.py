"""The 10,002 users that every server has, their tokens, and what is asked about them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import jwt

COUNT = 10_002
APP = "bench"
LIFE_S = 7200
PAGE = 50
REQUESTS = 4096
CREATED_AT = "2026-01-02T03:04:05.678Z"


@dataclass(frozen=True, slots=True)
class Papers:
    """The files that the load generator reads: a token for each user, and the requests of W1 and W2."""

    tokens: Path
    gets: Path
    pages: Path


def papers_in(folder: Path, server: str) -> Papers:
    """Where they are; nothing is written."""
    return Papers(folder / f"{server}.tokens", folder / f"{server}.gets", folder / f"{server}.pages")


def name_of(number: int) -> str:
    """As the load generator counts them."""
    return f"u{number:05d}"


def rows() -> Iterable[dict[str, str]]:
    for number in range(COUNT):
        yield {
            "username": name_of(number),
            "first_name": f"First{number}",
            "last_name": f"Last{number}",
            "avatar": f"https://cdn.example.com/avatars/{number}.png",
        }


def write_users(file: Path) -> None:
    """NDJSON, as `chatsrv user import` takes it."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows()))


def write_tokens(file: Path, secret: str) -> None:
    """A token a line, signed as an app's backend would."""
    now = int(time.time())
    shared = {"aid": APP, "iat": now, "exp": now + LIFE_S}
    file.write_text("".join(jwt.encode({"sub": name_of(n), **shared}, secret) + "\n" for n in range(COUNT)))


def write_jids(file: Path, secret: str) -> None:
    """The same for ejabberd, which finds the address in the token."""
    expires_at = int(time.time()) + LIFE_S
    tokens = (jwt.encode({"jid": f"{name_of(n)}@localhost", "exp": expires_at}, secret) for n in range(COUNT))
    file.write_text("".join(token + "\n" for token in tokens))


def write_names(file: Path) -> None:
    """For the server that does nothing: a name is as good as a token."""
    file.write_text("".join(name_of(number) + "\n" for number in range(COUNT)))


def write_gets(file: Path, key: str) -> None:
    """W1 against the native dialect and its likes: one user with presence, any of them."""
    chance = random.Random(1)  # noqa: S311 - the same requests each time
    _write_requests(file, lambda: _get(f"/v1/{APP}/users/{name_of(chance.randrange(COUNT))}", key))


def write_pages(file: Path, key: str) -> None:
    """W2: a page of 50 with presence, any of them."""
    chance = random.Random(2)  # noqa: S311 - the same requests each time
    path = f"/v1/{APP}/users?presence=true&limit={PAGE}&offset="
    _write_requests(file, lambda: _get(f"{path}{PAGE * chance.randrange(COUNT // PAGE)}", key))


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: {key}\r\n\r\n".encode()


def write_posts(file: Path, make: Callable[[random.Random], tuple[str, dict[str, str]]]) -> None:
    """For ejabberd, whose REST API takes JSON by POST; `make` returns a path and a body."""
    chance = random.Random(3)  # noqa: S311 - the same requests each time

    def request() -> bytes:
        path, fields = make(chance)
        body = json.dumps(fields).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    _write_requests(file, request)


def _write_requests(file: Path, make: Callable[[], bytes]) -> None:
    with file.open("wb") as out:
        for _ in range(REQUESTS):
            request = make()
            out.write(b"%d\n%b" % (len(request), request))
