"""The document of the Pulse dialect is valid, whole, and true to the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator

from chatsrv.api.dialect import TokenAccess
from chatsrv.api.jsonapi import MEDIA_TYPE
from chatsrv.api.pages import read_document
from chatsrv.api.pulse import OPEN_ROUTES, ROUTES
from chatsrv.api.pulse.errors import INTERNAL, RULES, WORDS
from chatsrv.api.pulse.including import DEPTH_MAX
from chatsrv.api.pulse.input import USER
from chatsrv.api.pulse.listing import OPERATORS, TEAMS, USERS
from chatsrv.api.pulse.render import SHAPES
from chatsrv.domain.identities import Identity
from chatsrv.domain.users import AccountState

DOCUMENT = read_document("pulse")
SCHEMAS = DOCUMENT["components"]["schemas"]
METHODS = ("get", "put", "post", "delete", "patch")


def resolve(node: Any) -> Any:
    while "$ref" in node:
        steps = node["$ref"].removeprefix("#/").split("/")
        node = DOCUMENT
        for step in steps:
            node = node[step]
    return node


def walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(item)


def operations() -> Iterator[tuple[str, Any]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def test_the_document_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    used = {node["$ref"] for node in walk(DOCUMENT) if "$ref" in node}
    assert all(resolve({"$ref": reference}) for reference in used)
    components = {kind: names for kind, names in DOCUMENT["components"].items() if kind != "securitySchemes"}
    assert {f"#/components/{kind}/{name}" for kind in components for name in components[kind]} == used


def test_every_example_keeps_its_schema() -> None:
    holders = [*DOCUMENT["components"]["responses"].values(), *DOCUMENT["components"]["requestBodies"].values()]
    contents = [content for holder in holders for content in holder.get("content", {}).values()]
    for content in contents:
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(content["example"])
    assert len(contents) > 30


def test_every_operation_names_what_can_happen_to_it() -> None:
    for name, operation in operations():
        path = name.partition(" ")[2]
        expected = {"400", "401", "403", "429", "500", "503"}
        expected |= {"404"} if "{id}" in path or path.endswith(("/identity", "/switch_accounts")) else set()
        if "requestBody" in operation:
            expected |= {"413", "415", "422"} | (set() if path.endswith(("/invite", "/deactivate")) else {"409"})
        if name.startswith("DELETE") and "/users/" in path:
            expected |= {"422"}
        if name == "DELETE /auth/signout":
            assert operation["responses"].keys() == {"204"} | expected
        assert {status for status in operation["responses"] if status >= "400"} == expected, name


def test_every_body_and_answer_is_of_one_type() -> None:
    for node in walk(DOCUMENT["components"]):
        if isinstance(node.get("content"), dict):
            assert list(node["content"]) == [MEDIA_TYPE]


def test_what_needs_no_credentials_and_what_scope_the_others_need_is_told() -> None:
    open_routes = {f"{route.method} {route.path}" for route in OPEN_ROUTES}
    assert {name for name, operation in operations() if not operation["security"]} == open_routes
    routes = {f"{route.method} {route.path.replace(':[^/]+', '')}": route for route in ROUTES}
    for name, operation in operations():
        if name in routes and "server key is nobody" not in operation["description"]:
            assert f"`{routes[name].scope.value}`" in operation["description"], name
            is_for_all = routes[name].token is TokenAccess.ALL
            assert ("administrator" not in operation["description"]) is is_for_all, name


def test_fields_operators_states_and_codes_are_those_of_the_code() -> None:
    parameters = DOCUMENT["components"]["parameters"]
    for name, fields in (("UserSort", USERS), ("TeamSort", TEAMS)):
        pattern = parameters[name]["schema"]["items"]["pattern"]
        assert pattern == f"^-?({'|'.join(fields.sorts)})$"
    told = parameters["UserFilter"]["description"]
    assert all(f"`{op}`" in told for op in OPERATORS)
    assert all(f"`{part}`" in told or f"[{part}]" in told for path in USERS.filters for part in path[:1])
    assert DEPTH_MAX == 3
    assert "three at the most" in parameters["Include"]["description"]
    assert set(SCHEMAS["UserAttributes"]["properties"]["status"]["enum"]) == set(AccountState)
    for name in ("UserCreate", "UserUpdate"):
        assert tuple(SCHEMAS[name]["properties"]["data"]["properties"]["attributes"]["properties"]) == USER
    answers = str(DOCUMENT["components"]["responses"])
    of_the_router = {"method_not_allowed"}
    codes = {words.code for words in (*WORDS.values(), INTERNAL)} | {rule.code for rule in RULES}
    assert {code for code in codes if f"`{code}`" not in answers} == of_the_router


def test_types_and_relationships_are_those_of_the_code() -> None:
    types = {shape.type: shape for kind, shape in SHAPES.items() if kind is not Identity}
    assert set(SCHEMAS["Identifier"]["properties"]["type"]["enum"]) == types.keys()
    for type_, shape in types.items():
        schema = SCHEMAS["".join(word.title() for word in type_.split("_"))]
        relationships = schema["properties"].get("relationships", {}).get("properties", {})
        assert (schema["properties"]["type"], tuple(relationships)) == ({"const": type_}, shape.relationships)
