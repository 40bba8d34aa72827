"""Usernames in paths: percent-decoded once, whatever they hold."""

from __future__ import annotations

from urllib.parse import unquote

from tests.api.native.people import USERS, path_of, usernames
from tests.api.native.refusals import refused
from tests.api.raw import send
from tests.client import ApiClient

ODD = [
    "{}",
    "{username}",
    "a/b",
    "/",
    "a*b",
    "a+b",
    "a b",
    "a%b",
    "%2F",
    "%252F",
    "a?b",
    "a#b",
    "a;b,c",
    "a&b=c",
    "...",
]
ODD += [
    "a\\b",
    '"q"',
    "<b>",
    "😀",
    "名前",
    "é",
    "a@b.test",
    "users",
    "rename",
    "bulk",
    "a:b",
    "~",
    "|",
    "^",
    "'",
    "..a",
]


async def test_any_username_makes_the_round_trip(api: ApiClient) -> None:
    for name in ODD:
        made = await api.post(USERS, {"username": name})
        assert (made.status, made.json["username"]) == (201, name)
        for path in (made.headers["Location"], path_of(name), f"/v1/users/{path_of(name).removeprefix(USERS + '/')}/"):
            assert (await send(api, f"GET {path}")).json == made.json, path
        assert (await send(api, f"POST {path_of(name)}/deactivate")).status == 200
    assert usernames(await api.get(USERS)) == ODD
    for name in ODD:
        assert (await send(api, f"DELETE {path_of(name)}")).status == 204


async def test_escapes_are_decoded_once_in_either_case(api: ApiClient) -> None:
    for name in ("a/b", "a*b", "a%2Fb", "é"):
        assert (await api.post(USERS, {"username": name})).status == 201
    for path, name in {
        "a%2fb": "a/b",
        "a%2Fb": "a/b",
        "%61%2F%62": "a/b",
        "a%2Ab": "a*b",
        "a%2ab": "a*b",
        "a*b": "a*b",
        "a%252Fb": "a%2Fb",
        "a%25%32Fb": "a%2Fb",
        "%c3%a9": "é",
        "e%CC%81": "é",
        "%C3%89": "é",
    }.items():
        assert (await send(api, f"GET {USERS}/{path}")).json["username"] == name, path


NOBODY = ["a%00b", "%00", "%FF", "%C3", "%ED%A0%80", "%F0%9F", "%E2%80%AE", "%0A", "%20", "x" * 5000]


async def test_a_name_that_nobody_can_have_is_nobodys(api: ApiClient) -> None:
    for one in (f"{USERS}/{name}" for name in NOBODY):
        refused(await send(api, f"GET {one}"), 404, 40015)
        refused(await send(api, f"DELETE {one}"), 404, 40015)
        refused(await send(api, f"POST {one}/tokens"), 404, 40015)
        refused(await send(api, f"POST {one}/deactivate"), 404, 40015)
        refused(await send(api, f"PUT {one}\nContent-Length: 12", b'{"name":"x"}'), 404, 40015)
        refused(await send(api, f"POST {one}/rename\nContent-Length: 16", b'{"username":"x"}'), 404, 40015)


async def test_dots_climb_nowhere(api: ApiClient) -> None:
    await api.post(USERS, {"username": "anna"})
    for path in (f"{USERS}/../users/anna", f"{USERS}/./anna", f"/x/..{USERS}/anna", f"{USERS}/anna/.."):
        refused(await send(api, f"GET {path}"), 404, 40400)
    for path in (f"{USERS}/..", f"{USERS}/.", f"{USERS}/%2e%2e", f"{USERS}/%2E"):
        refused(await send(api, f"GET {path}"), 404, 40015)


async def test_a_filter_for_bytes_that_are_no_text_finds_nobody(api: ApiClient) -> None:
    await api.post(USERS, {"username": "anna"})
    for value in ("%FF", "%C3", "%ED%A0%80", "%F0%9F%98"):
        assert (await send(api, f"GET {USERS}?filter=username:contains:{value}")).json == []
        refused(await send(api, f"GET {USERS}?{value}=1"), 400, 40003, unquote(value))
