"""How a command runs: the words that every command takes, settings and services opened, and what to do on a failure.

To load the services takes most of a command's start. What asks for help, or is wrong, need not wait for it: here and in
the modules of the commands they are imported where something is done.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import platform
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chatsrv import logs, settings
from chatsrv.cli.completing import offer_names
from chatsrv.domain.audit import Actor, ActorKind
from chatsrv.domain.errors import ChatError, Conflict, Invalid, NotFound, Unavailable, UserNotFound
from chatsrv.settings import Loaded, Settings

if TYPE_CHECKING:
    from chatsrv.services import Services

T = TypeVar("T")


@dataclass(slots=True)
class Menu:
    """What any command may be given, wherever it stands among the words."""

    as_json: bool = False
    config: Path | None = None

    def load(self, **options: Any) -> Loaded:
        """All settings; options that are None were not given. Logs go to standard error from here on."""
        loaded = settings.load(os.environ, self.config, options)
        logs.configure(loaded.settings.log_format, loaded.settings.log_level)
        for warning in loaded.warnings:
            click.echo(f"chatsrv: {warning}", err=True)
        return loaded

    def load_quietly(self) -> Settings:
        """For commands with an answer of their own: what a server logs at its start would only stand in its way."""
        return self.load(log_level=None if os.environ.get("CHATSRV_LOG_LEVEL") else "warning").settings

    def run(
        self, work: Callable[[Services], Awaitable[T]], *, with_presence: bool = False, look_in: str = "app list"
    ) -> T:
        """Opens the services beside a server that may run, and closes them again. Raises ClickException.

        Only with presence is a Redis there for sure; without it no command keeps another from starting.
        `look_in` is the command that tells the right names to whoever gave a wrong one.
        """
        loaded = self.load_quietly()
        from chatsrv.cli.visiting import visit

        with explaining(loaded, look_in):
            return asyncio.run(visit(loaded, work, _operator(), with_presence=with_presence))


@contextmanager
def explaining(loaded: Settings, look_in: str = "app list") -> Iterator[None]:
    """What the services refuse, in words for whoever typed it. Raises ClickException."""
    try:
        yield
    except Invalid as error:
        raise click.UsageError(str(error), click.get_current_context()) from error
    except Unavailable:
        raise
    except ChatError as error:
        raise click.ClickException(f"{error}{_advise(error, loaded, look_in)}") from error


def _operator() -> Actor:
    """Whoever runs the command, and whom they became for it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # nobody has this number, as in some containers
        user = str(os.getuid())
    return Actor(ActorKind.CLI, user, os.environ.get("SUDO_USER", ""), platform.node())


def _advise(error: ChatError, loaded: Settings, look_in: str) -> str:
    """What to do now, in brackets."""
    match error:
        case UserNotFound():
            return " (make them first, through the API or with chatsrv user import)"
        case NotFound():
            where = "" if loaded.database_url else f"; the data folder is {Path(loaded.data_dir).resolve()}"
            return f" (chatsrv {look_in} tells which there are{where})"
        case Conflict(field="appId"):
            return " (choose another id, or make a key for it: chatsrv key create)"
        case _:
            return ""


pass_menu = click.make_pass_decorator(Menu)


class MenuCommand(click.Command):
    """Takes --config and --json among its own words, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_names(self.params)
        self.params += _everywhere()


class MenuGroup(click.Group):
    """Lists its commands in the order in which they are wanted, not in the alphabet's."""

    command_class = MenuCommand
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _everywhere()

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)


def _everywhere() -> list[click.Parameter]:
    file = click.Path(path_type=Path, exists=True, dir_okay=False)
    return [
        click.Option(
            ["--config"], type=file, expose_value=False, callback=_take_config, help="A TOML file with settings."
        ),
        click.Option(
            ["--json"], is_flag=True, expose_value=False, callback=_take_json, help="Answer in JSON, for machines."
        ),
    ]


def _take_config(context: click.Context, _option: click.Parameter, file: Path | None) -> None:
    menu = context.ensure_object(Menu)
    menu.config = file or menu.config


def _take_json(context: click.Context, _option: click.Parameter, is_given: bool) -> None:
    menu = context.ensure_object(Menu)
    menu.as_json = is_given or menu.as_json
