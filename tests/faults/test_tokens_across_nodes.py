"""The tokens of live sockets: they run out, are renewed, and are revoked on another node."""

from __future__ import annotations

import asyncio
import math

import pytest

from tests.faults.crowd import Crowd
from tests.faults.raw import RawClient, Refused
from tests.faults.timings import DURATIONS
from tests.faults.waiting import eventually

EXPIRED, REVOKED = 4008, 4007
LIFE_S = math.ceil(DURATIONS.token_warning_s)


def closings(client: RawClient) -> list[tuple[int, bool]]:
    return [(closing["code"], closing["reconnect"]) for closing in client.heard("session:close")]


async def test_a_socket_is_warned_and_closed_and_one_with_a_newer_token_goes_on(crowd: Crowd) -> None:
    one, _ = crowd.cluster.nodes
    name = await crowd.make_user("holder")
    late, renewed = [await crowd.join(one.url, name, token=crowd.token(name, LIFE_S)) for _ in range(2)]
    for client in (late, renewed):
        await eventually(lambda client=client: bool(client.heard("token:expiring")), "they are warned")
    await renewed.emit("auth:refresh", {"token": crowd.token(name)})
    await eventually(lambda: bool(closings(late)), "who does not bring a newer token is closed")
    assert closings(late) == [(EXPIRED, True)]
    await eventually(lambda: late.is_over, "the socket ends")
    assert [session["id"] for session in await crowd.sessions(name)] == [renewed.session_id]
    assert not renewed.is_over
    assert not closings(renewed)


async def test_a_revocation_on_one_node_ends_the_sockets_on_the_other_and_a_new_token_works(crowd: Crowd) -> None:
    one, other = crowd.cluster.nodes
    name, bystander = await crowd.make_users("revoked", 2)
    old = crowd.token(name)
    clients = [await crowd.join(other.url, name) for _ in range(2)]
    untouched = await crowd.join(other.url, bystander)
    watcher = await crowd.watch(one.url, [name, bystander])
    tokens = f"/v1/{crowd.app.id}/users/{name}/tokens"
    assert (await crowd.rest(one).delete(tokens)).status == 204
    for client in clients:
        await eventually(lambda client=client: client.is_over, "the socket closes")
        assert closings(client) == [(REVOKED, False)]
    await eventually(lambda: watcher.knows([name], 0), "watchers see it, without any grace")
    for node in (one, other):
        with pytest.raises(Refused) as refused:
            await crowd.join(node.url, name, token=old)
        assert refused.value.data == {"code": 1021, "type": "InvalidToken"}
    new = (await crowd.rest(one).post(tokens)).json["token"]
    await asyncio.gather(*(crowd.join(node.url, name, token=new) for node in (one, other)))
    assert not untouched.is_over
    assert watcher.history(bystander) == []
