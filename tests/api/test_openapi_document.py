"""The document of the native dialect is valid, whole, exact and true to the domain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

import chatsrv
from chatsrv.api.native.listing import OPERATORS
from chatsrv.domain.listing import FILTER_FIELDS, SORT_FIELDS
from chatsrv.domain.presence import PresenceStatus
from chatsrv.domain.sessions import Device
from chatsrv.domain.user_fields import CLEARABLE, RESTORABLE, RULES
from chatsrv.domain.users import AccountStatus

Json = dict[str, Any]

TEXT = (Path(chatsrv.__file__).parent / "api" / "openapi" / "native.yaml").read_text("utf-8")
METHODS = ("get", "put", "post", "delete", "patch")

CODES = {
    "400": {40000: "BadRequest", 40003: "BadParam", 40013: "TooLargeMetadata"},
    "401": {
        1302: "Unauthorized",
        1020: "ExpiredToken",
        1021: "InvalidToken",
        40103: "TokenNotActive",
        40015: "UserNotExists",
    },
    "403": {40105: "NotAllowed", 40301: "InactiveUser"},
    "404": {40015: "UserNotExists", 40400: "ItemNotFound"},
    "405": {40500: "MethodNotAllowed"},
    "409": {40900: "AlreadyExists", 40901: "OwnsServers", 40902: "WrongState"},
    "413": {41300: "TooLarge"},
    "415": {41500: "UnsupportedMediaType"},
    "429": {42900: "TooManyRequests"},
    "500": {50001: "InternalError"},
    "503": {50300: "Unavailable"},
}
TAKE_A_USER = ("POST /v1/{appId}/channels", "POST /v1/{appId}/servers", "POST /v1/{appId}/supports")
SHARED = {"username", "first_name", "last_name", "avatar", "created_at", "updated_at"}
THE_USER = SHARED | {"last_login_at", "presence_status"}
IN_THE_ARRAY = SHARED | {"role", "status"}


@cache
def document() -> Json:
    parsed: Json = yaml.safe_load(TEXT)
    return parsed


def resolve(node: Json) -> Json:
    """Follows `$ref` until it ends; a reference that leads nowhere is a KeyError."""
    while "$ref" in node:
        reference = node["$ref"]
        assert reference.startswith("#/"), reference
        node = document()
        for step in reference[2:].split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
    return node


def walk(node: Any, where: str = "#") -> Iterator[tuple[str, Json]]:
    """Every object of the document with its path, references not followed."""
    if isinstance(node, dict):
        yield where, node
        for key, value in node.items():
            yield from walk(value, f"{where}/{key}")
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from walk(value, f"{where}/{position}")


def operations() -> dict[str, Json]:
    """`GET /path` -> the operation."""
    return {
        f"{method.upper()} {path}": item[method]
        for path, item in document()["paths"].items()
        for method in METHODS
        if method in item
    }


def guarded() -> dict[str, Json]:
    return {name: operation for name, operation in operations().items() if operation["security"]}


def refused() -> Iterator[tuple[str, str, Json]]:
    """Every error that an operation names: which operation, status, response."""
    for name, operation in guarded().items():
        for status, response in operation["responses"].items():
            if status >= "400":
                yield name, status, resolve(response)


def schema(name: str) -> Json:
    found: Json = document()["components"]["schemas"][name]
    return found


def compile_schema(fragment: Json) -> jsonschema_rs.Draft202012Validator:
    root = {**fragment, "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(root, validate_formats=True)


def examples_of(holder: Json) -> Iterator[Any]:
    if "example" in holder:
        yield holder["example"]
    for example in holder.get("examples", {}).values():
        yield resolve(example)["value"]


def check_example(fragment: Json, example: Any) -> None:
    compile_schema(fragment).validate(example)
    line = resolve(fragment).get("contentSchema")
    if line:
        for text in example.splitlines():
            compile_schema(line).validate(json.loads(text))


def test_it_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


def test_it_has_neither_anchors_nor_aliases_nor_a_key_twice() -> None:
    tokens = list(yaml.scan(TEXT))
    assert not [token for token in tokens if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]
    for node in nodes(yaml.compose(TEXT)):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), node.start_mark


def nodes(node: Any) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from nodes(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from nodes(value)


def test_it_names_no_address_outside() -> None:
    """But for one that is nobody's, as an example of a receiver."""
    assert re.findall(r"[a-z]+://(?!shop\.example/)\S+|\bwww\.\S+", TEXT) == []


def test_every_reference_leads_somewhere() -> None:
    references = [node for _, node in walk(document()) if "$ref" in node]
    for node in references:
        assert resolve(node)


def test_every_component_is_used() -> None:
    used = {node["$ref"] for _, node in walk(document()) if "$ref" in node}
    components = {**document()["components"]}
    del components["securitySchemes"]
    assert {f"#/components/{kind}/{name}" for kind in components for name in components[kind]} <= used


def test_every_operation_says_what_it_is_and_who_may_use_it() -> None:
    tags = {tag["name"] for tag in document()["tags"]}
    for name, operation in operations().items():
        assert operation["summary"], name
        assert operation["description"].strip(), name
        assert set(operation["tags"]) <= tags, name
        assert operation["security"] in ([], [{"bearer": []}, {"apiKey": []}]), name
    ids = [operation["operationId"] for operation in operations().values()]
    assert len(ids) == len(set(ids))


def test_only_the_probes_need_no_credentials() -> None:
    assert operations().keys() - guarded().keys() == {"GET /healthz", "GET /readyz"}


