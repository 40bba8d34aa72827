"""The list of users: its two shapes, its parameters, offsets, links and ETags."""

from __future__ import annotations

import re

import pytest
from aiohttp import ClientSession
from yarl import URL

from chatsrv.domain.wire import FIELDS
from chatsrv.services import Services, open_services
from tests.api.native.people import USERS, add, come_online, usernames
from tests.api.native.refusals import refused
from tests.client import Answer, ApiClient
from tests.conftest import MakeSettings
from tests.listening import served_node

SUMMARY = ["avatar", "created_at", "first_name", "last_name", "role", "status", "updated_at", "username"]
USER = ["username", "first_name", "last_name", "avatar", "created_at", "updated_at", "last_login_at", "presence_status"]
SEVEN = [f"u{number}" for number in range(7)]


def links(answer: Answer) -> dict[str, URL]:
    """The relations of the Link header, in its order."""
    parts = re.findall(r'<([^>]*)>; rel="([a-z]+)"(?:, |$)', answer.headers["Link"])
    return {rel: URL(link) for link, rel in parts}


async def test_the_ordinary_list_is_a_bare_array_of_eight_keys_each(api: ApiClient) -> None:
    await add(api, "anna", "ben")
    answer = await api.get(USERS)
    assert isinstance(answer.json, list)
    assert [list(user) for user in answer.json] == [SUMMARY, SUMMARY]
    assert answer.headers["X-Total-Count"] == "2"
    assert (await api.get(f"{USERS}?presence=false")).json == answer.json


async def test_with_presence_it_is_a_page_of_users(api: ApiClient) -> None:
    await add(api, "anna", "ben", "eve")
    answer = await api.get(f"{USERS}?presence=true&limit=2")
    page = answer.json
    assert list(page) == ["count", "links", "total_count", "users"]
    assert (page["count"], page["total_count"], answer.headers["X-Total-Count"]) == (2, 3, "3")
    assert list(page["links"]) == ["current", "previews", "next", "first", "last"]
    assert page["links"]["current"] == f"{api.url}{USERS}?presence=true&limit=2"
    assert [list(user) for user in page["users"]] == [USER, USER]


async def test_an_empty_list_is_empty_in_both_shapes(api: ApiClient) -> None:
    assert (await api.get(USERS)).json == []
    page = (await api.get(f"{USERS}?presence=true")).json
    assert (page["count"], page["total_count"], page["users"]) == (0, 0, [])
    assert (page["links"]["previews"], page["links"]["next"]) == (None, None)


async def test_fields_gives_those_alone_in_both_shapes(api: ApiClient, services: Services) -> None:
    await add(api, "anna", email="a@b")
    await come_online(services, "anna")
    wanted = {"email": "a@b", "presence_status": 1, "devices": ["web"]}
    query = "fields=email,presence_status,devices"
    assert (await api.get(f"{USERS}?{query}")).json == [wanted]
    assert (await api.get(f"{USERS}?presence=true&{query}")).json["users"] == [wanted]
    whole = (await api.get(f"{USERS}?fields=*")).json[0]
    assert whole.keys() == FIELDS.keys()
    assert whole == (await api.get(f"{USERS}/anna?fields=*")).json


@pytest.mark.parametrize("shape", ["", "&presence=true"])
async def test_offsets_page_through_everybody_by_their_links(api: ApiClient, shape: str) -> None:
    await add(api, *SEVEN)
    answer = await api.get(f"{USERS}?limit=3{shape}")
    assert list(links(answer)) == ["first", "next", "last"]
    found = usernames(answer)
    while following := links(answer).get("next"):
        answer = await api.get(str(following))
        found += usernames(answer)
    assert found == SEVEN
    assert list(links(answer)) == ["first", "prev", "last"]
    assert usernames(await api.get(str(links(answer)["prev"]))) == SEVEN[3:6]
    assert usernames(await api.get(str(links(answer)["first"]))) == SEVEN[:3]
    assert usernames(await api.get(str(links(answer)["last"]))) == SEVEN[6:]


async def test_the_header_and_the_page_have_the_same_links(api: ApiClient) -> None:
    await add(api, *SEVEN)
    answer = await api.get(f"{USERS}?presence=true&limit=2&offset=2")
    assert list(links(answer)) == ["first", "prev", "next", "last"]
    names = {"first": "first", "prev": "previews", "next": "next", "last": "last"}
    assert {rel: str(link) for rel, link in links(answer).items()} == {
        rel: answer.json["links"][name] for rel, name in names.items()
    }
    assert [links(answer)[rel].query["offset"] for rel in names] == ["0", "0", "4", "6"]


