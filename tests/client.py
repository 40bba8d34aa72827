"""An HTTP client that holds every answer against the OpenAPI document of the dialect it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
from aiohttp import ClientSession
from multidict import CIMultiDictProxy
from yarl import URL

from chatsrv.api import DIALECTS
from chatsrv.api.pages import read_document

JSON_TYPES = ("application/json", "application/vnd.api+json")

COMMON = frozenset((404, 405))
"""Answers of the router, which no single operation documents."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `json` is None for an empty body or one that is no JSON."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    json: Any

    @property
    def code(self) -> int:
        """The `code` of an error."""
        return int(self.json["code"])


class ApiClient:
    """Paths begin at the server's root. `headers` go with every request."""

    def __init__(self, session: ClientSession, url: str, headers: Mapping[str, str]) -> None:
        self._session = session
        self.url = url
        self.headers = dict(headers)

    def speaking_as(self, credential: str | None) -> ApiClient:
        """The same server, asked with another key or token."""
        return self.with_headers({"Authorization": f"Bearer {credential}"} if credential else {})

    def with_headers(self, headers: Mapping[str, str]) -> ApiClient:
        """The same server, asked with these."""
        return ApiClient(self._session, self.url, headers)

    async def request(self, method: str, path: str | URL, **options: Any) -> Answer:
        """A URL is taken as it is, with the very escapes that it has."""
        headers = {**self.headers, **options.pop("headers", {})}
        url = path if isinstance(path, URL) or path.startswith("http") else self.url + path
        async with self._session.request(method, url, headers=headers, allow_redirects=False, **options) as response:
            body = await response.read()
        is_json = response.content_type in JSON_TYPES and bool(body)
        answer = Answer(response.status, response.headers, body, msgspec.json.decode(body) if is_json else None)
        check_against_document(method, response.url.raw_path, answer)
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        return await self.request("POST", path, **_with_json(json, options))

    async def put(self, path: str, json: Any = None, **options: Any) -> Answer:
        return await self.request("PUT", path, **_with_json(json, options))

    async def patch(self, path: str, json: Any = None, **options: Any) -> Answer:
        return await self.request("PATCH", path, **_with_json(json, options))

    async def delete(self, path: str, **options: Any) -> Answer:
        return await self.request("DELETE", path, **options)


def _with_json(json: Any, options: dict[str, Any]) -> dict[str, Any]:
    return options if json is None else {**options, "json": json}


def check_against_document(method: str, raw_path: str, answer: Answer) -> None:
    """Status, content type and body must be what the document says of the operation; other paths are passed over."""
    found = _operation(method, raw_path.rstrip("/") or "/")
    if found is None:
        return
    name, path, operation = found
    response = operation["responses"].get(str(answer.status))
    assert response or answer.status in COMMON, f"{method} {path} answered {answer.status}, which is not documented"
    if response is None or method == "HEAD":
        return
    response = _resolve(name, response)
    content = response.get("content", {})
    if not content:
        assert not answer.body, f"{method} {path}: {answer.status} has a body, which is not documented"
        return
    content_type = answer.headers["Content-Type"]
    assert content_type in content, f"{method} {path}: {content_type} is not documented for {answer.status}"
    schema = content[content_type].get("schema")
    if schema is not None and answer.json is not None:
        _validator(name, method, path, str(answer.status), content_type).validate(answer.json)


def _operation(method: str, path: str) -> tuple[str, str, Any] | None:
    for name, template, pattern in _templates():
        if pattern.fullmatch(path):
            operations = read_document(name)["paths"][template]
            operation = operations.get("get" if method == "HEAD" else method.lower())
            return (name, template, operation) if operation else None
    return None


@cache
def _templates() -> list[tuple[str, str, re.Pattern[str]]]:
    """Of all dialects; a path without a parameter wins over one with it."""
    return [
        (dialect.name, template, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template)))
        for dialect in DIALECTS
        for template in sorted(read_document(dialect.name)["paths"], key=lambda text: text.count("{"))
    ]


def _resolve(name: str, item: Any) -> Any:
    while "$ref" in item:
        target = read_document(name)
        for part in item["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        item = target
    return item


def _validator(name: str, method: str, path: str, status: str, content_type: str) -> Any:
    operation = read_document(name)["paths"][path][method.lower()]
    return _compiled(
        name, json.dumps(_resolve(name, operation["responses"][status])["content"][content_type]["schema"])
    )


@cache
def _compiled(name: str, schema: str) -> Any:
    """With those components alone that it needs: all of them are a megabyte, and most answers share a few schemas."""
    components: dict[str, dict[str, Any]] = {}
    unread = [schema]
    while unread:
        for kind, part in re.findall(r'"#/components/(\w+)/(\w+)"', unread.pop()):
            if part not in components.setdefault(kind, {}):
                components[kind][part] = read_document(name)["components"][kind][part]
                unread.append(json.dumps(components[kind][part]))
    return jsonschema_rs.Draft202012Validator({**json.loads(schema), "components": components}, validate_formats=True)
