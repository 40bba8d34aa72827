"""What a shell offers in the place of an app's id and of a username: those that there are, where that is quick."""

from __future__ import annotations

import asyncio
import io
import os
import re
from contextlib import redirect_stderr

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from chatsrv import logs, settings

PATIENCE_S = 2.0
HARMLESS = re.compile(r"[\w@%+=:,./][\w@%+=:,./-]*")
"""Names that mean nothing to a shell, which puts them in as they are: people choose them, and operators press Enter."""


class AppId(StringParamType):
    """Where `app create` wants a new one there is nothing to offer."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        if ctx.command_path.endswith("app create"):
            return []
        return _offer(ctx, None, incomplete)


class Username(StringParamType):
    """Of the app that stands before it."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        app_id = ctx.params.get("app_id")
        return _offer(ctx, app_id, incomplete) if app_id else []


TYPES = {"app_id": AppId(), "username": Username()}
"""By the name of the parameter."""


def offer_names(params: list[click.Parameter]) -> None:
    """Lets shells ask for the names that these parameters take, where they take any text."""
    for param in params:
        if param.name in TYPES and type(param.type) is StringParamType:
            param.type = TYPES[param.name]


def _offer(context: click.Context, app_id: str | None, beginning: str) -> list[CompletionItem]:
    """Nothing, where anything is in the way: whoever presses a key in a shell has asked for no error."""
    with redirect_stderr(io.StringIO()):
        try:
            names = asyncio.run(_find(context, app_id, beginning))
        except Exception:
            return []
    return [CompletionItem(name) for name in names if name.startswith(beginning) and HARMLESS.fullmatch(name)]


async def _find(context: click.Context, app_id: str | None, beginning: str) -> list[str]:
    """The users of the app, or (None) apps."""
    from chatsrv.services.names import find_app_ids, find_usernames

    given = settings.load(os.environ, getattr(context.find_root().obj, "config", None)).settings
    logs.configure("text", "error")
    async with asyncio.timeout(PATIENCE_S):
        if app_id is None:
            return await find_app_ids(given, beginning)
        return await find_usernames(given, app_id, beginning)