def test_every_operation_names_the_statuses_that_its_shape_brings_about() -> None:
    for name, operation in guarded().items():
        expected = {"400", "401", "403", "429", "500", "503"}
        names_something = re.search(r"\{(?!appId\})", name)
        if names_something or name in TAKE_A_USER:
            expected |= {"404"}
        if "requestBody" in operation:
            expected |= {"415"} | ({"413"} if name != "PUT /v1/{appId}/bulk/users" else set())
        assert {s for s in operation["responses"] if s >= "400"} - {"409"} == expected, name


def test_every_error_status_names_its_codes_in_words_and_in_its_schema() -> None:
    for name, status, response in refused():
        named = {int(code): word for code, word in re.findall(r"`(\d{4,5}) (\w+)`", response["description"])}
        narrowed = response["content"]["application/json"]["schema"]["allOf"]
        assert named, f"{name} {status}"
        assert named.items() <= CODES[status].items(), f"{name} {status}"
        assert narrowed[0] == {"$ref": "#/components/schemas/Error"}
        assert set(narrowed[1]["properties"]["code"]["enum"]) == named.keys(), f"{name} {status}"


def test_every_error_example_pairs_its_code_with_its_word() -> None:
    words = {code: word for codes in CODES.values() for code, word in codes.items()}
    for _, _, response in refused():
        for example in examples_of(response["content"]["application/json"]):
            assert words[example["code"]] == example["type"]


def test_the_introduction_and_the_schemas_know_every_code() -> None:
    rows = re.findall(r"\| (\d{3}) \| (.+) \|", document()["info"]["description"])
    told = {status: {int(c): w for c, w in re.findall(r"(\d+) (\w+)", text)} for status, text in rows}
    assert told == CODES
    assert set(schema("ErrorCode")["enum"]) == {code for codes in CODES.values() for code in codes}
    assert set(schema("ErrorType")["enum"]) == {word for codes in CODES.values() for word in codes.values()}


def test_every_answer_carries_its_request_id_and_rate() -> None:
    rates = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    for name, operation in operations().items():
        for status, response in operation["responses"].items():
            expected = {"X-Request-Id"} | (rates if operation["security"] and status != "401" else set())
            expected |= {"Retry-After"} if operation["security"] and status in ("429", "503") else set()
            assert expected <= resolve(response)["headers"].keys(), f"{name} {status}"


def test_every_example_is_what_its_schema_says() -> None:
    checked = 0
    for _, node in walk(document()):
        if isinstance(node.get("schema"), dict):
            for example in examples_of(node):
                check_example(node["schema"], example)
                checked += 1
    assert checked > 30


def test_every_body_has_an_example() -> None:
    for where, node in walk(document()):
        for media_type in node.get("content", {}).values() if isinstance(node.get("content"), dict) else ():
            assert list(examples_of(media_type)), where


@pytest.mark.parametrize(("name", "keys"), [("User", THE_USER), ("UserSummary", IN_THE_ARRAY)])
def test_the_user_has_exactly_eight_keys(name: str, keys: set[str]) -> None:
    assert len(keys) == 8
    assert set(schema(name)["required"]) == schema(name)["properties"].keys() == keys


def test_every_object_is_closed() -> None:
    for name, found in document()["components"]["schemas"].items():
        if found.get("type") == "object":
            assert found["additionalProperties"] is False, name


def test_fields_can_ask_for_each_field_that_an_answer_may_have() -> None:
    fields = schema("UserFields")["properties"].keys()
    assert set(schema("FieldName")["enum"]) == fields | {"*"}
    assert fields >= THE_USER | IN_THE_ARRAY
    assert "required" not in schema("UserFields")


@pytest.mark.parametrize("name", ["UserCreate", "UserUpdate", "UserLine"])
def test_what_may_be_written_is_what_the_domain_has_rules_for(name: str) -> None:
    ignored = {"$ref": "#/components/schemas/Ignored"}
    properties = schema(name)["properties"]
    writable = {field for field, rule in properties.items() if rule != ignored}
    restorable = set(RESTORABLE) if name == "UserLine" else set()
    assert writable == {*RULES, "avatar_url"} | restorable
    in_lines_alone = restorable & {"to_others", "claims", "tokens_since", "onboarding"}
    assert properties.keys() - {"avatar_url"} - in_lines_alone == schema("UserFields")["properties"].keys()
    clearable = {field for field in RULES if compile_schema(properties[field]).is_valid(None)}
    assert clearable == CLEARABLE


@pytest.mark.parametrize("field", ["username", "first_name", "email", "external_id", "role", "language", "timezone"])
@pytest.mark.parametrize(
    "value", ["anna", "", " anna", "a\u202eb", "a\x00b", ".", "..", "ä" * 191, "ä" * 192, "a@b", "de-AT", 7]
)
def test_the_schema_and_the_domain_refuse_the_same_values(field: str, value: Any) -> None:
    try:
        RULES[field](value)
        accepted = True
    except ValueError:
        accepted = False
    assert compile_schema(schema("UserCreate")["properties"][field]).is_valid(value) is accepted


def test_sort_and_filter_know_the_fields_and_ops_of_the_domain() -> None:
    parameters = document()["components"]["parameters"]
    sorts = compile_schema(parameters["Sort"]["schema"])
    filters = compile_schema(parameters["Filter"]["schema"])
    assert all(sorts.is_valid([field, f"-{field}"]) for field in SORT_FIELDS)
    assert not sorts.is_valid(["email"])
    assert all(filters.is_valid([f"{field}:{op}:x"]) for field in FILTER_FIELDS for op in OPERATORS)
    assert not filters.is_valid(["email:eq:x"])
    assert not filters.is_valid(["username:like:x"])


def test_states_and_devices_are_those_of_the_domain() -> None:
    assert schema("PresenceStatus")["enum"] == [*PresenceStatus]
    assert schema("AccountStatus")["enum"] == [*AccountStatus]
    assert schema("UserFields")["properties"]["devices"]["items"]["enum"] == [*Device]
