"""Many users in one request: the JSON upsert, and NDJSON in and out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web

from chatsrv.api.bodies import check_depth, check_media_type, pieces, read_json_object
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.input import check_names, read_new_user
from chatsrv.domain.errors import ChatError, Invalid, Malformed, Problem
from chatsrv.domain.wire import describe
from chatsrv.services.transfer import Failure, split_lines

NDJSON = "application/x-ndjson"
NDJSON_TYPES = (NDJSON, "application/ndjson", "application/jsonl", "application/json-seq", "text/plain")


async def upsert(call: Call) -> web.StreamResponse:
    settings = call.services.settings
    body = await read_json_object(call.request, settings.bulk_body_max_bytes)
    sent = _read_items(body, settings.bulk_max_users)
    items = [_check_item(call, item) for item in sent]
    outcomes = await call.services.upserts.apply(call.app.id, items)
    results = []
    for item, outcome in zip(sent, outcomes, strict=True):
        result: dict[str, Any] = {"username": outcome.username or _name_of(item), "status": outcome.status}
        if outcome.error:
            result["error"] = describe(outcome.error)
        results.append(result)
    return json_response({"results": results})


def _read_items(body: Mapping[str, Any], most: int) -> list[Any]:
    check_names(body, ("users",))
    items = body.get("users")
    if not isinstance(items, list) or len(items) > most:
        error = Invalid(Problem("users", f"must be an array of at most {most} users"))
        raise error.over("bulk_max_users") if isinstance(items, list) else error
    return items


def _check_item(call: Call, item: Any) -> Mapping[str, Any] | ChatError:
    try:
        if not isinstance(item, dict):
            raise Malformed("Each user must be a JSON object.")
        return call.services.users.check(read_new_user(item))
    except ChatError as error:
        return error


def _name_of(item: Any) -> str | None:
    name = item.get("username") if isinstance(item, dict) else None
    return name if isinstance(name, str) else None


async def export(call: Call) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": NDJSON, "Cache-Control": "no-store"})
    await response.prepare(call.request)
    if call.request.method != "HEAD":
        async for lines in call.services.transfer.export_lines(call.app.id):
            await response.write(lines)
    await response.write_eof()
    return response


async def import_(call: Call) -> web.StreamResponse:
    check_media_type(call.request, NDJSON_TYPES)
    settings = call.services.settings
    lines = split_lines(pieces(call.request), settings.import_line_max_bytes)
    report = await call.services.transfer.import_lines(call.app.id, _shallow(lines, settings.json_max_depth))
    failed = [_render_failure(failure) for failure in report.failed]
    answer = {"created": report.created, "updated": report.updated, "failed": failed}
    return json_response({**answer, "stopped": True} if report.stopped else answer)


async def _shallow(lines: AsyncIterator[bytes | ChatError], limit: int) -> AsyncIterator[bytes | ChatError]:
    """A line is nested no deeper than any other JSON; one that is, is an error in its place."""
    async for line in lines:
        try:
            if isinstance(line, bytes):
                check_depth(line, limit)
        except ChatError as error:
            yield error
        else:
            yield line


def _render_failure(failure: Failure) -> dict[str, Any]:
    return {"line": failure.line, "error": describe(failure.error)}
