"""Claims that are made on one node and seen on another: their end, and those that nobody else may see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.client import ApiClient
from tests.faults.crowd import Crowd
from tests.faults.nodes import Node
from tests.faults.waiting import eventually

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = range(5)
CLAIM_LIFE_S = 2.5


def as_user(crowd: Crowd, name: str, node: Node) -> ApiClient:
    """That node's REST, asked with the token of this user."""
    return crowd.rest(node).speaking_as(crowd.token(name))


def presence_of(crowd: Crowd, name: str) -> str:
    return f"/v1/{crowd.app.id}/users/{name}/presence"


async def test_a_claim_ends_by_itself_and_the_one_below_shows_again_on_every_node(crowd: Crowd) -> None:
    one, other = crowd.cluster.nodes
    name = await crowd.make_user("claimer")
    await crowd.join(one.url, name)
    watcher = await crowd.watch(other.url, [name])
    ends_at = (datetime.now(UTC) + timedelta(seconds=CLAIM_LIFE_S)).isoformat().replace("+00:00", "Z")
    for claim in (
        {"status": "away", "text": "Holiday"},
        {"status": "dnd", "text": "On the phone", "source": "call", "expires_at": ends_at},
    ):
        answer = await crowd.rest(other).put(presence_of(crowd, name), claim)
        assert answer.status == 200
    await eventually(lambda: watcher.knows([name], DND), "the call shows")
    await eventually(lambda: watcher.knows([name], AWAY), "the holiday shows again")
    texts = [seen.change["text"] for seen in watcher.seen]
    assert texts in (["Holiday", "On the phone", "Holiday"], ["On the phone", "Holiday"])
    watcher.assert_versions_grow()
    for node in (one, other):
        shown = (await crowd.presences([name], node))[name]
        assert (shown["presence_status"], shown["text"], shown["expires_at"]) == (AWAY, "Holiday", None)


async def test_whatever_a_hidden_user_does_on_either_node_nobody_else_hears_or_reads_of_it(crowd: Crowd) -> None:
    one, other = crowd.cluster.nodes
    name, bystander = await crowd.make_users("hider", 2)
    first = await crowd.join_stock(one.url, name)
    watcher = await crowd.watch(other.url, [name])
    ack = await first.ask("presence:set", {"status": "invisible"})
    assert ack["presence"]["presence_status"] == INVISIBLE
    await eventually(lambda: watcher.knows([name], OFFLINE), "it looks as if they had left")

    async def all_that_a_bystander_reads() -> list[Any]:
        users = f"/v1/{crowd.app.id}/users"
        seen = []
        for node in (one, other):
            rest = as_user(crowd, bystander, node)
            answers = [
                await rest.get(f"{users}/{name}?fields=*"),
                await rest.get(presence_of(crowd, name)),
                await rest.get(f"{users}?presence=true&filter=username:eq:{name}&sort=-last_login_at"),
                await rest.get(f"{users}?filter=username:eq:{name}&filter=presence_status:in:1;2;3;4"),
                await rest.get(f"{users}?filter=username:eq:{name}&filter=presence_status:eq:0"),
            ]
            seen.append([answer.json.get("users", answer.json) if isinstance(answer.json, dict) else answer.json
                         for answer in answers])  # fmt: skip
        return seen

    before = await all_that_a_bystander_reads()
    assert before[0] == before[1]
    second = await crowd.join_stock(other.url, name, device="mobile")
    assert second.hellos[0]["user"]["presence_status"] == INVISIBLE
    await second.ask("presence:activity", {"active": False})
    await first.ask("presence:set", {"status": "invisible", "text": "In secret"})
    await first.end()
    await second.ask("presence:activity", {"active": True})
    assert await all_that_a_bystander_reads() == before
    await second.end()
    await eventually(lambda: crowd.have_sessions([name], 0), "nobody of theirs is left")
    assert await all_that_a_bystander_reads() == before
    assert watcher.history(name) == [OFFLINE]


async def test_whoever_comes_back_hidden_is_hidden_from_the_first_moment(crowd: Crowd) -> None:
    one, other = crowd.cluster.nodes
    name = await crowd.make_user("sneaker")
    watchers = [await crowd.watch(node.url, [name]) for node in (one, other)]
    client = await crowd.join_stock(one.url, name, status="invisible")
    assert client.hellos[0]["user"]["presence_status"] == INVISIBLE
    assert (await crowd.presences([name], other))[name]["presence_status"] == INVISIBLE, "server keys see the truth"
    await client.ask("presence:set", {"status": "online"})
    for watcher in watchers:
        await eventually(lambda watcher=watcher: watcher.knows([name], ONLINE), "now they are seen")
        assert watcher.history(name) == [ONLINE]
