"""Lists of the panel: filters, order, pages and their links, and what is included."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.apps import Scope
from chatsrv.services import Services
from tests.api.native.people import add
from tests.api.panel.people import BEN, NATIVE, SERVERS, USERS, failures, make, own, refusal, usernames, with_scopes
from tests.client import Answer, ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def people(api: ApiClient) -> dict[str, dict[str, Any]]:
    """Three users with all that can be filtered."""
    made = {}
    for name, email, external_id in (
        ("anna", "anna@mail.test", "CRM-1"),
        ("ben_b", "ben@MAIL.test", "crm-2"),
        ("eve.100", "eve@other.test", None),
    ):
        fields = {"username": name, "email": email, "external_id": external_id, "first_name": "A", "last_name": "B"}
        made[name] = await make(api, fields)
    return made


async def test_filters_find_parts_without_regard_to_case(api: ApiClient) -> None:
    made = await people(api)
    everybody = list(made)
    for query, expected in {
        "filter[username]=ANN": ["anna"],
        "filter[username]=nobody": [],
        "filter[username]=anna,ben": ["anna", "ben_b"],
        "filter[username]=,anna,,": ["anna"],
        "filter[username]=_": ["ben_b"],
        "filter[username]=%25": [],
        "filter[username]=.": ["eve.100"],
        "filter[username]=%20anna%20": ["anna"],
        "filter[email]=mail.TEST": ["anna", "ben_b"],
        "filter[email]=mail&filter[username]=ben": ["ben_b"],
        "filter[email]=mail&filter[username]=eve": [],
        "filter%5Bexternal_id%5D=crm-": ["anna", "ben_b"],
        f"filter[uuid]={made['ben_b']['uuid'].upper()}": ["ben_b"],
        f"filter[uuid]={made['ben_b']['uuid'][-12:]},{made['anna']['uuid'][-12:]}": ["anna", "ben_b"],
        "filter[username]=": everybody,
        "filter[username]=,,": everybody,
        "filter=abc": everybody,
        "filter[username": everybody,
        "filter[username][]=ben": ["ben_b"],
        "filter[username]=a%00": [],
        "filter[username]=anna,%00": ["anna"],
        "filter[email]=%ED%A0%80": [],
        "filter[username]=anna&filter[username]=ben": ["ben_b"],
        "foo=1&presence=true&limit=x": everybody,
    }.items():
        answer = await api.get(f"{USERS}?{query}")
        assert usernames(answer) == expected, query
        assert answer.json["meta"]["pagination"]["total"] == len(expected), query


async def test_a_filter_of_very_many_values_is_refused_before_the_database_does_it(api: ApiClient) -> None:
    await people(api)
    values = [f"a{number}" for number in range(200)]
    assert usernames(await api.get(f"{USERS}?filter[username]={','.join([*values, *values])}")) == []
    answer = await api.get(f"{USERS}?filter[username]={','.join([*values, 'x'])}")
    assert failures(answer) == [("filter.username", "max")]


async def test_an_unknown_filter_is_named(api: ApiClient) -> None:
    for query, names in {
        "filter[name]=a&filter[foo]=b": "name, foo",
        "filter[email]=a&filter[id]=1": "id",
        "filter[Email]=": "Email",
    }.items():
        assert refusal(await api.get(f"{USERS}?{query}")) == (
            400,
            "InvalidFilterQuery",
            f"Requested filter(s) `{names}` are not allowed. "
            "Allowed filter(s) are `email, uuid, username, external_id`.",
        )


async def test_bytes_that_are_no_text_are_found_nowhere_and_named_as_unreadable(api: ApiClient) -> None:
    await people(api)
    found = await api.get(f"{USERS}?filter[email]=%FF&include=%FF&page=%FF&foo=%FF")
    assert usernames(found) == []
    for query in ("filter[%FF]=1", "sort=%FF"):
        assert "\ufffd" in refusal(await api.get(f"{USERS}?{query}"))[2]
    assert failures(await api.get(f"{USERS}?per_page=%FF")) == [("per_page", "integer")]
    assert refusal(await api.get("/api/application/%FF"))[0] == 404
    assert refusal(await api.get(f"{USERS}/external/%FF"))[0] == 404


async def test_lists_are_sorted_by_id_or_uuid(api: ApiClient) -> None:
    made = await people(api)
    names = list(made)
    by_uuid = sorted(names, key=lambda name: str(made[name]["uuid"]))
    for query, expected in {
        "": names,
        "sort=id": names,
        "sort=-id": names[::-1],
        "sort=--id": names[::-1],
        "sort=": names,
        "sort=,": names,
        "sort=uuid": by_uuid,
        "sort=-uuid,id": by_uuid[::-1],
        "sort=-id,id,uuid": names[::-1],
        "sort=" + ",".join(["id"] * 2000): names,
    }.items():
        assert usernames(await api.get(f"{USERS}?{query}")) == expected, query


async def test_an_unknown_sort_is_named(api: ApiClient) -> None:
    for query, names in {"email": "email", "-email,id,x": "email, x", "ID": "ID", "id;uuid": "id;uuid"}.items():
        assert refusal(await api.get(f"{USERS}?sort={query}")) == (
            400,
            "InvalidSortQuery",
            f"Requested sort(s) `{names}` is not allowed. Allowed sort(s) are `id, uuid`.",
        )


def pagination(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.json
    found: dict[str, Any] = answer.json["meta"]["pagination"]
    assert found["count"] == len(answer.json["data"])
    return found


async def test_a_page_is_one_of_fifty_unless_told(api: ApiClient) -> None:
    await add(api, *(f"user{number:02}" for number in range(51)))
    for query, per_page in {
        "": 50,
        "per_page=": 50,
        "per_page=0": 15,
        "per_page=00": 15,
        "per_page=20": 20,
        "per_page=%2020%20": 20,
        "per_page=1000": 1000,
        "per_page=1001": 1000,
        "per_page=" + "9" * 5000: 1000,
    }.items():
        page = pagination(await api.get(f"{USERS}?{query}"))
        assert (page["per_page"], page["total"], page["current_page"]) == (per_page, 51, 1), query
        assert (page["count"], page["total_pages"]) == (min(51, per_page), -(-51 // per_page)), query
    for query, rule in {"abc": "integer", "1.5": "integer", "-1": "min", "1e3": "integer", "%D9%A1": "integer"}.items():
        for path in (USERS, SERVERS):
            assert failures(await api.get(f"{path}?per_page={query}")) == [("per_page", rule)], query


async def test_links_carry_the_page_alone(api: ApiClient) -> None:
    await add(api, *(f"user{number}" for number in range(5)))
    there = f"{api.url}{USERS}?page="
    rest = "per_page=2&sort=-id&filter[username]=user&include=servers"
    for page, links in {
        "1": {"next": f"{there}2"},
        "2": {"previous": f"{there}1", "next": f"{there}3"},
        "3": {"previous": f"{there}2"},
        "4": {"previous": f"{there}3"},
        "%2B2": {"previous": f"{there}1", "next": f"{there}3"},
        str(2**63 - 1): {"previous": f"{there}{2**63 - 2}"},
        str(2**63): {"next": f"{there}2"},
        "9" * 5000: {"next": f"{there}2"},
        "0": {"next": f"{there}2"},
        "-1": {"next": f"{there}2"},
        "abc": {"next": f"{there}2"},
        "1.5": {"next": f"{there}2"},
        "": {"next": f"{there}2"},
    }.items():
        found = pagination(await api.get(f"{USERS}/?page={page}&{rest}"))
        assert (found["links"], found["total"], found["total_pages"]) == (links, 5, 3), page
    assert usernames(await api.get(f"{USERS}?page=3&{rest}")) == ["user0"]
    assert pagination(await api.get(f"{USERS}?per_page=5"))["links"] == {}


async def test_nobody_at_all_is_one_empty_page(api: ApiClient) -> None:
    for path in (USERS, SERVERS):
        empty = pagination(await api.get(path))
        assert empty == {
            "total": 0,
            "count": 0,
            "per_page": 50,
            "current_page": 1,
            "total_pages": 1,
            "links": {},
        }


async def test_servers_are_included_where_they_are_asked_for(api: ApiClient) -> None:
    anna, ben = await make(api), await make(api, BEN)
    lobby, arena = await own(api, anna["id"]), await own(api, anna["id"], "arena")
    documents = [{"object": "server", "attributes": server} for server in (lobby, arena)]
    for include in ("servers", "bogus,servers", "servers.node,x", "servers:limit(1)", "&include=servers&include=x", ""):
        listed = (await api.get(f"{USERS}?include={include}")).json["data"]
        related = [user["attributes"].get("relationships") for user in listed]
        if not include:
            assert related == [None, None]
            continue
        assert related == [
            {"servers": {"object": "list", "data": documents}},
            {"servers": {"object": "list", "data": []}},
        ], include
        assert (await api.get(f"{USERS}/{anna['id']}?include={include}")).json == listed[0]
        assert (await api.get(f"{USERS}/{ben['id']}?include[]={include}")).json == listed[1]
        assert list(listed[0]["attributes"])[-1] == "relationships"


async def test_servers_are_withheld_from_a_key_that_may_not_read_them(api: ApiClient, services: Services) -> None:
    anna = await make(api)
    await own(api, anna["id"])
    reader = await with_scopes(api, services, Scope.USERS_READ)
    withheld = {"servers": {"object": "null_resource", "attributes": None}}
    for path in (f"{USERS}/{anna['id']}", f"{USERS}?include=x"):
        answer = await reader.get(f"{path}{'&' if '?' in path else '?'}include=servers")
        users = answer.json.get("data", [answer.json])
        assert [user["attributes"]["relationships"] for user in users] == [withheld]


async def test_whoever_is_deactivated_is_listed(api: ApiClient) -> None:
    await make(api)
    await api.post(f"{NATIVE}/anna/deactivate")
    assert usernames(await api.get(USERS)) == ["anna"]
