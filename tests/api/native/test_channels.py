"""Channels over REST: what one is, who sees it, and what is refused. Both databases."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.services import Services
from tests.api.native.people import add, as_user, path_of
from tests.api.native.refusals import refused
from tests.client import Answer, ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

CHANNELS = "/v1/demo/channels"
JSON = {"Content-Type": "application/json"}
FULL = {"uri": "board", "subject": "Ünser", "label": "Work", "metadata": '{"a": 1}', "avatar": "b.png", "type": 1}
KEYS = {*FULL, "id", "created_at", "members_count", "owner", "last_message"}


async def make(api: ApiClient, **fields: Any) -> Any:
    answer = await api.post(CHANNELS, fields)
    assert answer.status == 201, answer.json
    return answer.json


def ids(answer: Answer) -> list[int]:
    assert answer.status == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


async def test_a_channel_needs_no_field_and_is_then_public_and_nobodys(api: ApiClient) -> None:
    answer = await api.post(CHANNELS, {})
    assert answer.json.keys() == KEYS
    assert answer.headers["Location"] == f"{CHANNELS}/{answer.json['id']}"
    assert (answer.json["type"], answer.json["members_count"]) == (0, 0)
    assert {key for key, value in answer.json.items() if value is None} == {
        *("uri", "subject", "label", "metadata", "avatar", "owner", "last_message")
    }


async def test_what_was_written_is_found_again(api: ApiClient) -> None:
    await add(api, "anna")
    made = await make(api, **FULL, owner="ANNA")
    assert {name: made[name] for name in FULL} == FULL
    assert made["owner"] == (await api.get(path_of("anna"))).json
    assert made["members_count"] == 1
    for path in (f"{CHANNELS}/{made['id']}", f"{CHANNELS}/{made['id']}/"):
        assert (await api.get(path)).json == made
    assert (await api.get(CHANNELS)).json["items"] == [made]


@pytest.mark.parametrize("kind", [0, 1, 2])
async def test_there_are_three_types_and_a_channel_may_change_its_own(api: ApiClient, kind: int) -> None:
    made = await make(api, type=kind)
    assert made["type"] == kind
    changed = await api.put(f"{CHANNELS}/{made['id']}", {"type": (kind + 1) % 3})
    assert (changed.status, changed.json["type"]) == (200, (kind + 1) % 3)


async def test_an_owner_may_be_the_user_that_a_get_answered_and_becomes_a_member(api: ApiClient) -> None:
    await add(api, "anna")
    made = await make(api, owner=(await api.get(path_of("anna"))).json)
    (member,) = (await api.get(f"{CHANNELS}/{made['id']}/users")).json["users"]
    assert (member["username"], member["role"]) == ("anna", "owner")


async def test_an_owner_whom_nobody_knows_is_404_and_leaves_no_channel(api: ApiClient) -> None:
    for owner in ("nobody", "", "a\0b", {"username": "nobody"}):
        refused(await api.post(CHANNELS, {"uri": "x", "owner": owner}), 404, 40015)
    assert (await api.get(CHANNELS)).json["total_count"] == 0


async def test_an_update_sets_what_is_sent_and_null_clears(api: ApiClient) -> None:
    made = await make(api, **FULL)
    path = f"{CHANNELS}/{made['id']}"
    changed = (await api.put(path, {"subject": "New", "label": None})).json
    assert changed == {**made, "subject": "New", "label": None}
    cleared = (await api.put(path, dict.fromkeys(("uri", "subject", "metadata", "avatar")))).json
    assert cleared == {**changed, "uri": None, "subject": None, "metadata": None, "avatar": None}
    assert (await api.put(path, {})).json == cleared == (await api.get(path)).json


async def test_what_a_get_answered_may_be_sent_back_and_changes_nothing(api: ApiClient) -> None:
    await add(api, "anna", "ben")
    made = await make(api, **FULL, owner="anna")
    path = f"{CHANNELS}/{made['id']}"
    assert (await api.put(path, made)).json == made
    ignored = {"id": 99, "created_at": "never", "members_count": -1, "last_message": {}, "owner": "ben"}
    assert (await api.put(path, ignored)).json == made
    again = await make(api, **{**made, "uri": "another"})
    assert again["id"] > made["id"]
    assert (again["owner"]["username"], again["members_count"]) == ("anna", 1)


@pytest.mark.parametrize("uri", ["board", "", "a uuid or an external_id", "Änna's"])
async def test_a_uri_is_taken_once_in_an_app(api: ApiClient, uri: str) -> None:
    await make(api, uri=uri)
    other = await make(api, uri=uri.upper() + "2")
    refused(await api.post(CHANNELS, {"uri": uri}), 409, 40900, "uri")
    refused(await api.put(f"{CHANNELS}/{other['id']}", {"uri": uri, "subject": "x"}), 409, 40900, "uri")
    assert (await api.get(f"{CHANNELS}/{other['id']}")).json == other
    assert (await api.get(CHANNELS)).json["total_count"] == 2


async def test_many_channels_may_have_no_uri_and_a_deleted_one_frees_its_own(api: ApiClient) -> None:
    first, second = await make(api), await make(api)
    assert (await api.put(f"{CHANNELS}/{first['id']}", {"uri": "board"})).status == 200
    assert (await api.delete(f"{CHANNELS}/{first['id']}")).status == 204
    assert (await api.put(f"{CHANNELS}/{second['id']}", {"uri": "board"})).status == 200


async def test_a_deleted_channel_is_gone_and_its_id_is_never_given_again(api: ApiClient) -> None:
    await add(api, "anna")
    made, kept = await make(api, owner="anna"), await make(api, owner="anna")
    path = f"{CHANNELS}/{made['id']}"
    assert (await api.delete(path)).status == 204
    for answer in (
        await api.get(path),
        await api.put(path, {}),
        await api.delete(path),
        await api.get(path + "/users"),
    ):
        refused(answer, 404, 40400)
    assert ids(await api.get(CHANNELS)) == [kept["id"]]
    assert (await api.get(f"{CHANNELS}/{kept['id']}")).json["members_count"] == 1
    await api.delete(f"{CHANNELS}/{kept['id']}")
    assert (await make(api))["id"] > kept["id"]
    assert (await api.get(path_of("anna"))).status == 200


async def test_a_deleted_owner_leaves_a_channel_that_is_nobodys(api: ApiClient) -> None:
    await add(api, "anna")
    made = await make(api, owner="anna", subject="x")
    assert (await api.delete(path_of("anna"))).status == 204
    expected = {**made, "owner": None, "members_count": 0}
    assert (await api.get(f"{CHANNELS}/{made['id']}")).json == expected
    await add(api, "anna")
    assert (await api.get(CHANNELS)).json["items"] == [expected]


async def test_pages_have_exact_totals_and_links_that_lead_on(api: ApiClient) -> None:
    made = [(await make(api, subject=str(number)))["id"] for number in range(5)]
    seen, path = [], f"{CHANNELS}?limit=2"
    while path:
        answer = await api.get(path)
        page = answer.json
        assert (page["total_count"], answer.headers["X-Total-Count"]) == (5, "5")
        assert page["count"] == len(page["items"]) <= 2
        assert ('rel="next"' in answer.headers["Link"]) is (page["links"]["next"] is not None)
        seen += ids(answer)
        path = page["links"]["next"]
    assert seen == made
    assert page["links"]["previews"].endswith("offset=2")
    assert ids(await api.get(page["links"]["first"])) == made[:2]
    assert ids(await api.get(page["links"]["last"])) == made[4:]
    beyond = (await api.get(f"{CHANNELS}?offset=9")).json
    assert (beyond["count"], beyond["items"], beyond["total_count"]) == (0, [], 5)


@pytest.mark.parametrize("id_", ["0", "999999", "-1", "+1", "1.0", "x", "9" * 18, "9" * 30, "²", "%00", "1%2F2"])
async def test_an_id_that_no_channel_has_is_404(api: ApiClient, id_: str) -> None:
    await make(api)
    path = f"{CHANNELS}/{id_}"
    for method in ("GET", "PUT", "DELETE"):
        refused(await api.request(method, path, json={} if method == "PUT" else None), 404, 40400)
    refused(await api.get(path + "/users"), 404, 40400)
    for method in ("POST", "DELETE"):
        refused(await api.request(method, path + "/users", json={"members": []}), 404, 40400)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uri", 7),
        ("uri", "x" * 192),
        ("subject", "a\nb"),
        ("label", "a\0b"),
        ("avatar", "ftp://a/b"),
        ("metadata", {"a": 1}),
        ("metadata", "a\0b"),
        ("type", 3),
        ("type", -1),
        ("type", "0"),
        ("type", True),
        ("type", 1.0),
        ("type", None),
        ("colour", "red"),
    ],
)
async def test_a_bad_field_is_refused_by_name(api: ApiClient, method: str, field: str, value: Any) -> None:
    path = CHANNELS + (f"/{(await make(api))['id']}" if method == "PUT" else "")
    refused(await api.request(method, path, json={"subject": "x", field: value}), 400, 40003, field)
    subjects = [item["subject"] for item in (await api.get(CHANNELS)).json["items"]]
    assert subjects == ([None] if method == "PUT" else [])


async def test_all_bad_fields_are_named_at_once(api: ApiClient) -> None:
    refused(await api.post(CHANNELS, {"type": 3, "uri": 1, "label": "x"}), 400, 40003, "type", "uri")
    refused(await api.post(CHANNELS, {"foo": 3, "bar": 1}), 400, 40003, "bar", "foo")
    for owner in (7, ["anna"], {}, {"username": 7}):
        refused(await api.post(CHANNELS, {"owner": owner}), 400, 40003, "owner")


async def test_what_is_no_object_is_no_channel(api: ApiClient) -> None:
    for body in (b"", b"[]", b"{", b'"x"'):
        refused(await api.request("POST", CHANNELS, data=body, headers=JSON), 400, 40000)
    refused(await api.request("POST", CHANNELS, data=b"a=b", headers={"Content-Type": "text/plain"}), 415, 41500)


async def test_metadata_may_have_8_kib_of_bytes_and_no_more(api: ApiClient) -> None:
    made = await make(api, metadata="ä" * 4096)
    assert (await api.get(f"{CHANNELS}/{made['id']}")).json["metadata"] == "ä" * 4096
    for text in ("x" * 8193, "ä" * 4097):
        refused(await api.post(CHANNELS, {"metadata": text}), 400, 40013, "metadata")
        refused(await api.put(f"{CHANNELS}/{made['id']}", {"metadata": text}), 400, 40013, "metadata")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "offset=-1", "offset=10001", "limit=1&limit=2", "sort=id"])
async def test_a_bad_parameter_of_a_list_is_refused_by_name(api: ApiClient, query: str) -> None:
    made = await make(api)
    for path in (CHANNELS, f"{CHANNELS}/{made['id']}/users"):
        refused(await api.get(f"{path}?{query}"), 400, 40003, query.partition("=")[0])


async def test_routes_that_page_nothing_take_no_parameter(api: ApiClient) -> None:
    path = f"{CHANNELS}/{(await make(api))['id']}"
    for method, place in (("POST", CHANNELS), ("GET", path), ("PUT", path), ("DELETE", path)):
        refused(await api.request(method, place + "?limit=1", json={}), 400, 40003, "limit")
    for method in ("POST", "DELETE"):
        refused(await api.request(method, path + "/users?limit=1", json={"members": []}), 400, 40003, "limit")
    assert (await api.get(path)).status == 200


async def test_a_token_sees_public_channels_and_those_of_its_user(api: ApiClient) -> None:
    await add(api, "anna", "ben")
    public = await make(api, type=0)
    private, direct = await make(api, type=1, owner="anna"), await make(api, type=2, owner="anna")
    for name, seen in (("anna", [public, private, direct]), ("ben", [public])):
        answer = await (await as_user(api, name)).get(f"{CHANNELS}?limit=1")
        assert (answer.json["total_count"], answer.headers["X-Total-Count"]) == (len(seen), str(len(seen)))
        assert ids(await (await as_user(api, name)).get(CHANNELS)) == [channel["id"] for channel in seen]
    ben = await as_user(api, "ben")
    for hidden in (private, direct):
        for rest in ("", "/users"):
            refused(await ben.get(f"{CHANNELS}/{hidden['id']}{rest}"), 404, 40400)
    await api.post(f"{CHANNELS}/{private['id']}/users", {"members": ["ben"]})
    assert ids(await ben.get(CHANNELS)) == [public["id"], private["id"]]
    await api.delete(f"{CHANNELS}/{private['id']}/users", json={"members": ["ben"]})
    refused(await ben.get(f"{CHANNELS}/{private['id']}"), 404, 40400)


async def test_a_token_writes_no_channel_not_even_its_users_own(api: ApiClient) -> None:
    await add(api, "anna")
    path = f"{CHANNELS}/{(await make(api, owner='anna'))['id']}"
    anna = await as_user(api, "anna")
    for method, place in (("POST", CHANNELS), ("PUT", path), ("DELETE", path)):
        refused(await anna.request(method, place, json={"subject": "x"}), 403, 40105)
    for method in ("POST", "DELETE"):
        refused(await anna.request(method, path + "/users", json={"members": ["anna"]}), 403, 40105)
    assert (await api.get(path)).json["members_count"] == 1


async def test_two_apps_share_no_channel_uri_or_member(api: ApiClient, services: Services) -> None:
    _, key = await services.apps.create("other", None)
    other = api.speaking_as(key)
    theirs = (await other.post("/v1/other/channels", {"uri": "board", "subject": "secret"})).json
    await add(api, "anna")
    ours = await make(api, uri="board", owner="anna")
    for rest in ("", "/users"):
        refused(await api.get(f"{CHANNELS}/{theirs['id']}{rest}"), 404, 40400)
        refused(await api.get(f"/v1/other/channels/{theirs['id']}{rest}"), 403, 40105)
    for method, rest, body in (
        ("PUT", "", {"subject": "x"}),
        ("DELETE", "", None),
        ("POST", "/users", {"members": ["anna"]}),
        ("DELETE", "/users", {"members": ["anna"]}),
    ):
        refused(await api.request(method, f"{CHANNELS}/{theirs['id']}{rest}", json=body), 404, 40400)
    refused(await other.post("/v1/other/channels", {"owner": "anna"}), 404, 40015)
    refused(await other.post(f"/v1/other/channels/{theirs['id']}/users", {"members": ["anna"]}), 404, 40015)
    assert ids(await api.get(CHANNELS)) == [ours["id"]]
    assert (await other.get("/v1/other/channels")).json["items"] == [theirs]
    await services.apps.delete("other")
    assert (await api.get(f"{CHANNELS}/{ours['id']}")).json == ours
