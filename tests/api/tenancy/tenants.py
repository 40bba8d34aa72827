"""Two apps on one server, each furnished with one of everything that a request can name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from chatsrv.api.pulse.ids import account_id, role_id
from chatsrv.domain.desk import Relation
from chatsrv.domain.presence import SERVER
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.domain.webhooks import DeliveryQuery
from chatsrv.services import Services
from chatsrv.storage.database import Database
from tests.api.manners import MANNERS
from tests.api.pulse.people import document, id_of
from tests.client import Answer, ApiClient

NATIVE, _, OKSKY, PULSE = MANNERS
PASSWORD = "correct horse"
FAR, FAR_END = 7_000_000, 8_000_000
"""Where the neighbour's numbers begin, so that none of them is anybody else's, nor part of an instant."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """`ids` names one of each kind; `key` may do everything, the others belong to an administrator and a customer."""

    id: str
    key: str
    token: str
    admin_access: str
    customer_access: str
    admin_bearer: str
    customer_bearer: str
    invitation: str
    ids: Mapping[str, str]

    def credentials(self, dialect: str) -> dict[str, str]:
        """What somebody of this app can show there, by what it is."""
        more = {
            "native": {"user token": self.token},
            "panel": {},
            "oksky": {"administrator": self.admin_access, "customer": self.customer_access},
            "pulse": {"administrator": self.admin_bearer, "person": self.customer_bearer},
        }
        return {"server key": self.key, **more[dialect]}


async def begin_far_off(db: Database) -> None:
    """Whatever is made from now on has a number that is as large."""
    async with db.write() as tx:
        await tx.execute(text(EVERY_SEQUENCE))
        await tx.execute(text("UPDATE sqlite_sequence SET seq = :far + rowid * 1000"), {"far": FAR})


EVERY_SEQUENCE = """
INSERT INTO sqlite_sequence (name, seq) SELECT name, 0 FROM sqlite_master
WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%' AND name NOT IN (SELECT name FROM sqlite_sequence)
"""


async def furnish(api: ApiClient, services: Services, app_id: str) -> Tenant:
    app, key = await services.apps.create(app_id, f"The app {app_id}")
    native, pulse = NATIVE.speak(api, key), PULSE.speak(api, key)
    customer, admin, guest = f"{app_id}-anna", f"{app_id}-rob", f"{app_id}-guest"
    root = f"/v1/{app_id}"

    async def made(path: str, body: Mapping[str, Any], method: str = "POST") -> Any:
        return good(await native.request(method, root + path, json=body)).json

    async def person(username: str, **fields: Any) -> Any:
        fields |= {"username": username, "email": f"{username}@x.org", "external_id": f"{username}-external"}
        return await services.users.create(app_id, fields, SERVER, PASSWORD)

    anna = (await person(customer)).user
    rob = (await person(admin, role="admin")).user
    about = f"/users/{customer}"
    channel = await made("/channels", {"subject": "Room", "uri": f"{app_id}-uri", "type": 1, "owner": customer})
    member = await services.channels.membership_of(app_id, channel["id"], anna.id)
    support = await made("/supports", {"channel_id": channel["id"], "customer": admin, "agent": customer})
    memo = await made(f"{about}/memos", {"text": "A memo", "author": customer})
    draft = await made(f"{about}/drafts/{channel['id']}", {"text": "A draft"}, "PUT")
    support_draft = await made(f"{about}/support_drafts/{support['id']}", {"text": "A draft"}, "PUT")
    await made(f"{about}/infos/{app_id}-info", {"value": "1"}, "PUT")
    await made(f"{about}/widget_settings/{app_id}-setting", {"value": "1"}, "PUT")
    server = await made("/servers", {"name": "A server", "owner": admin})
    for star in (f"{about}/starred_channels/{channel['id']}", f"{about}/starred_customers/{admin}"):
        good(await native.put(root + star))
    team = id_of(await pulse.post("/api/v1/teams", document("teams", name=f"{app_id} team")), 201)
    body = document("team_memberships", team_id=team, user_id=anna.uuid)
    team_membership = id_of(await pulse.post("/api/v1/team_memberships", body), 201)
    await services.users.create(app_id, {"username": guest, "email": f"{guest}@x.org"}, SERVER)
    invited = id_of(await pulse.post("/api/v1/users", document("users", name="New", email=f"{app_id}-new@x.org")), 201)
    invitation = good(await pulse.post(f"/api/v1/users/{invited}/invite?meta[invitation]=token"))
    session = NewSession(uuid4().hex, f"{app_id}-client", True, Device.WEB, False, "websocket", "127.0.0.1")
    await services.presence.open(app, anna, session)
    signed_in = [await services.bearers.sign_in(f"{name}@x.org", PASSWORD) for name in (admin, customer)]
    webhook = await services.webhooks.create(app_id, {"url": f"https://8.8.8.8/{app_id}"})
    [ping], _ = await services.webhooks.deliveries(app_id, webhook.id, DeliveryQuery(1))
    await services.sign_ins.flush()
    await services.clocks.flush()
    of_anna = {
        kind: (await services.desk.links(app_id, relation, [anna.id]))[anna.id][0]
        for kind, relation in (("info", Relation.INFOS), ("setting", Relation.WIDGET_SETTINGS))
    }
    [sign_in, *_], _ = await services.sign_ins.page(app_id, anna.id, SERVER, 1, 0)
    return Tenant(
        app_id,
        key,
        (await services.callers.mint_token(app, customer, 3600))[0],
        await services.access_tokens.issue(app_id, admin),
        await services.access_tokens.issue(app_id, customer),
        signed_in[0].token,
        signed_in[1].token,
        invitation.json["data"]["meta"]["invitation"]["token"],
        {
            "app": app_id,
            "username": customer,
            "other": admin,
            "user": str(anna.id),
            "other user": str(rob.id),
            "uuid": anna.uuid,
            "other uuid": rob.uuid,
            "external": f"{customer}-external",
            "email": f"{customer}@x.org",
            "session": session.id,
            "channel": str(channel["id"]),
            "uri": f"{app_id}-uri",
            "member": str(member.id),
            "support": str(support["id"]),
            "memo": str(memo["id"]),
            "draft": str(draft["id"]),
            "support draft": str(support_draft["id"]),
            "info": str(of_anna["info"]),
            "info name": f"{app_id}-info",
            "setting": str(of_anna["setting"]),
            "setting name": f"{app_id}-setting",
            "sign-in": str(sign_in.id),
            "server": str(server["id"]),
            "team": team,
            "team membership": team_membership,
            "account": account_id(app_id),
            "role": role_id(app_id, "admin"),
            "webhook": str(webhook.id),
            "delivery": str(ping.id),
        },
    )


def missing(theirs: Mapping[str, str]) -> dict[str, str]:
    """For each of these something of the same form and length that there is not."""
    return {kind: _another(kind, value) for kind, value in theirs.items()}


def _another(kind: str, value: str) -> str:
    if value.isdigit():
        return f"8{value[1:]}"
    if kind in ("uuid", "other uuid", "team", "team membership", "account", "role"):
        return str(uuid4())
    return uuid4().hex if kind == "session" else f"{value.replace('next-door', 'next-roof')}"


def good(answer: Answer) -> Answer:
    assert answer.status < 300, answer.body
    return answer
