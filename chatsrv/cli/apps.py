"""chatsrv app ...: the tenants."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chatsrv.cli.durations import read_duration
from chatsrv.cli.output import show, show_list
from chatsrv.cli.running import Menu, MenuGroup, pass_menu
from chatsrv.domain.apps import App
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text
from chatsrv.settings import PER_APP

if TYPE_CHECKING:
    from chatsrv.services import Services

SET_HELP = f"""Change the name or one setting of an app, or add a public key that verifies user tokens.

The settings are {", ".join(sorted(PER_APP))}. Nothing behind the = goes back to the server's own value; @FILE reads
the value from a file.

\b
Examples:
  chatsrv app set demo name="Our shop"
  chatsrv app set demo grace_s=5
  chatsrv app set demo grace_s=
  chatsrv app set demo allowed_origins=https://shop.example,https://www.shop.example
  chatsrv app set demo public_key=@tokens.pem
"""


@click.group(cls=MenuGroup)
def app() -> None:
    """Make, change and delete apps, the tenants."""


@app.command(short_help="Make an app with its first server key.")
@click.argument("app_id", metavar="ID")
@click.option("--name", help="What people call it; the id if not given.")
@pass_menu
def create(menu: Menu, app_id: str, name: str | None) -> None:
    """Make an app with its first server key. The key is shown this once.

    An ID is 1 to 63 of a-z, 0-9, - and _, and begins with a letter or digit. The jwt_secret signs the tokens of the
    app's users, should your backend make them itself.

    \b
    Examples:
      chatsrv app create shop
      chatsrv app create shop --name "Our shop" --json
    """
    made, key = menu.run(lambda services: services.apps.create(app_id, name))
    value = {"app_id": made.id, "key": key, "jwt_secret": made.jwt_secret}
    show(menu.as_json, value, "Keep both now: they are shown this once.")


@app.command("list", short_help="List all apps, with the number of their users.")
@pass_menu
def list_(menu: Menu) -> None:
    """List all apps, with the number of their users.

    \b
    Examples:
      chatsrv app list
      chatsrv app list --json | jq -r '.[].app_id'
    """
    found = menu.run(lambda services: services.apps.list_apps())
    rows = [{"app_id": one.id, "users": n, "created_at": to_text(one.created_at), "name": one.name} for one, n in found]
    show_list(menu.as_json, rows, "There is no app yet. Make one: chatsrv app create demo")


@app.command("show", short_help="Show an app's settings, but no secret.")
@click.argument("app_id", metavar="ID")
@pass_menu
def show_(menu: Menu, app_id: str) -> None:
    """Show an app's settings, but no secret.

    Settings that are not among them are the server's own, which chatsrv config shows.

    \b
    Examples:
      chatsrv app show shop
    """

    async def read(services: Services) -> dict[str, Any]:
        found = await services.apps.get(app_id)
        keys = await services.apps.list_keys(app_id)
        return _describe(found) | {"users": await services.users.count(app_id), "keys": len(keys)}

    show(menu.as_json, menu.run(read))


@app.command("set", help=SET_HELP, short_help="Change an app's name or one of its settings.")
@click.argument("app_id", metavar="ID")
@click.argument("assignment", metavar="NAME=VALUE")
@pass_menu
def set_(menu: Menu, app_id: str, assignment: str) -> None:
    name, equals, value = assignment.partition("=")
    if not equals:
        raise click.UsageError(f"write it as NAME=VALUE, such as {name}=5")
    if value.startswith("@"):
        value = _read_file(Path(value[1:]))
    changed = menu.run(lambda services: services.apps.change_setting(app_id, name, value))
    show(menu.as_json, _describe(changed))


@app.command("rotate-secret", short_help="Give an app a new jwt_secret, without a gap.")
@click.argument("app_id", metavar="ID")
@click.option("--keep", default="1d", show_default=True, help="How long the old secret counts: 0, 15m, 1h, 1d.")
@pass_menu
def rotate_secret(menu: Menu, app_id: str, keep: str) -> None:
    """Give an app a new jwt_secret, which is shown this once.

    Tokens signed with the old one are good until --keep is over, so that your backend can change over in its own time;
    what --keep has outlived is refused, and its sockets close. --keep 0 ends every earlier secret at once, on every
    node within a second: for a secret that has leaked.

    \b
    Examples:
      chatsrv app rotate-secret shop
      chatsrv app rotate-secret shop --keep 0
    """
    keep_s = 0 if keep.rstrip("smhd") == "0" else read_duration(keep)
    changed = menu.run(lambda services: services.signing.rotate_secret(app_id, keep_s))
    kept = [to_text(old.ends_at) for old in changed.old_secrets]
    value = {"app_id": app_id, "jwt_secret": changed.jwt_secret, "old_secrets_until": kept}
    show(menu.as_json, value, "Keep it now: it is shown this once.")


@app.command("remove-public-key", short_help="Take away one of an app's public keys.")
@click.argument("app_id", metavar="ID")
@click.argument("key_id", metavar="KEY")
@pass_menu
def remove_public_key(menu: Menu, app_id: str, key_id: str) -> None:
    """Take away one of the public keys that verify an app's tokens. What it verified is refused, its sockets close.

    KEY is what `chatsrv app show ID` tells behind the algorithm. To take all away: chatsrv app set ID public_key=

    \b
    Examples:
      chatsrv app remove-public-key shop 1f0c9a2b
    """
    changed = menu.run(
        lambda services: services.signing.remove_public_key(app_id, key_id), look_in=f"app show {app_id}"
    )
    show(menu.as_json, _describe(changed))


@app.command(short_help="Delete an app with all its users, for good.")
@click.argument("app_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")
@pass_menu
def delete(menu: Menu, app_id: str, yes: bool) -> None:
    """Delete an app with all its users and keys, for good. Their sockets close.

    It asks first. What must not be lost is kept by: chatsrv user export ID people.ndjson

    \b
    Examples:
      chatsrv app delete shop
      chatsrv app delete shop --yes
    """
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(f"deleting {app_id!r} with all its users is for good; add --yes")

    async def read(services: Services) -> int:
        await services.apps.get(app_id)
        return await services.users.count(app_id)

    async def remove(services: Services) -> int:
        await services.apps.get(app_id)
        users = await services.users.empty(app_id)
        await services.apps.delete(app_id)
        return users

    if not yes:
        click.confirm(f"Delete the app {app_id!r} with its {menu.run(read)} users, for good?", abort=True, err=True)
    show(menu.as_json, {"deleted": app_id, "users": menu.run(remove, with_presence=True)})


def _read_file(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"cannot read {path}: {getattr(error, 'strerror', 'it is no text')}") from error


def _describe(app: App) -> dict[str, Any]:
    now = Clock().now()
    return {
        "app_id": app.id,
        "name": app.name,
        "created_at": to_text(app.created_at),
        "settings": dict(app.settings),
        "public_keys": [f"{key.algorithm} {key.id}" for key in app.public_keys],
        "old_secrets_until": [to_text(old.ends_at) for old in app.old_secrets if now < old.ends_at],
    }
