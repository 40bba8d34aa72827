"""chatsrv audit: who did what."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from chatsrv.cli.durations import read_past
from chatsrv.cli.output import show_list
from chatsrv.cli.running import Menu, MenuCommand, pass_menu
from chatsrv.domain.audit import Action, AuditQuery, Entry
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text

HELP = f"""Tell which administrative acts were done in an app, by whom and from where: the latest, the newest last.

An action is one of {", ".join(Action)}. What people do to themselves is not among it. An app that was deleted still has
its entries, for as long as the setting audit_kept_days says.

\b
Examples:
  chatsrv audit demo
  chatsrv audit demo --since 7d --action key_created --action key_revoked
  chatsrv audit demo --subject anna --limit 500 --json
"""


@click.command(cls=MenuCommand, help=HELP, short_help="Tell who did what to keys, users and the app.")
@click.argument("app_id", metavar="APP")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@click.option("--since", metavar="WHEN", help="No older than 90s, 12h or 30d, or than a date (2027-01-31).")
@click.option(
    "--action",
    "actions",
    multiple=True,
    type=click.Choice([action.value for action in Action]),
    metavar="ACTION",
    help="These alone; may be given several times.",
)
@click.option("--subject", metavar="NAME", help="To this user alone, by the name that they had then; or to this key.")
@pass_menu
def audit(
    menu: Menu, app_id: str, limit: int, since: str | None, actions: tuple[str, ...], subject: str | None
) -> None:
    query = AuditQuery(limit, read_past(since, Clock().now()), actions, subject)
    found = menu.run(lambda services: services.audit.find(app_id, query))
    rows = [_describe(entry) if menu.as_json else _in_a_line(entry) for entry in found]
    show_list(menu.as_json, rows, "There is no such entry.")


def _describe(entry: Entry) -> dict[str, Any]:
    return {
        "at": to_text(entry.created_at),
        "action": entry.action,
        "subject": entry.subject,
        "actor": {"kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name},
        "address": entry.address,
        "request_id": entry.request_id,
        "detail": entry.detail,
    }


def _in_a_line(entry: Entry) -> dict[str, Any]:
    by = f"{entry.actor_kind} {entry.actor_id}{f' ({entry.actor_name})' if entry.actor_name else ''}".rstrip()
    return {
        "at": to_text(entry.created_at),
        "action": entry.action,
        "subject": entry.subject,
        "by": by,
        "from": entry.address or None,
        "request": entry.request_id or None,
        "detail": msgspec.json.encode(entry.detail).decode(),
    }
