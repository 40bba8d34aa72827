"""The document of the panel dialect is valid, and its examples are what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator

from chatsrv.api.pages import read_document
from chatsrv.api.panel import ROUTES
from chatsrv.api.panel.errors import WORDS
from chatsrv.api.panel.listing import FILTERS
from chatsrv.api.panel.validation import LANGUAGES, REQUIRED, SERVER, USER

DOCUMENT = read_document("panel")


def resolve(node: Any) -> Any:
    while "$ref" in node:
        steps = node["$ref"].removeprefix("#/").split("/")
        node = DOCUMENT
        for step in steps:
            node = node[step]
    return node


def operations() -> Iterator[tuple[str, Any]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_the_document_is_valid_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    found = references(DOCUMENT)
    assert all(resolve({"$ref": reference}) for reference in found)
    kinds = {kind: names for kind, names in DOCUMENT["components"].items() if kind != "securitySchemes"}
    assert {f"#/components/{kind}/{name}" for kind, names in kinds.items() for name in names} == found


def references(node: Any) -> set[str]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = {node["$ref"]} if isinstance(node, dict) and "$ref" in node else set()
    return own.union(*(references(child) for child in children))


def test_every_answer_names_its_headers() -> None:
    for _, operation in operations():
        for status, response in operation["responses"].items():
            expected = {"X-Request-Id"} | ({"X-RateLimit-Limit", "X-RateLimit-Remaining"} if status != "401" else set())
            expected |= {"Retry-After"} if status in ("429", "503") else set()
            assert expected <= resolve(response)["headers"].keys(), status


def test_every_example_keeps_its_schema() -> None:
    holders = [*DOCUMENT["components"]["responses"].values(), *DOCUMENT["components"]["requestBodies"].values()]
    checked = 0
    for content in (content for holder in holders for content in holder.get("content", {}).values()):
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for example in content["examples"].values():
            validator.validate(resolve(example)["value"])
            checked += 1
    assert checked > 20


def test_every_operation_names_what_can_happen_to_it() -> None:
    everywhere = {"400", "401", "403", "413", "429", "500", "503"}
    for name, operation in operations():
        expected = set(everywhere)
        expected |= {"404"} if "{" in name else set()
        takes_body, is_list = "requestBody" in operation, "page" in str(operation.get("parameters", "")).lower()
        expected |= {"422"} if takes_body or is_list else set()
        expected |= {"404"} if name == "POST /api/application/servers" else set()
        assert {status for status in operation["responses"] if status >= "400"} == expected, name


def test_the_scopes_of_the_routes_are_told() -> None:
    scopes = {f"{route.method} {route.path.replace(':[^/]+', '')}": route.scope.value for route in ROUTES}
    assert {name: f"`{scopes[name]}`" in operation["description"] for name, operation in operations()} == dict.fromkeys(
        scopes, True
    )


def test_fields_filters_and_codes_are_those_of_the_code() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for name, fields in (("UserInput", USER), ("ServerInput", SERVER)):
        assert list(schemas[name]["properties"]) == [field.name for field in fields]
        assert schemas[name]["required"] == [field.name for field in fields if REQUIRED in field.rules]
    assert schemas["UserInput"]["properties"]["language"]["enum"] == list(LANGUAGES)
    named = {parameter.get("name") for parameter in DOCUMENT["components"]["parameters"].values()}
    assert {f"filter[{name}]" for name in FILTERS} <= named
    text = str(DOCUMENT["components"]["responses"])
    routers = {"MethodNotAllowedHttpException"}
    assert [words.code for words in WORDS.values() if words.code not in text and words.code not in routers] == []
