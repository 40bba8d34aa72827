"""chatsrv config: the settings, their values, and where these come from."""

from __future__ import annotations

import difflib
import os
from typing import Any

import click
import msgspec

from chatsrv.cli.output import plain
from chatsrv.cli.running import Menu, MenuCommand, pass_menu
from chatsrv.cli.settings_shown import describe_one, env_file, in_words
from chatsrv.settings import SettingInfo, describe


@click.command(cls=MenuCommand, short_help="Show each setting, its value, and where it came from.")
@click.argument("name", required=False)
@click.option("--changed", is_flag=True, help="Only what is not as it comes.")
@click.option("--env", is_flag=True, help="Print an example file for the environment, with every setting's default.")
@pass_menu
def config(menu: Menu, name: str | None, changed: bool, env: bool) -> None:
    """Show every setting, or the one of this NAME: its value, where that came from, and what it does.

    A value comes from the defaults, the TOML file named by --config or CHATSRV_CONFIG, or the environment; the later
    wins. Passwords are shown as ***. Nothing is opened and nothing is changed: the values are those that a server would
    take that starts here and now.

    \b
    Examples:
      chatsrv config
      chatsrv config grace_s
      chatsrv config --changed
      chatsrv config --env > chatsrv.env
      chatsrv config --json | jq -r '.[] | select(.source != "default") | .name'
    """
    infos = _chosen(name)
    if env and menu.as_json:
        raise click.UsageError("--env prints a file for the environment, and --json none")
    if env:
        click.echo(env_file(infos))
        return
    loaded = menu.load()
    rows = [describe_one(info, loaded) for info in infos]
    if changed:
        rows = [row for row in rows if row["source"] != "default"]
    if menu.as_json:
        click.echo(msgspec.json.encode(rows[0] if name and rows else rows).decode())
        return
    for row in rows:
        _print(row)
    if not rows:
        click.echo("Everything is as it comes.")


def _chosen(name: str | None) -> list[SettingInfo]:
    infos = describe()
    if name is None:
        return infos
    wanted = name.lower().removeprefix("chatsrv_")
    found = [info for info in infos if info.name == wanted]
    if not found:
        near = difflib.get_close_matches(wanted, [info.name for info in infos], n=1)
        raise click.UsageError(f"there is no setting {name!r}" + (f". Did you mean {near[0]!r}?" if near else ""))
    return found


def _print(row: dict[str, Any]) -> None:
    """Two lines: what it is, and what that means."""
    color = False if os.environ.get("NO_COLOR") else None
    is_default = row["source"] == "default"
    head = click.style(f"{row['name']} = {plain(in_words(row['value'])) or '(empty)'}", bold=not is_default)
    origin = "" if is_default else f"   (from {plain(row['source'])}; default {in_words(row['default']) or 'empty'})"
    click.echo(head + click.style(origin, fg="yellow"), color=color)
    click.echo(f"    {row['description']}  {', '.join(row['variables'])}", color=color)
