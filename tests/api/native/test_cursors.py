"""Cursors: to any depth, and true while the directory changes between two pages."""

from __future__ import annotations

import base64
import json
import random

import pytest

from chatsrv.services import Services
from tests.api.native.people import USERS, add, come_online, path_of, usernames
from tests.api.native.refusals import refused
from tests.client import Answer, ApiClient

PEOPLE = [{"username": f"{letter}{number}", "first_name": f"F{number % 3}"} for number in range(8) for letter in "aÄz"]
SORTS = ["", "username", "-username", "first_name", "-first_name,username", "created_at", "-updated_at,first_name"]
SORTS += ["last_login_at,-first_name", "-last_login_at"]


async def fill(api: ApiClient) -> list[str]:
    assert (await api.post("/v1/demo/bulk/users", {"users": PEOPLE})).status == 200
    return [person["username"] for person in PEOPLE]


def following(answer: Answer) -> str | None:
    """`links.next`, which the Link header must have, too; the other links are null."""
    given = answer.json["links"]
    assert (given["previews"], given["first"], given["last"]) == (None, None, None)
    expected = f'<{given["next"]}>; rel="next"' if given["next"] else ""
    assert answer.headers["Link"] == expected
    link: str | None = given["next"]
    return link


async def walk(api: ApiClient, query: str) -> list[str]:
    answer = await api.get(f"{USERS}?presence=true&cursor=&{query}")
    found = usernames(answer)
    while link := following(answer):
        answer = await api.get(link)
        assert answer.json["links"]["current"] == link
        found += usernames(answer)
    return found


@pytest.mark.parametrize("limit", [1, 5, 24])
async def test_a_walk_by_cursor_gives_the_pages_of_the_offsets(api: ApiClient, services: Services, limit: int) -> None:
    await fill(api)
    for name in ("z1", "a2", "Ä7"):
        await come_online(services, name)
    for sort in SORTS:
        whole = usernames(await api.get(f"{USERS}?limit=200&sort={sort}"))
        assert await walk(api, f"limit={limit}&sort={sort}") == whole, sort
    only = usernames(await api.get(f"{USERS}?filter=presence_status:eq:1&sort=username"))
    assert await walk(api, f"limit={limit}&sort=username&filter=presence_status:eq:1") == only == ["a2", "z1", "Ä7"]


@pytest.mark.parametrize("sort", ["", "username", "-first_name", "-username", "-created_at"])
async def test_whoever_stays_is_seen_once_while_others_come_and_go(api: ApiClient, sort: str) -> None:
    staying, chance = await fill(api), random.Random(7)
    answer = await api.get(f"{USERS}?presence=true&cursor=&limit=3&sort={sort}")
    found, number = usernames(answer), 0
    while link := following(answer):
        number += 1
        gone = [staying.pop(chance.randrange(len(staying))), found[-1] if number % 2 else ""]
        staying = [name for name in staying if name not in gone]
        for name in gone:
            await api.delete(path_of(name or "nobody"))
        await add(api, f"new{number}", f"NÄW{number}", first_name=f"F{number % 3}")
        answer = await api.get(link)
        found += usernames(answer)
    assert len(found) == len(set(found))
    assert set(staying) <= set(found)


async def test_a_cursor_outlives_the_row_it_was_made_from(api: ApiClient) -> None:
    await add(api, "a", "b", "c", "d")
    answer = await api.get(f"{USERS}?presence=true&cursor=&limit=2&sort=username")
    for name in ("a", "b", "c"):
        await api.delete(f"{USERS}/{name}")
    assert usernames(await api.get(str(following(answer)))) == ["d"]


async def test_the_page_that_ends_the_list_has_no_next(api: ApiClient) -> None:
    await add(api, "a", "b")
    assert following(await api.get(f"{USERS}?presence=true&cursor=&limit=2")) is None
    assert following(await api.get(f"{USERS}?presence=true&cursor=&limit=2&filter=role:eq:x")) is None


def sealed(*content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


async def test_a_cursor_that_no_page_gave_is_refused(api: ApiClient) -> None:
    forged = [sealed(), sealed("username", ["a"]), sealed("username", [1], 1), sealed("username", ["a", "b"], 1)]
    forged += [sealed("username", ["a"], 2**63), sealed("username", ["a"], -(2**64)), sealed("username", ["\x00"], 1)]
    forged += [sealed("username", ["a"], None), sealed("username", None, 1), sealed("username", ["a"], 1.5)]
    for cursor in [*forged, "x", "%00", "ä", "=", "AAAA", "*", "a" * 4000]:
        answer = await api.get(f"{USERS}?sort=username&cursor={cursor}")
        refused(answer, 400, 40003, "cursor")
    assert (await api.get(f"{USERS}?sort=username&cursor={sealed('username', ['a'], -(2**63) + 1)}")).json == []


async def test_a_cursor_belongs_to_its_sort(api: ApiClient) -> None:
    await add(api, "a", "b")
    link = str(following(await api.get(f"{USERS}?presence=true&cursor=&limit=1&sort=username")))
    for other in ("-username", "first_name", "username,first_name", ""):
        refused(await api.get(link.replace("sort=username", f"sort={other}")), 400, 40003, "cursor")
