"""What may be said in a claim: words and numbers, lengths, instants; whatever is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text
from chatsrv.services import Services
from tests.api.native.people import USERS, add, come_online
from tests.api.native.refusals import refused
from tests.api.raw import send
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ANNAS = f"{USERS}/anna/presence"
FAMILY = "👨‍👩‍👧‍👦"
"""One emoji, 25 bytes."""


@pytest.fixture(autouse=True)
async def anna(api: ApiClient, services: Services) -> None:
    """She is online."""
    await add(api, "anna")
    await come_online(services, "anna")


async def claimed(api: ApiClient, **fields: Any) -> dict[str, Any]:
    answer = await api.put(ANNAS, fields)
    assert answer.status == 200, answer.json
    return dict(answer.json)


@pytest.mark.parametrize(("status", "word", "number"), [(1, "online", 1), (3, "away", 3), (4, "dnd", 4)])
async def test_a_state_is_a_word_or_its_number(api: ApiClient, status: int, word: str, number: int) -> None:
    for value in (word, number):
        assert (await claimed(api, status=value, text="x"))["presence_status"] == status


@pytest.mark.parametrize(
    "status", [0, "offline", 5, -1, True, False, 1.0, 4.0, "1", "DND", " dnd", "busy", "", [], ["dnd"], {}, 10**30]
)
async def test_no_other_state_can_be_claimed(api: ApiClient, status: Any) -> None:
    refused(await api.put(ANNAS, {"status": status}), 400, 40003, "status")
    assert (await api.get(ANNAS)).json["presence_status"] == 1


@pytest.mark.parametrize("text", ["x", "ä" * 100, "👍" * 100, "a\u0308" * 100, "a b", '"', "\\", "‮x"])
async def test_a_text_has_up_to_a_hundred_characters(api: ApiClient, text: str) -> None:
    assert (await claimed(api, status="dnd", text=text))["text"] == text.replace("a\u0308", "ä")


@pytest.mark.parametrize("text", ["x" * 101, "👍" * 101, "a\nb", "\0", "\x1b", "\u0085", 1, True, ["x"], {}])
async def test_a_longer_or_other_text_is_refused_and_not_cut(api: ApiClient, text: Any) -> None:
    refused(await api.put(ANNAS, {"status": "dnd", "text": text}), 400, 40003, "text")
    assert (await api.get(ANNAS)).json["presence_status"] == 1


@pytest.mark.parametrize("emoji", ["🌴", FAMILY, "é" * 16, "🌴" * 8, ":palm_tree:"])
async def test_an_emoji_has_up_to_32_bytes(api: ApiClient, emoji: str) -> None:
    assert (await claimed(api, emoji=emoji))["emoji"] == emoji


@pytest.mark.parametrize("emoji", ["x" * 33, "é" * 17, "🌴" * 8 + "x", FAMILY * 2, "\n", "\0", 1, False, [], {}])
async def test_a_longer_or_other_emoji_is_refused(api: ApiClient, emoji: Any) -> None:
    refused(await api.put(ANNAS, {"status": "dnd", "emoji": emoji}), 400, 40003, "emoji")


async def test_an_end_is_an_instant_in_the_future(api: ApiClient, clock: Clock) -> None:
    soon = to_text(clock.now() + 60_000)
    assert (await claimed(api, status="dnd", expires_at=soon))["expires_at"] == soon
    for text, meant in {
        "2099-03-01T10:00:00Z": "2099-03-01T10:00:00.000Z",
        "2099-03-01T10:00:00.1234+02:00": "2099-03-01T08:00:00.123Z",
        "2099-03-01t10:00:00z": "2099-03-01T10:00:00.000Z",
        "2099-03-01": "2099-03-01T00:00:00.000Z",
    }.items():
        assert (await claimed(api, status="dnd", expires_at=text))["expires_at"] == meant


async def test_an_end_may_lie_thousands_of_years_ahead(api: ApiClient, services: Services) -> None:
    """Numbers of more than 14 digits come back from Redis' scripts as something else."""
    end = "4999-12-31T23:59:59.999Z"
    assert (await claimed(api, status="dnd", expires_at=end))["expires_at"] == end
    assert (await api.get(ANNAS)).json["expires_at"] == end
    assert (await api.get("/v1/demo/presence/counts")).json["dnd"] == 1
    explained = await api.get(f"{ANNAS}/explain")
    assert [one["expires_at"] for one in explained.json["claims"]] == [end]
    await services.upkeep.beat()
    await services.upkeep.sweep()
    assert (await api.get(ANNAS)).json["presence_status"] == 4


