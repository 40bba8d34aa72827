"""The users that every server has, their tokens, and what is asked about them."""

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
PAGES = COUNT // PAGE
SHALLOW_PAGES = 20
POSTS = 4096
DEEP = 4096
COLD_MAX = 300_000
TOKENS_MAX = 20_002
CREATED_AT = "2026-01-02T03:04:05.678Z"


@dataclass(frozen=True, slots=True)
class Papers:
    """The files that the load generator reads: a token for each user who may connect, and requests.

    `gets` and `pages` are those of W1 and W2. `cold`: any user of all, each once. `shallow`: the first pages; `deep`:
    pages anywhere behind a cursor. Not every server has the last three.
    """

    tokens: Path
    gets: Path
    pages: Path
    cold: Path
    shallow: Path
    deep: Path


def papers_in(folder: Path, server: str) -> Papers:
    """Where they are; nothing is written."""
    kinds = ("tokens", "gets", "pages", "cold", "shallow", "deep")
    return Papers(*(folder / f"{server}.{kind}" for kind in kinds))


def name_of(number: int) -> str:
    """As the load generator counts them; it knows those of five digits."""
    return f"u{number:05d}"


def row(number: int) -> dict[str, str]:
    return {
        "username": name_of(number),
        "first_name": f"First{number}",
        "last_name": f"Last{number}",
        "avatar": f"https://cdn.example.com/avatars/{number}.png",
    }


def rows(users: int) -> Iterable[dict[str, str]]:
    return map(row, range(users))


def write_tokens(file: Path, secret: str, users: int = COUNT) -> None:
    """A token a line, signed as an app's backend would."""
    now = int(time.time())
    shared = {"aid": APP, "iat": now, "exp": now + LIFE_S}
    names = map(name_of, range(min(users, TOKENS_MAX)))
    file.write_text("".join(jwt.encode({"sub": name, **shared}, secret) + "\n" for name in names))


def write_jids(file: Path, secret: str) -> None:
    """The same for ejabberd, which finds the address in the token."""
    expires_at = int(time.time()) + LIFE_S
    tokens = (jwt.encode({"jid": f"{name_of(n)}@localhost", "exp": expires_at}, secret) for n in range(TOKENS_MAX))
    file.write_text("".join(token + "\n" for token in tokens))


def write_names(file: Path) -> None:
    """For the server that does nothing: a name is as good as a token."""
    file.write_text("".join(name_of(number) + "\n" for number in range(TOKENS_MAX)))


def write_gets(file: Path, key: str) -> None:
    """W1 against the native dialect and its likes: one user with presence, each of the 10,002."""
    _write_requests(file, [_get(f"/v1/{APP}/users/{name_of(number)}", key) for number in _mixed(COUNT, 1)])


def write_pages(file: Path, key: str) -> None:
    """W2: a page of 50 with presence, each of the 200."""
    _write_requests(file, [_get(_page(f"offset={PAGE * number}"), key) for number in _mixed(PAGES, 2)])


def write_cold(file: Path, key: str, users: int) -> None:
    """As W1, of any number of users, none asked for twice: whom no cache can know yet."""
    chance = random.Random(4)  # noqa: S311 - the same requests each time
    some = chance.sample(range(users), min(users, COLD_MAX))
    _write_requests(file, [_get(f"/v1/{APP}/users/{name_of(number)}", key) for number in some])


def write_shallow(file: Path, key: str) -> None:
    _write_requests(file, [_get(_page(f"offset={PAGE * number}"), key) for number in _mixed(SHALLOW_PAGES, 5)])


def write_deep(file: Path, key: str, users: int, cursor_after: Callable[[int], str]) -> None:
    """`cursor_after` makes the cursor that goes on behind the user of this id."""
    chance = random.Random(6)  # noqa: S311 - the same requests each time
    cursors = (cursor_after(chance.randrange(1, users - PAGE)) for _ in range(DEEP))
    _write_requests(file, [_get(_page(f"cursor={cursor}"), key) for cursor in cursors])


def _mixed(count: int, seed: int) -> list[int]:
    return random.Random(seed).sample(range(count), count)  # noqa: S311 - the same order each time


def _page(where: str) -> str:
    return f"/v1/{APP}/users?presence=true&limit={PAGE}&{where}"


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: {key}\r\n\r\n".encode()


def write_posts(file: Path, count: int, make: Callable[[random.Random], tuple[str, dict[str, str]]]) -> None:
    """For ejabberd, whose REST API takes JSON by POST; `make` returns a path and a body."""
    chance = random.Random(3)  # noqa: S311 - the same requests each time

    def request() -> bytes:
        path, fields = make(chance)
        body = json.dumps(fields).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    _write_requests(file, [request() for _ in range(count)])


def _write_requests(file: Path, requests: Iterable[bytes]) -> None:
    file.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
