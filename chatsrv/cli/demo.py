"""chatsrv demo: people to look at."""

from __future__ import annotations

import asyncio
import sys
from random import randrange
from typing import TYPE_CHECKING

import click

from chatsrv.cli.banner import url_of
from chatsrv.cli.locating import locate
from chatsrv.cli.running import Menu, MenuCommand, pass_menu
from chatsrv.settings import Settings

if TYPE_CHECKING:
    from chatsrv.cli.crowd.filling import Crowd, Look
    from chatsrv.services import Services

DEMO = "demo"
"""The app that is there to be tried out. Others have people of their own."""
TOKEN_S = 86_400


@click.command(cls=MenuCommand, short_help="Fill an app with people who come and go.")
@click.argument("app_id", metavar="[APP]", default=DEMO)
@click.option("--people", type=click.IntRange(1, 1500), default=300, show_default=True, help="How many there are.")
@click.option(
    "--coming",
    type=click.IntRange(1, 1000),
    default=80,
    show_default=True,
    help="How many of them are connected at a time, about.",
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(0.01, 3600),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How much time there is between two changes, about.",
)
@click.option(
    "--seed", type=int, metavar="N", help="The same number plays the same again; another one each time if not given."
)
@click.option("--url", help="Where the server is, such as https://chat.example; the one that runs here if not given.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port of a server on this machine, instead of its URL.")
@click.option("--yes", is_flag=True, help="Do not ask, though the app has people of its own.")
@pass_menu
def demo(
    menu: Menu,
    app_id: str,
    people: int,
    coming: int,
    every_s: float,
    seed: int | None,
    url: str | None,
    port: int | None,
    yes: bool,
) -> None:
    """Fill APP with made-up people, and keep some of them coming and going for as long as this runs.

    They are real clients of the running server: they connect over Socket.IO from several devices, say what they do,
    become idle, lose their connection and come back. APP is demo if not given, and is made where it is missing. The
    people are made once; they stay when this ends, but nobody of them is connected any more. Ctrl-C ends it.

    Run it where the server's own settings hold, in its folder: it signs their tokens with the app's secret. With --json
    it prints an object a line: {"event": "begins", ...}, then one for each thing that somebody does, at last "ends".

    \b
    Examples:
      chatsrv demo
      chatsrv demo stage --people 1000 --coming 300 --every 0.2
      chatsrv demo --seed 7 --json
    """
    settings = menu.load_quietly()
    server = _find_server(settings, url, port)
    _check_server(server)
    _check_people(menu, app_id, yes)
    crowd = _fill(menu, app_id, people)
    seed = randrange(1_000_000) if seed is None else seed  # noqa: S311 - no secret
    _introduce(menu, app_id, server, crowd, min(coming, len(crowd.names)), seed)
    _perform(menu, settings, app_id, server, crowd, (coming, seed, every_s))


def _find_server(settings: Settings, url: str | None, port: int | None) -> str:
    if url is None:
        return url_of(settings.host, port) if port else asyncio.run(locate(settings))
    if port:
        raise click.UsageError("--url and --port contradict each other")
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url {url!r} must begin with http:// or https://")
    return url.rstrip("/")


def _check_server(server: str) -> None:
    """Nothing is made for nobody to see."""
    from chatsrv.cli.crowd.showing import answers
    from chatsrv.cli.starting import run

    found: list[bool] = []

    async def ask() -> None:
        found.append(await answers(server))

    run(ask)
    if not found[0]:
        raise click.ClickException(
            f"no chatsrv answers at {server}: start one with chatsrv serve, or name another with --port or --url"
        )


def _check_people(menu: Menu, app_id: str, yes: bool) -> None:
    from chatsrv.cli.crowd.filling import look

    async def count(services: Services) -> Look:
        return await look(services, app_id)

    others = menu.run(count).others
    if yes or app_id == DEMO or not others:
        return
    told = f"the app {app_id!r} has {others} people of its own, among whom the made-up ones would stay"
    if not sys.stdin.isatty():
        raise click.UsageError(f"{told}; add --yes")
    click.confirm(f"{told[0].upper()}{told[1:]}. Go on?", abort=True, err=True)


def _fill(menu: Menu, app_id: str, people: int) -> Crowd:
    from chatsrv.cli.crowd.filling import fill

    return menu.run(lambda services: fill(services, app_id, people))


def _introduce(menu: Menu, app_id: str, server: str, crowd: Crowd, coming: int, seed: int) -> None:
    from chatsrv.cli.crowd.telling import Teller

    if menu.as_json:
        made = {"key": crowd.key} if crowd.key else {}
        told = {
            "app_id": app_id,
            "people": len(crowd.names),
            "created": crowd.created,
            "total": crowd.total,
            "seed": seed,
            **made,
        }
        Teller(crowd.names, True).note("begins", url=server, **told)
        return
    if crowd.key:
        click.echo(f"The app {app_id} is new. Its server key, shown this once: {crowd.key}")
    click.echo(f"{crowd.created} people are new in the app {app_id}, which has {crowd.total} now.")
    click.echo(f"Of {len(crowd.names)}, about {coming} are here at a time (--seed {seed}). Ctrl-C logs them out.")
    click.echo(f"Look: {server}/ (chatsrv dashboard makes a link that signs you in)")


def _perform(
    menu: Menu, settings: Settings, app_id: str, server: str, crowd: Crowd, script: tuple[int, int, float]
) -> None:
    from chatsrv.cli.crowd.filling import sign_tokens
    from chatsrv.cli.crowd.play import play
    from chatsrv.cli.crowd.purse import Purse
    from chatsrv.cli.crowd.showing import show
    from chatsrv.cli.crowd.telling import Teller
    from chatsrv.cli.starting import run

    ttl_s = min(TOKEN_S, settings.token_ttl_max_s)
    usernames = list(crowd.names)

    def mint() -> dict[str, str]:
        return menu.run(lambda services: sign_tokens(services, app_id, usernames, ttl_s))

    purse = Purse(mint, ttl_s)
    teller = Teller(crowd.names, menu.as_json)
    run(lambda: show(server, purse, teller, play(usernames, *script)))
