"""How a command runs: settings and services opened, failures turned into one line and an exit status."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from chatsrv import logs, settings
from chatsrv.services import Services, open_services
from chatsrv.services.migrations import ensure_current
from chatsrv.settings import Loaded

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Menu:
    """What stands before the command's own words."""

    as_json: bool
    config: Path | None

    def load(self, **options: Any) -> Loaded:
        """All settings; options that are None were not given. Logs go to standard error from here on."""
        loaded = settings.load(os.environ, self.config, options)
        logs.configure(loaded.settings.log_format, loaded.settings.log_level)
        for warning in loaded.warnings:
            click.echo(f"chatsrv: {warning}", err=True)
        return loaded

    def run(self, work: Callable[[Services], Awaitable[T]]) -> T:
        """Opens the services beside a server that may run, and closes them again."""

        async def main() -> T:
            async with self.services() as services:
                return await work(services)

        return asyncio.run(main())

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        loaded = self.load(log_level=None if os.environ.get("CHATSRV_LOG_LEVEL") else "warning")
        async with open_services(loaded.settings, as_guest=True) as services:
            await ensure_current(services.db)
            yield services


pass_menu = click.make_pass_decorator(Menu)
