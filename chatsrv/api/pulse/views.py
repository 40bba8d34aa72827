"""Answers: what of a resource the client wants to see, and the documents that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from chatsrv.api.dialect import Call
from chatsrv.api.jsonapi import IncludeTree, Resource, answer, read_parameters
from chatsrv.api.pulse.including import Document, read_tree
from chatsrv.api.pulse.listing import ListRequest, page_links
from chatsrv.api.pulse.render import Value
from chatsrv.domain.apps import Scope
from chatsrv.domain.users import User


@dataclass(frozen=True, slots=True)
class View:
    """`fields`: by type, the attributes and relationships that are wanted alone."""

    tree: IncludeTree
    fields: Mapping[str, frozenset[str]]
    with_permissions: bool


def read_view(call: Call, kind: type[Any]) -> View:
    """Before anything is done. Raises BadParameter where `include` names no relationship."""
    read = read_parameters(call.request.query)
    # the plural of a type is taken, too
    fields = {path[1].removesuffix("s"): value for path, value in read.items() if path[0] == "fields" and path[1:]}
    return View(
        tree=read_tree(kind, read.get(("include",), "")),
        fields={name: frozenset(word.strip() for word in text.split(",")) for name, text in fields.items()},
        with_permissions=read.get(("meta", "permissions")) == "actions",
    )


async def show(
    call: Call, view: View, value: Value, status: int = 200, meta: Mapping[str, Any] | None = None
) -> web.Response:
    """`meta` stands beside the resource's attributes. What is new says where it is."""
    [resource], body = await _compose(call, view, [value])
    if meta:
        resource["meta"] = {**resource.get("meta", {}), **meta}
    headers = {"Location": resource["links"]["self"]} if status == 201 else None
    return answer({"data": resource, **body}, status, headers)


async def show_page(call: Call, view: View, values: Sequence[Value], total: int, request: ListRequest) -> web.Response:
    """With the links of its neighbours and the number of all."""
    resources, body = await _compose(call, view, values)
    links = page_links(call.request, request, total)
    return answer({"data": resources, **body, "links": links, "meta": {"record_count": total}})


async def _compose(call: Call, view: View, values: Sequence[Value]) -> tuple[list[Resource], dict[str, Any]]:
    """The resources, and the document's member `included` if anything was to be."""
    document = Document(call, values)
    await document.include(values, view.tree)
    if view.with_permissions:
        _add_permissions(call, document.primary, values)
    for resource in (*document.primary, *document.included):
        _narrow(resource, view.fields)
    return document.primary, {"included": document.included} if view.tree else {}


def _add_permissions(call: Call, resources: Sequence[Resource], values: Sequence[Value]) -> None:
    for resource, value in zip(resources, values, strict=True):
        if isinstance(value, User):
            resource["meta"] = {"permissions": {"actions": _actions(call, value)}}


def _actions(call: Call, user: User) -> dict[str, bool]:
    """What the caller may do with this user, whatever state the user is in."""
    caller = call.caller
    manages = caller.has_scope(Scope.USERS_WRITE) if caller.key else caller.manages
    is_self = caller.user is not None and caller.user.id == user.id
    return {"edit": manages or is_self, "delete": manages, "invite": manages, "revoke_invitation": manages}


def _narrow(resource: Resource, fields: Mapping[str, frozenset[str]]) -> None:
    wanted = fields.get(resource["type"])
    if wanted is None:
        return
    for part in ("attributes", "relationships"):
        if part in resource:
            resource[part] = {name: value for name, value in resource[part].items() if name in wanted}
