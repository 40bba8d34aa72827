"""chatsrv webhook ...: where the events of an app go, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chatsrv.cli.output import show, show_list
from chatsrv.cli.running import Menu, MenuGroup, pass_menu
from chatsrv.domain.instants import NEVER, from_text, to_text, to_text_or_none
from chatsrv.domain.webhooks import Delivery, DeliveryQuery, DeliveryStatus, EventType, Replay, Webhook

if TYPE_CHECKING:
    from chatsrv.services import Services

EVENTS = tuple(one.value for one in EventType if one is not EventType.PING)
ONCE = "Keep the secret now: it is not shown again. Your receiver verifies with it what comes: see docs/webhooks.md"
ADD_HELP = f"""Have the events of an app posted to a URL. A ping goes there at once.

An event is one of {", ".join(EVENTS)}; --event may be given several times.

\b
Examples:
  chatsrv webhook add demo https://shop.example/hooks
  chatsrv webhook add demo https://shop.example/hooks --event user.created --event user.deleted
  SECRET=$(chatsrv webhook add demo https://shop.example/hooks --json | jq -r .secret)
"""


@click.group(cls=MenuGroup)
def webhook() -> None:
    """Tell your backend what happens in an app."""


@webhook.command(help=ADD_HELP, short_help="Have events posted to a URL; the secret is shown this once.")
@click.argument("app_id", metavar="APP")
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, type=click.Choice(EVENTS), metavar="EVENT", help="What for; all if not given."
)
@click.option("--description", default="", help="What it is for.")
@pass_menu
def add(menu: Menu, app_id: str, url: str, events: tuple[str, ...], description: str) -> None:
    values = {"url": url, "events": list(events), "description": description}
    made = menu.run(lambda services: services.webhooks.create(app_id, values))
    show(menu.as_json, {"id": made.id, "secret": made.secret}, ONCE)


@webhook.command("list")
@click.argument("app_id", metavar="APP")
@pass_menu
def list_(menu: Menu, app_id: str) -> None:
    """List the webhooks of an app.

    \b
    Examples:
      chatsrv webhook list demo
    """
    found = menu.run(lambda services: services.webhooks.list_all(app_id))
    rows = [_in_brief(one) for one in found]
    show_list(menu.as_json, rows, f"The app {app_id} has no webhook. Make one: chatsrv webhook add {app_id} URL")


@webhook.command("show")
@click.argument("app_id", metavar="APP")
@click.argument("webhook_id", metavar="ID", type=int)
@pass_menu
def show_(menu: Menu, app_id: str, webhook_id: int) -> None:
    """Show one webhook, and how it is doing.

    \b
    Examples:
      chatsrv webhook show demo 3
    """
    found = menu.run(lambda services: services.webhooks.get(app_id, webhook_id), look_in=f"webhook list {app_id}")
    show(menu.as_json, _in_full(found))


@webhook.command()
@click.argument("app_id", metavar="APP")
@click.argument("webhook_id", metavar="ID", type=int)
@pass_menu
def remove(menu: Menu, app_id: str, webhook_id: int) -> None:
    """Send nothing there any more.

    The log of what went there is gone, too. To stop for a while: chatsrv webhook disable APP ID

    \b
    Examples:
      chatsrv webhook remove demo 3
    """
    menu.run(lambda services: services.webhooks.delete(app_id, webhook_id), look_in=f"webhook list {app_id}")
    show(menu.as_json, {"removed": webhook_id})


@webhook.command()
@click.argument("app_id", metavar="APP")
@click.argument("webhook_id", metavar="ID", type=int)
@pass_menu
def ping(menu: Menu, app_id: str, webhook_id: int) -> None:
    """Send an event that says nothing, to see it arrive.

    \b
    Examples:
      chatsrv webhook ping demo 3
    """
    menu.run(lambda services: services.webhooks.ping(app_id, webhook_id), look_in=f"webhook list {app_id}")
    note = f"A running server sends it within a second: chatsrv webhook deliveries {app_id} {webhook_id}"
    show(menu.as_json, {"pinged": webhook_id}, note)


@webhook.command()
@click.argument("app_id", metavar="APP")
@click.argument("webhook_id", metavar="ID", type=int)
@pass_menu
def enable(menu: Menu, app_id: str, webhook_id: int) -> None:
    """Send again to one that was disabled.

    What failed meanwhile is sent once more by: chatsrv webhook replay APP ID --status failed

    \b
    Examples:
      chatsrv webhook enable demo 3
    """
    look_in = f"webhook list {app_id}"
    made = menu.run(lambda services: services.webhooks.update(app_id, webhook_id, {"active": True}), look_in=look_in)
    show(menu.as_json, _in_full(made))


@webhook.command()
@click.argument("app_id", metavar="APP")
@click.argument("webhook_id", metavar="ID", type=int)
@pass_menu
def disable(menu: Menu, app_id: str, webhook_id: int) -> None:
    """Send nothing until it is enabled.

    What waits goes on then; what happens meanwhile is not kept for it.

    \b
    Examples:
      chatsrv webhook disable demo 3
    """
    look_in = f"webhook list {app_id}"
    made = menu.run(lambda services: services.webhooks.update(app_id, webhook_id, {"active": False}), look_in=look_in)
    show(menu.as_json, _in_full(made))


@webhook.command("rotate-secret")
@click.argument("app_id", metavar="APP")
@click.argument("webhook_id", metavar="ID", type=int)
@pass_menu
def rotate_secret(menu: Menu, app_id: str, webhook_id: int) -> None:
    """Make a new secret; the old one signs along for a day.

    Within it give the new one to your receiver, which verifies with either.

    \b
    Examples:
      chatsrv webhook rotate-secret demo 3
    """
    look_in = f"webhook list {app_id}"
    made = menu.run(lambda services: services.webhooks.rotate_secret(app_id, webhook_id), look_in=look_in)
    show(menu.as_json, {"secret": made.secret, "old_until": to_text(made.old_secret_ends_at)}, ONCE)


@webhook.command()
@click.argument("app_id", metavar="APP")
@click.argument("webhook_id", metavar="ID", type=int)
@click.option("--status", type=click.Choice([one.value for one in DeliveryStatus]), help="Only those in this state.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many, the newest.")
@pass_menu
def deliveries(menu: Menu, app_id: str, webhook_id: int, status: str | None, limit: int) -> None:
    """List what went to a webhook, the newest first.

    \b
    Examples:
      chatsrv webhook deliveries demo 3
      chatsrv webhook deliveries demo 3 --status failed --json
    """
    query = DeliveryQuery(limit, DeliveryStatus(status) if status else None)
    found, _ = menu.run(
        lambda services: services.webhooks.deliveries(app_id, webhook_id, query), look_in=f"webhook list {app_id}"
    )
    show_list(menu.as_json, [_of_delivery(one) for one in found], "Nothing went there.")


@webhook.command()
@click.argument("app_id", metavar="APP")
@click.argument("webhook_id", metavar="ID", type=int)
@click.argument("delivery_id", metavar="[DELIVERY]", type=int, required=False)
@click.option("--status", type=click.Choice([one.value for one in DeliveryStatus]), help="Only those in this state.")
@click.option("--from", "since", metavar="DATE", help="Those since then: 2027-01-31, or RFC 3339.")
@click.option("--to", "until", metavar="DATE", help="Those until then.")
@pass_menu
def replay(
    menu: Menu,
    app_id: str,
    webhook_id: int,
    delivery_id: int | None,
    status: str | None,
    since: str | None,
    until: str | None,
) -> None:
    """Send events once more.

    One delivery, by its number, or all those of a time or a state. They have the same id as before.

    \b
    Examples:
      chatsrv webhook replay demo 3 --status failed
      chatsrv webhook replay demo 3 --from 2027-01-31
      chatsrv webhook replay demo 3 1234
    """
    is_range = bool(status or since or until)
    if is_range == (delivery_id is not None):
        raise click.UsageError("name one delivery, or say which with --status, --from and --to")
    which = Replay(_instant(since), _instant(until), DeliveryStatus(status) if status else None)

    async def send_again(services: Services) -> int:
        if delivery_id is None:
            return await services.webhooks.replay(app_id, webhook_id, which)
        await services.webhooks.replay_one(app_id, webhook_id, delivery_id)
        return 1

    count = menu.run(send_again, look_in=f"webhook deliveries {app_id} {webhook_id}")
    show(menu.as_json, {"replayed": count})


def _instant(text: str | None) -> int:
    if text is None:
        return NEVER
    try:
        return from_text(text)
    except ValueError as error:
        raise click.UsageError(f"{text} {error}") from error


def _state(one: Webhook) -> str:
    if not one.active:
        return "disabled"
    return "failing" if one.failing_since else "active"


def _in_brief(one: Webhook) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": _state(one),
        "last_delivery_at": to_text_or_none(one.last_delivery_at),
        "events": [event.value for event in one.events] or ["all"],
        "url": one.url,
    }


def _in_full(one: Webhook) -> dict[str, Any]:
    more = {
        "description": one.description,
        "created_at": to_text(one.created_at),
        "updated_at": to_text(one.updated_at),
        "failing_since": to_text_or_none(one.failing_since),
        "disabled_reason": one.disabled_reason,
    }
    return {**_in_brief(one), **more}


def _of_delivery(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "seq": one.seq,
        "type": one.type,
        "status": one.status.value,
        "attempts": one.attempts,
        "created_at": to_text(one.created_at),
        "next_attempt_at": to_text_or_none(one.next_attempt_at),
        "last_error": one.last_error,
    }
