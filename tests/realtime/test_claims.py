"""What users say of themselves over a socket, and who hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import from_text, to_text
from chatsrv.services import Services
from tests.realtime.conftest import Client, Connect, LoseData, changes, eventually

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)
"""What is claimed lives in Redis; what SQL keeps of it is tested with the store."""


@pytest.fixture
async def anna(connect: Connect) -> Client:
    return await connect("anna")


@pytest.fixture
async def bert(connect: Connect, anna: Client) -> Client:
    """Watches anna."""
    client = await connect("bert")
    await client.io.call("presence:subscribe", {"usernames": ["anna"]})
    return client


async def say(client: Client, **fields: Any) -> Any:
    return await client.io.call("presence:set", fields)


async def heard(client: Client) -> Any:
    """The one change of the next frame."""
    diff = await client.next("presence:diff")
    assert len(diff["changes"]) == 1
    return diff["changes"][0]


async def test_a_claim_is_acked_at_once_with_the_presence_and_told_to_others(anna: Client, bert: Client) -> None:
    ack = await say(anna, status="dnd", text="Deep work", emoji="🎧")
    assert list(ack) == ["applied_at", "coalesced", "presence"]
    assert not ack["coalesced"]
    expected = {"username": "anna", "presence_status": 4, "text": "Deep work", "emoji": "🎧"}
    assert expected.items() <= ack["presence"].items()
    for client in (bert, anna):
        assert expected.items() <= (await heard(client)).items()


async def test_status_may_be_the_int_or_the_word(anna: Client) -> None:
    for status, expected in ((3, 3), ("away", 3), (4, 4), ("dnd", 4), (1, 1)):
        assert (await say(anna, status=status))["presence"]["presence_status"] == expected


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "status"),
        ({"status": None}, "status"),
        ({"status": "offline"}, "status"),
        ({"status": 5}, "status"),
        ({"status": True}, "status"),
        ({"status": "dnd", "text": "x" * 101}, "text"),
        ({"status": "dnd", "emoji": "🎧" * 9}, "emoji"),
        ({"status": "dnd", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"status": "dnd", "expires_at": 7}, "expires_at"),
        ({"status": "dnd", "source": "call"}, "source"),
    ],
)
async def test_what_is_wrong_is_named_and_the_socket_lives_on(anna: Client, fields: dict[str, Any], field: str) -> None:
    error = (await say(anna, **fields))["error"]
    assert (error["code"], error["type"]) == (40003, "BadParam")
    assert [one["field"] for one in error["errors"]] == [field]
    assert (await say(anna, status="dnd"))["presence"]["presence_status"] == 4


async def test_when_a_claim_ends_what_was_below_shows_again(
    anna: Client, bert: Client, services: Services, clock: Clock
) -> None:
    await say(anna, status="away", text="Holiday")
    assert (await heard(bert))["text"] == "Holiday"
    await say(anna, status="dnd", text="Lunch", expires_at=to_text(clock.now() + 60_000))
    assert (await heard(bert))["text"] == "Lunch"
    clock.advance(61)
    change = await heard(bert)
    assert (change["presence_status"], change["text"]) == (3, "Holiday")
    await say(anna, status="online")
    change = await heard(bert)
    assert (change["presence_status"], change["text"]) == (1, None)


async def test_a_claim_outlives_a_disconnect(anna: Client, bert: Client, connect: Connect) -> None:
    await say(anna, status="dnd", text="Deep work")
    assert await changes(bert) == {"anna": 4}
    await anna.io.disconnect()
    gone = await heard(bert)
    assert (gone["presence_status"], gone["text"]) == (0, None)
    await connect("anna")
    back = await heard(bert)
    assert (back["presence_status"], back["text"]) == (4, "Deep work")


async def test_the_sixth_claim_within_the_window_waits_and_the_last_one_counts(
    anna: Client, bert: Client, services: Services, clock: Clock
) -> None:
    for number in range(5):
        assert not (await say(anna, status="dnd", text=f"{number}"))["coalesced"]
    for number in range(5, 8):
        ack = await say(anna, status="away", text=f"{number}")
        assert (ack["coalesced"], ack["presence"]["text"]) == (True, "4")
        assert 0 < from_text(ack["applied_at"]) - clock.now() <= 20_000

    async def shows(text: str) -> bool:
        answer = await bert.io.call("presence:query", {"usernames": ["anna"]})
        return bool(answer["users"][0]["text"] == text)

    assert await shows("4")
    clock.advance(21)
    await eventually(lambda: shows("7"), "the last claim counts when the window is over")
    assert not (await say(anna, status="dnd", text="8"))["coalesced"]
    assert await shows("8")


async def test_a_status_given_at_connect_is_there_from_the_first_moment(bert: Client, connect: Connect) -> None:
    await bert.io.call("presence:subscribe", {"usernames": ["bert"]})
    carl = await connect("carl")
    await carl.io.disconnect()

    async def carl_is_gone() -> bool:
        ack = await bert.io.call("presence:query", {"usernames": ["carl"]})
        return bool(ack["users"][0]["presence_status"] == 0)

    await eventually(carl_is_gone, "his disconnect has come through")
    await bert.io.call("presence:subscribe", {"usernames": ["carl"]})
    back = await connect("carl", status="dnd")
    assert back.hello["user"]["presence_status"] == 4
    assert await changes(bert) == {"carl": 4}


async def test_a_reconnect_inside_its_grace_does_not_set_it_again(anna: Client, connect: Connect) -> None:
    first = await connect("carl", status="dnd", client_id="tab")
    await say(first, status="online")
    await first.lose()
    again = await connect("carl", status="dnd", client_id="tab")
    assert (again.hello["resumed"], again.hello["user"]["presence_status"]) == (True, 1)


async def test_claims_are_kept_when_redis_loses_everything(
    anna: Client, services: Services, lose_data: LoseData
) -> None:
    await say(anna, status="dnd", text="Deep work")
    await services.clocks.flush()
    await lose_data()

    async def shows_dnd() -> bool:
        answer = await anna.io.call("presence:query", {"usernames": ["anna"]})
        return bool(answer.get("users") and answer["users"][0]["text"] == "Deep work")

    await eventually(shows_dnd, "the claim is back")
