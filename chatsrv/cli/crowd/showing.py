"""The whole performance, from the first client to the last log-out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import click
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from chatsrv.cli.crowd.play import Act
from chatsrv.cli.crowd.stage import Stage
from chatsrv.cli.crowd.telling import Teller
from chatsrv.cli.crowd.visitor import NotTaken, Pass
from chatsrv.cli.starting import stop_signal

LOOK_S = 5.0


async def answers(url: str) -> bool:
    """Whether a chatsrv is there."""
    try:
        async with (
            ClientSession(timeout=ClientTimeout(LOOK_S)) as http,
            http.get(f"{url}/healthz") as answer,
        ):
            return answer.status == 200
    except (ClientError, OSError, TimeoutError):
        return False


async def show(url: str, give_token: Pass, teller: Teller, acts: Iterable[Act]) -> None:
    """Until a signal ends it. Raises ClickException."""
    async with stop_signal() as stopped, ClientSession(connector=TCPConnector(limit=0)) as http:
        stage = Stage(http, url, give_token, teller)
        playing, waiting = asyncio.create_task(stage.play(acts)), asyncio.create_task(stopped.wait())
        await asyncio.wait({playing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        for task in (playing, waiting):
            task.cancel()
        left = await stage.empty()
        try:
            await playing
        except asyncio.CancelledError:
            _tell_end(teller, left)
        except NotTaken as error:
            raise click.ClickException(
                f"the server at {url} does not let them in ({error}) Run this with that server's own settings."
            ) from error


def _tell_end(teller: Teller, left: int) -> None:
    if teller.as_json:
        teller.note("ends", logged_out=left)
    else:
        click.echo(f"\n{left} people have logged out.")
