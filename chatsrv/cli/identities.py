"""chatsrv identity ...: people who sign in with a password."""

from __future__ import annotations

import sys

import click

from chatsrv.cli.output import show
from chatsrv.cli.running import Menu, MenuGroup, pass_menu
from chatsrv.domain.identities import PASSWORD_MAX

READ_MAX = 4 * PASSWORD_MAX + 2
"""Bytes of the longest password in UTF-8, with the end of its line."""


@click.group(cls=MenuGroup)
def identity() -> None:
    """Set the passwords of people who sign in."""


@identity.command("set-password", short_help="Set the password of somebody who signs in.")
@click.argument("email")
@click.option("--app", "app_id", metavar="APP", help="Whose user is meant, where several apps have this email.")
@pass_menu
def set_password(menu: Menu, email: str, app_id: str | None) -> None:
    """Set the password with which the user of this email signs in to the Pulse dialect; where they did, that ends.

    It is asked for twice, and does not show; where nobody can be asked, standard input holds it, on one line.
    Somebody who signs in to several apps belongs to none of them, and only they can change it.

    \b
    Examples:
      chatsrv identity set-password anna@example.org
      pwgen 20 1 | chatsrv identity set-password anna@example.org --app demo
    """
    password = _ask() if sys.stdin.isatty() else _read()
    user = menu.run(lambda services: services.identities.set_password(email, password, app_id))
    show(menu.as_json, {"email": user.email, "app_id": user.app_id, "username": user.username})


def _ask() -> str:
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    return password


def _read() -> str:
    try:
        text = sys.stdin.buffer.read(READ_MAX + 1).decode()
    except UnicodeDecodeError as error:
        raise click.UsageError("the password on standard input must be UTF-8") from error
    line = text.removesuffix("\n").removesuffix("\r")
    if "\n" in line:
        raise click.UsageError("standard input must hold the password alone, on one line")
    return line
