"""The document of the OkSky dialect is valid, its examples are what it says, and it knows what the tables know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator

from chatsrv.api.jsonapi import MEDIA_TYPE
from chatsrv.api.oksky import ROUTES
from chatsrv.api.oksky.parameters import PAGE_SIZE
from chatsrv.api.oksky.table import KINDS, SUBTYPES
from chatsrv.api.oksky.users import WRITABLE
from chatsrv.api.pages import read_document
from chatsrv.settings import Settings

DOCUMENT = read_document("oksky")
SCHEMAS = DOCUMENT["components"]["schemas"]
WRITES = ("POST", "PUT", "PATCH")


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


def contents(node: Any) -> Iterator[Any]:
    """Every media type object with what it holds."""
    if isinstance(node, dict):
        yield from (found for found in node.get("content", {}).values() if "schema" in found)
        for value in node.values():
            yield from contents(value)


def test_the_document_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_component_is_used_and_every_operation_has_a_name_of_its_own() -> None:
    used = set(re.findall(r"#/components/\w+/[\w-]+", str(DOCUMENT)))
    components = {kind: found for kind, found in DOCUMENT["components"].items() if kind != "securitySchemes"}
    assert {f"#/components/{kind}/{name}" for kind, found in components.items() for name in found} == used
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names) == len(ROUTES)


def test_every_body_is_json_api_with_examples_that_keep_its_schema() -> None:
    checked = 0
    for content in contents(DOCUMENT):
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for example in content["examples"].values():
            validator.validate(resolve(example)["value"])
            checked += 1
    assert checked > 60
    assert set(re.findall(r"'content': \{'([^']+)'", str(DOCUMENT))) == {MEDIA_TYPE}


def test_every_operation_names_what_can_happen_to_it() -> None:
    for name, operation in operations():
        method = name.split()[0]
        expected = {"400", "401", "403", "406", "429", "500", "503"}
        expected |= {"404"} if "{" in name else set()
        expected |= {"415"} if method in WRITES else set()
        expected |= {"413"} if "requestBody" in operation else set()
        # most relationships can only be read
        expected |= {"405"} if re.match(r"(POST|DELETE) .*/relationships/", name) else set()
        found = {status for status in operation["responses"] if status >= "400"}
        assert found - {"422"} == expected, name
        assert ("422" in found) <= (method != "GET"), name
        assert operation["security"] == [{"accessToken": []}]


def test_every_answer_carries_its_request_id_and_rate() -> None:
    rates = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    for name, operation in operations():
        for status, response in operation["responses"].items():
            expected = {"X-Request-Id"} | (rates if status != "401" else set())
            expected |= {"Retry-After"} if status in ("429", "503") else set()
            expected |= {"Location"} if status == "201" else set()
            expected |= {"Allow"} if status == "405" else set()
            assert resolve(response)["headers"].keys() == expected, f"{name} {status}"


def test_every_error_has_the_code_and_title_of_the_original() -> None:
    for status, response in ((s, r) for _, o in operations() for s, r in o["responses"].items() if s >= "400"):
        found = resolve(response)
        told = set(re.findall(r"\* `(\d{3})` (.+)", found["description"]))
        for example in found["content"][MEDIA_TYPE]["examples"].values():
            (error,) = example["value"]["errors"]
            assert error["status"] == status
            assert (error["code"], error["title"]) in told


def test_the_schemas_know_the_attributes_and_relationships_of_every_kind() -> None:
    by_type = {type_: found for found in SCHEMAS.values() for type_ in _types_of(found)}
    for name, kind in KINDS.items():
        found = by_type[name]["properties"]
        assert list(found["attributes"]["properties"]) == list(kind.attributes)
        assert list(found.get("relationships", {}).get("properties", {})) == list(kind.relationships)
    assert set(_types_of(SCHEMAS["User"])) == {"users", *SUBTYPES}


def _types_of(schema: Any) -> list[str]:
    is_resource = schema.get("required", [])[:2] == ["id", "type"]
    return list(schema["properties"]["type"]["enum"]) if is_resource else []


def test_what_may_be_written_and_asked_for_is_what_the_code_takes() -> None:
    for name in ("UserCreate", "UserUpdate"):
        data = SCHEMAS[name]["properties"]["data"]["properties"]
        assert set(data["attributes"]["properties"]) == set(WRITABLE)
    parameters = DOCUMENT["components"]["parameters"]
    size = parameters["PageSize"]["schema"]
    assert (size["default"], size["maximum"]) == (PAGE_SIZE, Settings().oksky_page_max)
    sorts = re.search(r"\((.+)\)", parameters["UserSort"]["schema"]["items"]["pattern"])
    assert sorts
    assert set(sorts[1].split("|")) == KINDS["users"].sorts


def test_it_has_neither_machine_paths_nor_addresses_outside() -> None:
    assert set(re.findall(r"[a-z]+://[\w.:-]+", str(DOCUMENT))) <= {"http://localhost:8000"}