@pytest.mark.parametrize(
    "end",
    [
        "",
        "soon",
        "tomorrow",
        2000000000,
        1e12,
        True,
        [],
        {},
        "2099-02-30",
        "2099-03-01T10:00:00",
        "10000-01-01",
        "5000-01-01",
        "5139-01-01T00:00:00.123Z",
        "9999-12-31T23:59:59.999Z",
    ],
)
async def test_what_is_no_instant_is_refused(api: ApiClient, end: Any) -> None:
    refused(await api.put(ANNAS, {"status": "dnd", "expires_at": end}), 400, 40003, "expires_at")


async def test_an_end_that_is_past_is_refused(api: ApiClient, clock: Clock) -> None:
    for end in ("1970-01-01T00:00:00Z", "0001-01-01", to_text(clock.now() - 1), to_text(clock.now())):
        refused(await api.put(ANNAS, {"status": "dnd", "expires_at": end}), 400, 40003, "expires_at")


@pytest.mark.parametrize("source", ["", "Manual", "phone", 1, True, [], ["call"], {}])
async def test_another_source_is_refused(api: ApiClient, source: Any) -> None:
    refused(await api.put(ANNAS, {"status": "dnd", "source": source}), 400, 40003, "source")


async def test_everything_that_is_wrong_is_named_at_once(api: ApiClient) -> None:
    wrong = {"status": "busy", "text": 1, "emoji": 2, "expires_at": 3, "source": 4}
    refused(await api.put(ANNAS, wrong), 400, 40003, *wrong)


async def test_unknown_fields_are_refused_by_name(api: ApiClient) -> None:
    refused(await api.put(ANNAS, {"status": "dnd", "until": "x", "username": "anna"}), 400, 40003, "until", "username")
    assert (await api.get(ANNAS)).json["presence_status"] == 1


@pytest.mark.parametrize(
    "body", [{}, {"status": None}, {"text": ""}, {"text": "", "emoji": ""}, {"source": "call"}, {"ttl": None}]
)
async def test_a_body_that_says_nothing_is_refused(api: ApiClient, body: dict[str, Any]) -> None:
    refused(await api.put(ANNAS, body), 400, 40003, "status")


async def test_null_counts_as_not_sent(api: ApiClient) -> None:
    nothing = {"text": None, "emoji": None, "expires_at": None, "source": None, "ttl": None}
    shown = await claimed(api, status="dnd", **nothing)
    assert (shown["presence_status"], shown["text"], shown["emoji"], shown["expires_at"]) == (4, None, None, None)


async def test_the_body_is_one_json_object(api: ApiClient) -> None:
    json = "\nContent-Type: application/json"
    for body in (b"", b"{", b"[]", b'"dnd"', b"null", b"\xff", b"[" * 2000):
        answer = await send(api, f"PUT {ANNAS}{json}\nContent-Length: {len(body)}", body)
        refused(answer, 400, 40000)
    refused(await api.put(ANNAS, data=b"status=dnd", headers={"Content-Type": "text/plain"}), 415, 41500)
    refused(await api.put(ANNAS, {"text": "x" * 70_000}), 413, 41300)


async def test_parameters_are_refused_by_name(api: ApiClient) -> None:
    refused(await api.get(f"{ANNAS}?fields=text"), 400, 40003, "fields")
    refused(await api.put(f"{ANNAS}?status=dnd", {"status": "dnd"}), 400, 40003, "status")
    refused(await api.delete(f"{ANNAS}?source=call"), 400, 40003, "source")
    refused(await api.get(f"{ANNAS}/explain?x=1"), 400, 40003, "x")
    assert (await api.get(ANNAS)).json["presence_status"] == 1
