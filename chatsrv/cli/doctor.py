"""chatsrv doctor: one line for each check, with the mend."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from chatsrv.cli.output import plain, show_list
from chatsrv.cli.running import Menu, MenuCommand, pass_menu

if TYPE_CHECKING:
    from chatsrv.cli.findings import Finding

COLOURS = {"ok": "green", "note": "yellow", "fail": "red"}


@click.command(cls=MenuCommand, short_help="Check everything, and say how to mend what fails.")
@pass_menu
def doctor(menu: Menu) -> None:
    """Check what a server needs, and say how to mend what is not right: one line for each check.

    Settings, port (and what answers there), open files, data folder and its disk, database, migrations, webhooks that
    are behind, Redis, clock, and the servers that run.
    It may run beside a server, or before its first start, and takes some seconds at the most. What works is ok, what
    an operator should know is a note, what keeps a server from working is a fail, and the exit status is then 1.

    \b
    Examples:
      chatsrv doctor
      chatsrv doctor --json | jq '.[] | select(.state != "ok")'
      DATABASE_URL=postgres://user:password@host/name chatsrv doctor
    """
    from chatsrv.cli.examining import examine

    findings = asyncio.run(examine(menu))
    if menu.as_json:
        show_list(True, findings, "")
    else:
        for finding in findings:
            click.echo(_in_a_line(finding), color=False if os.environ.get("NO_COLOR") else None)
    if any(finding["state"] == "fail" for finding in findings):
        sys.exit(1)


def _in_a_line(finding: Finding) -> str:
    state = click.style(f"{finding['state']:<4}", fg=COLOURS[finding["state"]])
    mend = click.style(f" -> {plain(finding['mend'])}", bold=True) if finding["mend"] else ""
    return f"{state}  {finding['check']:<11}  {plain(finding['found'])}{mend}"
