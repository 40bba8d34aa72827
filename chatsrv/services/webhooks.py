"""Webhooks: making, changing and ending them, what went to them, and sending it once more."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import urlsplit

from chatsrv.domain.audit import Act, Action
from chatsrv.domain.clock import Clock
from chatsrv.domain.destinations import Reach, explain_url, is_address
from chatsrv.domain.errors import Invalid, NotFound, Problem, WrongState
from chatsrv.domain.fields import is_storable
from chatsrv.domain.instants import NEVER
from chatsrv.domain.webhooks import DESCRIPTION_MAX, Delivery, DeliveryQuery, Draft, EventType, Replay, Webhook
from chatsrv.services import audit
from chatsrv.services.lookups import Names
from chatsrv.services.telling import Telling
from chatsrv.settings import Settings
from chatsrv.storage import apps as app_rows
from chatsrv.storage import deliveries as delivery_rows
from chatsrv.storage import webhooks as rows
from chatsrv.storage import written
from chatsrv.storage.database import Database, Transaction

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
SECRET_BYTES = 24
FIELDS = ("url", "events", "description", "active")
WHOLE: Mapping[str, Any] = {"events": [], "description": "", "active": True}
UNTRIED: Mapping[str, Any] = {"failing_since": NEVER, "failures": 0, "paused_until": NEVER}
WANTABLE = tuple(one.value for one in EventType if one is not EventType.PING)


class Webhooks:
    """Every method takes the app that the caller proved to belong to."""

    def __init__(self, db: Database, telling: Telling, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._telling = telling
        self._clock = clock
        self._most = settings.webhooks_per_app
        self._old_secret_ms = int(settings.webhook_old_secret_s * 1000)
        self._give_up_ms = int(settings.webhook_give_up_s * 1000)
        self._reach = Reach(settings.webhook_private_addresses, frozenset(settings.webhook_ports))
        self.names = Names()

    async def create(self, app_id: str, values: Mapping[str, Any]) -> Webhook:
        """`values` holds `url` and any other of FIELDS; a ping goes there at once. Raises NotFound and Invalid."""
        if "url" not in values:
            raise Invalid(Problem("url", "is required"))
        checked = await self._check(app_id, {**WHOLE, **values})
        now = self._clock.now()
        fresh = {**checked, "secret": _new_secret(), "created_at": now, "updated_at": now}
        async with self._db.write() as tx:
            await rows.hold_app(tx, app_id) or _no_app(app_id)
            if await rows.count(tx, app_id) >= self._most:
                problem = Problem("url", f"is one too many: an app may have {self._most} webhooks")
                raise Invalid(problem).over("webhooks_per_app")
            webhook = await rows.add(tx, app_id, fresh)
            detail = {"host": _host(webhook), "events": list(webhook.events)}
            await audit.note(tx, now, _act(webhook, Action.WEBHOOK_CREATED, **detail))
            if webhook.active:
                written.note(tx, _ping(webhook, now))
        await self._telling.keep(app_id)
        return webhook

    async def list_all(self, app_id: str) -> list[Webhook]:
        """The oldest first. Raises NotFound."""
        async with self._db.read() as tx:
            await app_rows.get_app(tx, app_id) or _no_app(app_id)
            return await rows.find_all(tx, app_id)

    async def get(self, app_id: str, webhook_id: int) -> Webhook:
        """Raises NotFound."""
        async with self._db.read() as tx:
            return await rows.get(tx, app_id, webhook_id) or _none(webhook_id)

    async def update(self, app_id: str, webhook_id: int, values: Mapping[str, Any]) -> Webhook:
        """Sets the fields given; made active, or sent elsewhere, it begins as if nothing had failed.

        Raises NotFound and Invalid.
        """
        checked = await self._check(app_id, values)
        now = self._clock.now()
        if checked.get("active"):
            checked |= {"disabled_reason": None, **UNTRIED}
        if "url" in checked:
            checked |= UNTRIED
        async with self._db.write() as tx:
            old = await rows.get_for_update(tx, app_id, webhook_id) or _none(webhook_id)
            webhook = await rows.change(tx, webhook_id, {**checked, "updated_at": max(now, old.updated_at + 1)})
            changed = sorted(name for name in FIELDS if getattr(old, name) != getattr(webhook, name))
            await audit.note(tx, now, _act(webhook, Action.WEBHOOK_CHANGED, host=_host(webhook), fields=changed))
        await self._telling.keep(app_id)
        return webhook

    async def delete(self, app_id: str, webhook_id: int) -> None:
        """What was still to go there goes nowhere. Raises NotFound."""
        async with self._db.write() as tx:
            await rows.last_number(tx, app_id)
            webhook = await rows.get_for_update(tx, app_id, webhook_id) or _none(webhook_id)
            await rows.remove(tx, webhook)
            await audit.note(tx, self._clock.now(), _act(webhook, Action.WEBHOOK_DELETED, host=_host(webhook)))
        await self._telling.keep(app_id)

    async def rotate_secret(self, app_id: str, webhook_id: int) -> Webhook:
        """With a new secret; the old one signs along for `webhook_old_secret_s`. Raises NotFound."""
        now = self._clock.now()
        async with self._db.write() as tx:
            old = await rows.get_for_update(tx, app_id, webhook_id) or _none(webhook_id)
            secret = {
                "secret": _new_secret(),
                "old_secret": old.secret,
                "old_secret_ends_at": now + self._old_secret_ms,
                "updated_at": max(now, old.updated_at + 1),
            }
            webhook = await rows.change(tx, webhook_id, secret)
            await audit.note(tx, now, _act(webhook, Action.WEBHOOK_SECRET_ROTATED))
        return webhook

    async def ping(self, app_id: str, webhook_id: int) -> None:
        """Raises NotFound, and WrongState where it is not active."""
        async with self._db.write() as tx:
            webhook = await self._active(tx, app_id, webhook_id)
            written.note(tx, _ping(webhook, self._clock.now()))

    async def deliveries(
        self, app_id: str, webhook_id: int, query: DeliveryQuery
    ) -> tuple[Sequence[Delivery], int | None]:
        """The newest first, and `before` of the next page, if there is one. Raises NotFound."""
        async with self._db.read() as tx:
            await rows.get(tx, app_id, webhook_id) or _none(webhook_id)
            found = await delivery_rows.page(tx, webhook_id, replace(query, limit=query.limit + 1))
        page = found[: query.limit]
        return page, page[-1].id if len(found) > query.limit else None

    async def replay_one(self, app_id: str, webhook_id: int, delivery_id: int) -> Delivery:
        """At once, also where it waits for its next attempt. Raises NotFound, and WrongState."""
        async with self._db.write() as tx:
            webhook = await self._active(tx, app_id, webhook_id)
            await self._replay(tx, webhook, delivery_id, delivery=delivery_id)
            found = await delivery_rows.get(tx, webhook_id, delivery_id)
        return found or _no_delivery(delivery_id)

    async def replay(self, app_id: str, webhook_id: int, which: Replay) -> int:
        """How many are sent once more; what waits anyway is none of them. Raises NotFound, and WrongState."""
        async with self._db.write() as tx:
            webhook = await self._active(tx, app_id, webhook_id)
            status = which.status.value if which.status else None
            return await self._replay(tx, webhook, which, status=status)

    async def _replay(self, tx: Transaction, webhook: Webhook, which: Replay | int, **detail: Any) -> int:
        now = self._clock.now()
        count = await delivery_rows.replay(tx, webhook.id, which, now, now + self._give_up_ms)
        await audit.note(tx, now, _act(webhook, Action.WEBHOOK_REPLAYED, **detail, count=count))
        return count

    async def _active(self, tx: Transaction, app_id: str, webhook_id: int) -> Webhook:
        webhook = await rows.get_for_update(tx, app_id, webhook_id) or _none(webhook_id)
        if not webhook.active:
            raise WrongState("The webhook is not active: nothing is sent to it.")
        return webhook

    async def _check(self, app_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        problems = list(_problems(values, self._reach))
        if not problems and "url" in values:
            problems += await self._look_behind(app_id, values["url"])
        if problems:
            raise Invalid(*problems)
        checked = dict(values)
        if "events" in values:
            checked["events"] = tuple(dict.fromkeys(map(EventType, values["events"])))
        return checked

    async def _look_behind(self, app_id: str, url: str) -> list[Problem]:
        """A name that means private addresses now. What it means later is looked at with each connection."""
        host = urlsplit(url).hostname or ""
        wrong = None if is_address(host) else self._reach.explain_addresses(await self._look_up(app_id, host))
        return [Problem("url", wrong)] if wrong else []

    async def _look_up(self, app_id: str, host: str) -> Sequence[str]:
        """None where that is not known now, or not in time."""
        try:
            return await self.names.look_up(app_id, host)
        except (OSError, UnicodeError):
            return ()


def _problems(values: Mapping[str, Any], reach: Reach) -> Iterator[Problem]:
    """Everything that is wrong with the fields, as far as they themselves tell."""
    for name in values:
        if name not in FIELDS:
            yield Problem(name, "is not known here")
    if "url" in values and (wrong := explain_url(values["url"], reach)):
        yield Problem("url", wrong)
    if "events" in values and (wrong := _explain_events(values["events"])):
        yield Problem("events", wrong)
    if "description" in values and not _is_description(values["description"]):
        yield Problem("description", f"must be a text of at most {DESCRIPTION_MAX} characters")
    if "active" in values and not isinstance(values["active"], bool):
        yield Problem("active", "must be true or false")


def _explain_events(events: Any) -> str | None:
    is_list = isinstance(events, list | tuple) and all(isinstance(word, str) for word in events)
    if is_list and all(word in WANTABLE for word in events):
        return None
    return f"must be a list of {', '.join(WANTABLE)}; an empty one is all of them"


def _is_description(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= DESCRIPTION_MAX and is_storable(text)


def _new_secret() -> str:
    return SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _ping(webhook: Webhook, now: int) -> Draft:
    return Draft(webhook.app_id, EventType.PING, now, {"webhook_id": webhook.id}, webhook.id)


def _act(webhook: Webhook, action: Action, **detail: Any) -> Act:
    return Act(action, webhook.app_id, str(webhook.id), detail)


def _host(webhook: Webhook) -> str:
    """All that is told of a URL: the rest of it may be a secret."""
    return urlsplit(webhook.url).hostname or ""


def _no_app(app_id: str) -> NoReturn:
    raise NotFound(f"There is no app {app_id!r}.")


def _none(webhook_id: int) -> NoReturn:
    raise NotFound(f"There is no webhook {str(webhook_id)!r}.")


def _no_delivery(delivery_id: int) -> NoReturn:
    raise NotFound(f"There is no delivery {str(delivery_id)!r}.")
