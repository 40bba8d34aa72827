"""What ends the sockets of a user for good."""

from __future__ import annotations

import asyncio

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from tests.client import ApiClient
from tests.conftest import MakeSettings
from tests.realtime.conftest import Client, NewClient, eventually, has_no_sockets, shows

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.mark.parametrize(
    ("act", "code", "reason", "reconnect"),
    [
        ("delete", 4004, "deleted", False),
        ("deactivate", 4005, "deactivated", False),
        ("rename", 4009, "renamed", True),
        ("revoke_tokens", 4007, "token_revoked", False),
    ],
)
async def test_what_ends_an_account_closes_its_sockets_on_every_node(
    new_client: NewClient,
    token: str,
    services: Services,
    make_settings: MakeSettings,
    clock: Clock,
    act: str,
    code: int,
    reason: str,
    reconnect: bool,
) -> None:
    client = new_client()
    await client.connect({"token": token})
    async with open_services(make_settings(), clock) as other_node:
        if act == "rename":
            await other_node.users.rename("demo", "anna", "annette", SERVER)
        else:
            who = ("demo", "anna", SERVER) if act == "deactivate" else ("demo", "anna")
            await getattr(other_node.accounts, act)(*who)
    assert await client.next("session:close") == {"code": code, "reason": reason, "reconnect": reconnect}
    await client.io.wait()
    await eventually(lambda: has_no_sockets(services), "the socket is closed")


@pytest.mark.parametrize("every", [True, False])
async def test_signing_out_closes_the_socket_at_once(
    api: ApiClient, new_client: NewClient, token: str, every: bool
) -> None:
    client = new_client()
    hello = await client.connect({"token": token})
    one = "" if every else f"/{hello['session_id']}"
    assert (await api.delete(f"/v1/demo/users/anna/sessions{one}")).status == 204
    assert await client.next("session:close") == {"code": 4003, "reason": "signed_out", "reconnect": False}
    assert await shows(api, 0)


async def test_a_sign_out_that_meets_a_connect_half_way_leaves_no_socket_without_a_session(
    api: ApiClient, new_client: NewClient, token: str, services: Services
) -> None:
    """Whichever comes first, in the end a socket is open exactly where a session is."""
    user = await services.users.find("demo", "anna")
    clients = [new_client() for _ in range(20)]

    async def sign_out_all_the_while() -> None:
        for _ in range(60):
            await services.presence.sign_out(user, None)

    await asyncio.gather(sign_out_all_the_while(), *(client.connect({"token": token}) for client in clients))

    async def agree() -> bool:
        sessions = {session.id for session in await services.presence.sessions(user)}
        return sessions == {client.io.get_sid() for client in clients if client.io.connected and not was_closed(client)}

    def was_closed(client: Client) -> bool:
        """The stock client passes over a DISCONNECT that comes before its own connect has returned."""
        return any(name == "session:close" for name, _ in client.events._queue)  # type: ignore[attr-defined]

    await eventually(agree, "sockets and sessions are the same")


async def test_who_is_deactivated_is_refused_until_reactivated(
    api: ApiClient, new_client: NewClient, token: str
) -> None:
    await api.post("/v1/demo/users/anna/deactivate")
    assert await new_client().refused({"token": token}) == {"code": 40301, "type": "InactiveUser"}
    await api.post("/v1/demo/users/anna/reactivate")
    assert (await new_client().connect({"token": token}))["user"]["presence_status"] == 1
