"""The service desk over REST: profiles, memos, drafts, stars, infos and settings. Stores: SQLite and Valkey."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.services import Services
from tests.api.native.people import USERS, add, as_user
from tests.api.native.refusals import refused
from tests.client import Answer, ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ANNA, CHANNELS, MEMOS, SUPPORTS = f"{USERS}/anna", "/v1/demo/channels", "/v1/demo/memos", "/v1/demo/supports"
NO_PROFILE = {
    "in_training": False,
    "max_support_count": None,
    "sound_notification": True,
    "notification_email": None,
    "last_seen_location": None,
    "recent_channel_id": None,
    "info": None,
}


@pytest.fixture(autouse=True)
async def people(api: ApiClient) -> None:
    await add(api, "anna", "bert", "carl")


async def make_channel(api: ApiClient, **fields: Any) -> int:
    answer = await api.post(CHANNELS, fields)
    assert answer.status == 201, answer.json
    return int(answer.json["id"])


def items(answer: Answer) -> list[Any]:
    assert answer.status == 200, answer.json
    assert answer.json["count"] == len(answer.json["items"])
    found: list[Any] = answer.json["items"]
    return found


async def test_a_profile_is_there_for_everybody_and_changes_by_field(api: ApiClient) -> None:
    path, room = f"{ANNA}/profile", await make_channel(api)
    assert (await api.get(path)).json == NO_PROFILE
    full = {
        "in_training": True,
        "max_support_count": 0,
        "sound_notification": False,
        "notification_email": "a@example.com",
        "last_seen_location": "/a",
        "recent_channel_id": room,
        "info": {"a": [1]},
    }
    assert (await api.patch(path, full)).json == full
    assert (await api.patch(path, {"info": None})).json == {**full, "info": None} == (await api.get(path)).json
    assert (await api.patch(path, dict.fromkeys(full))).json == NO_PROFILE
    refused(await api.patch(path, {"nick": 1, "in_training": "x"}), 400, 40003, "nick")
    refused(
        await api.patch(path, {"in_training": 1, "recent_channel_id": "1"}),
        *(400, 40003, "in_training", "recent_channel_id"),
    )
    refused(await api.patch(path, {"recent_channel_id": room + 1}), 400, 40003, "recent_channel_id")
    refused(await api.get(f"{USERS}/nobody/profile"), 404, 40015)
    refused(await api.patch(f"{USERS}/nobody/profile", {}), 404, 40015)


async def test_a_memo_is_written_read_changed_and_deleted(api: ApiClient) -> None:
    answer = await api.post(f"{ANNA}/memos", {"text": "Call\nback", "author": "BERT"})
    memo = answer.json
    assert answer.status == 201
    assert answer.headers["Location"] == f"{MEMOS}/{memo['id']}"
    assert (memo["username"], memo["author"], memo["text"]) == ("anna", "bert", "Call\nback")
    other = (await api.post(f"{ANNA}/memos", {"text": "x"})).json
    assert other["author"] is None
    assert items(await api.get(f"{ANNA}/memos")) == [memo, other]
    page = await api.get(f"{ANNA}/memos", params={"limit": 1, "offset": 1})
    assert (items(page), page.json["total_count"], page.headers["X-Total-Count"]) == ([other], 2, "2")
    changed = (await api.put(f"{MEMOS}/{memo['id']}", {**memo, "text": "y", "author": "carl"})).json
    assert changed == {**memo, "text": "y", "updated_at": changed["updated_at"]}
    assert (await api.get(f"{MEMOS}/{memo['id']}")).json == changed
    assert (await api.delete(f"{MEMOS}/{memo['id']}")).status == 204
    refused(await api.delete(f"{MEMOS}/{memo['id']}"), 404, 40400)
    assert items(await api.get(f"{ANNA}/memos")) == [other]


@pytest.mark.parametrize(("kind", "key"), [("drafts", "channel_id"), ("support_drafts", "support_id")])
async def test_there_is_one_draft_for_each_place(api: ApiClient, kind: str, key: str) -> None:
    room = await make_channel(api)
    support = (await api.post(SUPPORTS, {"channel_id": room, "customer": "bert"})).json["id"]
    place = room if kind == "drafts" else support
    path = f"{ANNA}/{kind}/{place}"
    draft = (await api.put(path, {"text": "Dear Bert"})).json
    assert (draft[key], draft["text"]) == (place, "Dear Bert")
    assert {name for name, value in draft.items() if value is None} == {"channel_id", "support_id"} - {key}
    again = (await api.put(path, {**draft, "text": "Hi"})).json
    assert (again["id"], again["text"]) == (draft["id"], "Hi")
    assert items(await api.get(f"{ANNA}/{kind}")) == [again]
    assert items(await api.get(f"{USERS}/bert/{kind}")) == []
    assert (await api.delete(path)).status == 204
    refused(await api.delete(path), 404, 40400)
    refused(await api.put(path, {}), 400, 40003, "text")


async def test_stars_are_given_twice_and_taken_twice(api: ApiClient) -> None:
    room = await make_channel(api, subject="Help", uri="help")
    for path in (f"{ANNA}/starred_channels/{room}", f"{ANNA}/starred_customers/BERT"):
        assert [(await api.put(path)).status for _ in range(2)] == [204, 204]
    assert items(await api.get(f"{ANNA}/starred_channels")) == [
        {"id": room, "uri": "help", "subject": "Help", "type": 0}
    ]
    (bert,) = items(await api.get(f"{ANNA}/starred_customers"))
    assert bert == (await api.get(f"{USERS}?filter=username:eq:bert")).json[0]
    for path in (f"{ANNA}/starred_channels/{room}", f"{ANNA}/starred_customers/bert"):
        assert [(await api.delete(path)).status for _ in range(2)] == [204, 204]
    assert items(await api.get(f"{ANNA}/starred_channels")) == []
    assert items(await api.get(f"{ANNA}/starred_customers")) == []
    refused(await api.put(f"{ANNA}/starred_customers/nobody"), 404, 40015)
    refused(await api.put(f"{ANNA}/starred_channels/{room + 1}"), 404, 40400)


@pytest.mark.parametrize(
    ("kind", "values", "bad"),
    [("infos", ["gold", ""], [1, None, {}]), ("widget_settings", [{"dark": True}, None, 1.5, []], [])],
)
async def test_a_value_is_under_its_name(api: ApiClient, kind: str, values: list[Any], bad: list[Any]) -> None:
    path = f"{ANNA}/{kind}/a%2Fb%20%C3%84"
    for value in values:
        expected = {"name": "a/b Ä", "value": value}
        assert (await api.put(path, {"value": value})).json == expected
        assert (await api.get(path)).json == expected
        assert items(await api.get(f"{ANNA}/{kind}")) == [expected]
    for value in bad:
        refused(await api.put(path, {"value": value}), 400, 40003, "value")
    refused(await api.put(path, {}), 400, 40003, "value")
    refused(await api.put(f"{ANNA}/{kind}/%20a", {"value": "x"}), 400, 40003, "name")
    refused(await api.get(f"{ANNA}/{kind}/A%2FB%20%C3%84"), 404, 40400)
    assert (await api.delete(path)).status == 204
    refused(await api.delete(path), 404, 40400)


async def test_a_token_keeps_what_is_its_users_own(api: ApiClient) -> None:
    anna, room = await as_user(api, "anna"), await make_channel(api)
    for rest, body in (
        (f"drafts/{room}", {"text": "x"}),
        (f"starred_channels/{room}", None),
        ("starred_customers/bert", None),
        ("infos/plan", {"value": "gold"}),
        ("widget_settings/theme", {"value": 1}),
    ):
        assert (await anna.put(f"{USERS}/ANNA/{rest}", body)).status < 300, rest
        kind = rest.partition("/")[0]
        assert len(items(await anna.get(f"{ANNA}/{kind}"))) == 1
        refused(await anna.put(f"{USERS}/bert/{rest}", body), 403, 40105)
        refused(await anna.get(f"{USERS}/bert/{kind}"), 403, 40105)
        assert (await anna.delete(f"{ANNA}/{rest}")).status == 204


async def test_the_rest_takes_a_server_key(api: ApiClient) -> None:
    anna, room = await as_user(api, "anna"), await make_channel(api)
    memo = (await api.post(f"{ANNA}/memos", {"text": "x"})).json["id"]
    support = (await api.post(SUPPORTS, {"channel_id": room, "customer": "anna"})).json["id"]
    for method, path in (
        *(("GET", f"{ANNA}/profile"), ("PATCH", f"{ANNA}/profile")),
        *(("GET", f"{ANNA}/memos"), ("POST", f"{ANNA}/memos")),
        *((method, f"{MEMOS}/{memo}") for method in ("GET", "PUT", "DELETE")),
        *((method, f"{SUPPORTS}/{support}") for method in ("GET", "PUT", "DELETE")),
        *(("GET", SUPPORTS), ("POST", SUPPORTS)),
    ):
        refused(await anna.request(method, path, json={}), 403, 40105)


async def test_a_token_finds_no_channel_or_support_that_its_user_may_not_see(api: ApiClient) -> None:
    anna, hidden = await as_user(api, "anna"), await make_channel(api, type=1)
    theirs = (await api.post(SUPPORTS, {"channel_id": hidden, "customer": "bert"})).json["id"]
    hers = (await api.post(SUPPORTS, {"channel_id": hidden, "customer": "anna"})).json["id"]
    for rest, body in (
        (f"starred_channels/{hidden}", None),
        (f"drafts/{hidden}", {"text": "x"}),
        (f"support_drafts/{theirs}", {"text": "x"}),
    ):
        refused(await anna.put(f"{ANNA}/{rest}", body), 404, 40400)
    assert (await anna.put(f"{ANNA}/support_drafts/{hers}", {"text": "x"})).status == 200
    await api.post(f"{CHANNELS}/{hidden}/users", {"members": ["anna"]})
    assert (await anna.put(f"{ANNA}/starred_channels/{hidden}")).status == 204
    await api.delete(f"{CHANNELS}/{hidden}/users", json={"members": ["anna"]})
    assert items(await anna.get(f"{ANNA}/starred_channels")) == []
    assert len(items(await api.get(f"{ANNA}/starred_channels"))) == 1


async def test_two_apps_share_nothing_of_their_desks(api: ApiClient, services: Services) -> None:
    _, key = await services.apps.create("other", None)
    other = api.speaking_as(key)
    await other.post("/v1/other/users", {"username": "anna"})
    room = await make_channel(api)
    memo = (await api.post(f"{ANNA}/memos", {"text": "secret"})).json["id"]
    support = (await api.post(SUPPORTS, {"channel_id": room, "customer": "anna"})).json["id"]
    theirs = "/v1/other/users/anna"
    for method, path, body in (
        *(("GET", f"/v1/other/memos/{memo}", None), ("PUT", f"/v1/other/memos/{memo}", {"text": "x"})),
        *(("DELETE", f"/v1/other/memos/{memo}", None), ("DELETE", f"/v1/other/supports/{support}", None)),
        *(("GET", f"/v1/other/supports/{support}", None), ("PUT", f"/v1/other/supports/{support}", {"closed": True})),
        *(("PUT", f"{theirs}/drafts/{room}", {"text": "x"}), ("PUT", f"{theirs}/starred_channels/{room}", None)),
        *(("PUT", f"{theirs}/support_drafts/{support}", {"text": "x"}), ("GET", f"{theirs}/infos/plan", None)),
        ("POST", "/v1/other/supports", {"channel_id": room, "customer": "anna"}),
    ):
        refused(await other.request(method, path, json=body), 404, 40400)
    refused(await other.put(f"{theirs}/starred_customers/bert"), 404, 40015)
    refused(await other.patch(f"{theirs}/profile", {"recent_channel_id": room}), 400, 40003, "recent_channel_id")
    assert items(await other.get("/v1/other/supports?customer=anna")) == []
    assert items(await other.get(f"{theirs}/memos")) == []


async def test_there_is_room_for_so_many_values_and_no_more(api: ApiClient, services: Services) -> None:
    for number in range(services.settings.named_values_max):
        await api.put(f"{ANNA}/infos/n{number}", {"value": "x"})
    refused(await api.put(f"{ANNA}/infos/more", {"value": "x"}), 400, 40003, "name")
    assert (await api.put(f"{ANNA}/infos/n0", {"value": "y"})).status == 200
    assert (await api.put(f"{USERS}/bert/infos/more", {"value": "x"})).status == 200


HOSTILE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    2**70,
    "",
    "\0",
    "\ud800",
    "x" * 9000,
    [],
    {},
    [[]],
    {"a": {}},
)


async def test_no_path_is_an_error_of_ours(api: ApiClient) -> None:
    """The client holds each answer against the document, too."""
    paths = [MEMOS, SUPPORTS, *(f"{ANNA}/{kind}" for kind in ("drafts", "support_drafts", "starred_channels"))]
    paths += [f"{ANNA}/{kind}" for kind in ("starred_customers", "infos", "widget_settings")]
    for part in ("0", "-1", "9" * 18, "9" * 30, "%00", "%ED%A0%80", "..%2F", "٣", "1e3", "{id}"):
        for path in paths:
            for method in ("GET", "PUT", "DELETE"):
                body = {"text": "x"} if path.endswith(("drafts", "memos")) else {"value": "x"}
                answer = await api.request(method, f"{path}/{part}", json=body)
                assert answer.status < 500, (path, part, answer.body)
        for kind in ("profile", "memos", "infos", "starred_channels"):
            assert (await api.get(f"{USERS}/{part}/{kind}")).status == 404


async def test_no_body_is_an_error_of_ours(api: ApiClient) -> None:
    room = await make_channel(api)
    support = (await api.post(SUPPORTS, {"channel_id": room, "customer": "anna"})).json["id"]
    for value in HOSTILE:
        for method, path, names in (
            ("PATCH", f"{ANNA}/profile", [*NO_PROFILE]),
            ("POST", f"{ANNA}/memos", ["text", "author"]),
            ("PUT", f"{ANNA}/drafts/{room}", ["text"]),
            ("PUT", f"{ANNA}/infos/a", ["value"]),
            ("PUT", f"{ANNA}/widget_settings/a", ["value"]),
            ("POST", SUPPORTS, ["channel_id", "customer", "agent"]),
            ("PUT", f"{SUPPORTS}/{support}", ["agent", "closed"]),
        ):
            for name in names:
                rest = {"channel_id": room, "customer": "anna"} if path == SUPPORTS else {}
                rest |= {"text": "x"} if name == "author" else {}
                answer = await api.request(method, path, json={**rest, name: value})
                assert answer.status < 500, (path, name, value)
