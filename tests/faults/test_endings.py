"""Sessions that the server ends for good, on whatever node they are: with a reason, and without a way back."""

from __future__ import annotations

import asyncio

import pytest

from chatsrv.settings import Settings
from tests.faults.crowd import Crowd
from tests.faults.raw import Refused
from tests.faults.stock import StockClient
from tests.faults.waiting import eventually


async def is_ended(client: StockClient, code: int) -> None:
    """It was told why, and does not come back."""
    await eventually(lambda: bool(client.closings), "the client is told why")
    assert [(closing["code"], closing["reconnect"]) for closing in client.closings] == [(code, False)]
    await eventually(lambda: client.stays_away, "the client stays away")
    assert len(client.hellos) == 1


async def test_the_oldest_session_of_too_many_gives_way_for_good_and_its_user_is_online_throughout(
    crowd: Crowd,
) -> None:
    one, other = crowd.cluster.nodes
    name = await crowd.make_user("busy")
    oldest = await crowd.join_stock(one.url, name)
    watcher = await crowd.watch(other.url, [name])
    most = Settings().sessions_per_user
    later = [await crowd.join((one, other)[number % 2].url, name) for number in range(most - 1)]
    assert not oldest.closings
    later.append(await crowd.join(other.url, name))
    await is_ended(oldest, 4002)
    sessions = await crowd.sessions(name)
    assert {session["id"] for session in sessions} == {client.session_id for client in later}
    assert len(sessions) == most
    assert not any(client.is_over for client in later)
    watcher.assert_silent_about([name])


@pytest.mark.parametrize(("act", "code", "refusal"), [("delete", 4004, 40015), ("deactivate", 4005, 40301)])
async def test_who_is_deleted_or_deactivated_on_one_node_is_ended_on_the_other_and_cannot_come_back(
    crowd: Crowd, act: str, code: int, refusal: int
) -> None:
    one, other = crowd.cluster.nodes
    name = await crowd.make_user(act)
    clients = [await crowd.join_stock(other.url, name, client_id=tab) for tab in ("first", "second")]
    watcher = await crowd.watch(one.url, [name])
    path = f"/v1/{crowd.app.id}/users/{name}"
    rest = crowd.rest(one)
    answer = await (rest.delete(path) if act == "delete" else rest.post(f"{path}/deactivate"))
    assert answer.status in (200, 204)
    await asyncio.gather(*(is_ended(client, code) for client in clients))
    await eventually(lambda: watcher.knows([name], 0), "watchers see it")
    watcher.assert_one_change_each([name], 0)
    for node in (one, other):
        with pytest.raises(Refused) as refused:
            await crowd.join(node.url, name)
        assert refused.value.data["code"] == refusal
    assert watcher.history(name) == [0]
