"""What the panel checks before a handler runs, in its order, and what it finds on the way."""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from chatsrv.api import admission
from chatsrv.api.bodies import decode_json, read_body
from chatsrv.api.dialect import ALLOWANCE, Call, OpenCall, Route
from chatsrv.api.panel.errors import BadJson, ForeignAddress
from chatsrv.domain.apps import Caller
from chatsrv.domain.errors import Forbidden, Malformed, NotFound
from chatsrv.domain.servers import Server
from chatsrv.domain.users import ExternalId, User

BODY: web.RequestKey[dict[str, Any]] = web.RequestKey("panel_body", dict)
USER: web.RequestKey[User] = web.RequestKey("panel_user", User)
SERVER: web.RequestKey[Server] = web.RequestKey("panel_server", Server)

FORM = "application/x-www-form-urlencoded"
FORM_FIELDS_MAX = 1000
KEPT_BLANKS = ("password",)
BLANKS = "\ufeff\u200b"
"""What is trimmed besides white space."""
ID_DIGITS = 19


async def identify(call: OpenCall) -> Caller:
    """A server key; the scheme is case-sensitive, as on the panel."""
    header = call.request.headers.get("Authorization", "")
    credential = header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else None
    return await admission.identify_with(call, credential, call.services.callers.identify_key)


async def count_request(call: Call, _: Route) -> None:
    """Apart from what the key asks in other dialects."""
    call.request[ALLOWANCE] = call.services.allowances.count_panel_request(call.caller)


async def check_body(call: Call, _: Route) -> None:
    """A body that is no JSON object has no fields. Raises BadJson and TooLarge."""
    body = await read_body(call.request, call.services.settings.body_max_bytes)
    value = _decode(call.request, body) if body else {}
    fields = value if isinstance(value, dict) else {}
    call.request[BODY] = {name: _trim(name, item) for name, item in fields.items()}


def _decode(request: web.Request, body: bytes) -> Any:
    """A form only where it says so and looks so; anything else is to be JSON, whatever its type."""
    try:
        if request.content_type == FORM and not body.lstrip().startswith((b"{", b"[")):
            text = body.decode(errors="replace")
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX))
        return decode_json(request, body)
    except (Malformed, ValueError) as error:
        raise BadJson(str(error)) from error


def _trim(name: str, value: Any) -> Any:
    """An empty text is null."""
    if not isinstance(value, str):
        return value
    return (value if name in KEPT_BLANKS else trim(value)) or None


def trim(text: str) -> str:
    return text.strip().strip(BLANKS).strip()


async def check_network(call: Call, route: Route) -> None:
    try:
        await admission.check_network(call, route)
    except Forbidden as error:
        address = admission.client_address(call.request)
        raise ForeignAddress(
            f"This IP address ({address}) does not have permission to access the API using these credentials."
        ) from error


async def check_exists(call: Call, _: Route) -> None:
    """Whatever the path names is found before permissions are spoken of. Raises NotFound."""
    path, services = call.request.match_info, call.services
    if "userId" in path:
        call.request[USER] = await services.users.find(call.app.id, _read_id(path["userId"]))
    elif "externalId" in path:
        # kept in this form, whatever form the address has
        external_id = ExternalId(unicodedata.normalize("NFC", path["externalId"]))
        call.request[USER] = await services.users.find(call.app.id, external_id)
    elif "serverId" in path:
        call.request[SERVER] = await services.servers.get(call.app.id, _read_id(path["serverId"]))


def _read_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= ID_DIGITS):
        raise NotFound(f"There is no id {text[:40]!r}.")
    return int(text)
