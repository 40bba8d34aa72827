"""Connecting: nobody is taken more from than an answer may be, whatever it is wrapped in."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout

from chatsrv.outbound.connector import TooLong, make_connector
from chatsrv.services.lookups import Names
from tests.outbound.certificates import self_signed
from tests.outbound.floods import CONTINUES, flooding


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_whoever_floods_is_hung_up_on_behind_tls_too(tmp_path: Path, scheme: str) -> None:
    context = None
    if scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self_signed(tmp_path / "certificate.pem"))
    connector = make_connector(Names(), lambda address: socket.socket(*address[:3]))
    with flooding(CONTINUES, context) as flood:
        async with ClientSession(connector=connector, timeout=ClientTimeout(15)) as session:
            with pytest.raises(TooLong):
                await session.post(flood.url, data=b"{}", ssl=False)
    assert flood.was_hung_up_on