async def test_links_keep_every_parameter_as_it_was_meant(api: ApiClient) -> None:
    await add(api, *(f"a&b+c %{number}" for number in range(3)))
    query = "limit=1&sort=-username&fields=username&filter=username:begins:a%26b%2Bc%20%25"
    query += "&filter=created_at:gte:2020-01-01T00:00:00%2B02:00&filter=role:in:user;x"
    for beginning in ("", "&cursor="):
        answer, found = await api.get(f"{USERS}?{query}{beginning}"), []
        found += usernames(answer)
        while following := links(answer).get("next"):
            answer = await api.get(str(following))
            found += usernames(answer)
        assert found == ["a&b+c %2", "a&b+c %1", "a&b+c %0"]


async def test_a_page_beyond_the_end_is_empty_and_leads_back(api: ApiClient) -> None:
    await add(api, *SEVEN)
    answer = await api.get(f"{USERS}?offset=10000&limit=3")
    assert (answer.json, answer.headers["X-Total-Count"]) == ([], "7")
    assert list(links(answer)) == ["first", "prev", "last"]


async def test_where_offsets_end_the_cursor_goes_on(make_settings: MakeSettings) -> None:
    async with open_services(make_settings(offset_max=4, page_default=2)) as services:
        _, key = await services.apps.create("demo", None)
        async with served_node(services) as url, ClientSession() as session:
            api = ApiClient(session, url, {"X-Api-Key": key})
            await add(api, *SEVEN, "u7", "u8")
            refused(await api.get(f"{USERS}?offset=5"), 400, 40003, "offset")
            answer = await api.get(f"{USERS}?offset=4")
            assert list(links(answer)) == ["first", "prev", "next"]
            assert usernames(await api.get(str(links(answer)["next"]))) == ["u6", "u7"]


async def test_fifty_are_on_a_page_and_at_most_200(api: ApiClient) -> None:
    users = [{"username": f"u{number}"} for number in range(201)]
    assert (await api.post("/v1/demo/bulk/users", {"users": users})).status == 200
    assert len((await api.get(USERS)).json) == 50
    assert len((await api.get(f"{USERS}?limit=200")).json) == 200
    for bad in ("0", "201", "-1", "", "x", "1.0", "1e2", "٣", "9" * 30, "+5"):
        refused(await api.get(f"{USERS}?limit={bad}"), 400, 40003, "limit")
    for bad in ("10001", "-1", "", "x", "9" * 30):
        refused(await api.get(f"{USERS}?offset={bad}"), 400, 40003, "offset")


async def test_an_unknown_parameter_or_one_given_twice_is_named(api: ApiClient) -> None:
    for query, name in {
        "foo=1": "foo",
        "Limit=1": "Limit",
        "limit=1&limit=2": "limit",
        "sort=username&sort=role": "sort",
        "presence=1": "presence",
        "presence=": "presence",
        "fields=foo": "fields",
        "cursor=&offset=0": "cursor",
        "%00=1": "\x00",
    }.items():
        refused(await api.get(f"{USERS}?{query}"), 400, 40003, name)


async def test_a_list_that_has_not_changed_is_answered_with_304(api: ApiClient, services: Services) -> None:
    await add(api, "anna")
    for path in (USERS, f"{USERS}?presence=true", f"{USERS}?cursor="):
        etag = (await api.get(path)).headers["ETag"]
        assert re.fullmatch(r'"[0-9a-f]+"', etag)
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            answer = await api.get(path, headers={"If-None-Match": known})
            assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
        assert (await api.get(path, headers={"If-None-Match": '"x"'})).status == 200


async def test_the_etag_moves_with_the_users_and_with_presence(api: ApiClient, services: Services) -> None:
    await add(api, "anna")
    path, seen = f"{USERS}?presence=true", set()
    seen.add((await api.get(path)).headers["ETag"])
    await come_online(services, "anna")
    seen.add((await api.get(path)).headers["ETag"])
    await api.put(f"{USERS}/anna", {"first_name": "A"})
    seen.add((await api.get(path)).headers["ETag"])
    await api.delete(f"{USERS}/anna")
    seen.add((await api.get(path)).headers["ETag"])
    assert len(seen) == 4


async def test_head_says_what_a_get_would_without_its_body(api: ApiClient) -> None:
    await add(api, *SEVEN)
    for path in (f"{USERS}?limit=2", f"{USERS}/u1"):
        full, head = await api.get(path), await api.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        same = {"Content-Type", "Content-Length", "ETag", "Link", "X-Total-Count"} & set(full.headers)
        assert {name: head.headers[name] for name in same} == {name: full.headers[name] for name in same}
