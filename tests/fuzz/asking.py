"""A light client that also asks: acks stand among its events, in the order in which they came."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import ClientWebSocketResponse

from tests.faults.raw import RawClient

PATIENCE_S = 10.0


class AskingClient(RawClient):
    """`events` has ("ack", answer) for what was asked."""

    def __init__(self, ws: ClientWebSocketResponse) -> None:
        super().__init__(ws)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def ask(self, event: str, payload: Any) -> Any:
        """The ack."""
        self._number += 1
        answered = self._asked[self._number] = asyncio.get_running_loop().create_future()
        await self._ws.send_str(f"42{self._number}" + json.dumps([event, payload]))
        return await asyncio.wait_for(answered, PATIENCE_S)

    async def _take(self, text: str) -> None:
        if not text.startswith("43"):
            await super()._take(text)
            return
        number, _, answer = text[2:].partition("[")
        (told,) = json.loads(f"[{answer}")
        self.events.append(("ack", told))
        self._asked.pop(int(number)).set_result(told)
