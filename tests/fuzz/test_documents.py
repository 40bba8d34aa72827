"""Each dialect's OpenAPI document against the server: what may be sent, and what then comes.

CHATSRV_TEST_DOCUMENTS is how many requests of each kind are made up for each operation, CHATSRV_TEST_SEED which.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import pytest

from chatsrv.api.oksky.table import USER_RELATIONSHIPS
from chatsrv.api.pages import read_document
from tests.api.manners import MANNERS, Manner
from tests.api.serving import serving
from tests.client import ApiClient
from tests.conftest import MakeSettings
from tests.fuzz.engine import Findings, Leeway, Plan, run

EXAMPLES = int(os.environ.get("CHATSRV_TEST_DOCUMENTS", "0"))
SEED = int(os.environ.get("CHATSRV_TEST_SEED", "1"))
LIMITS = dict.fromkeys(
    (
        *("key_rate_per_minute", "key_rate_burst", "panel_rate_per_minute", "pulse_rate_per_minute"),
        *("address_rate_per_minute", "address_rate_burst", "failed_credentials_per_minute", "pulse_auth_attempts"),
    ),
    1_000_000,
)
POSITIVE, NEGATIVE = ("positive_data_acceptance",), ("negative_data_rejection",)
LEEWAYS: dict[str, tuple[Leeway, ...]] = {
    "native": (
        Leeway("bulk/users$", NEGATIVE, "one bad item spoils no other: each has its own result"),
        Leeway("(PUT|PATCH) .*/users/{username}$", POSITIVE, "`username` must be the one in the path"),
        Leeway("POST .*/users$", POSITIVE, "a zone of the time zone database, a role that nobody reserved"),
        Leeway("GET .*/users$", POSITIVE, "a filter's value is of its field's kind, and cursors are made here"),
        Leeway("PUT .*/presence$", POSITIVE, "instants lie in the future, and an empty claim says nothing"),
        Leeway("/supports(/{supportId})?$", POSITIVE, "the agent must be active"),
        Leeway("(channels|{channelId}|profile)$", POSITIVE, "a picture has a file's name or an address"),
        Leeway("/tokens$", POSITIVE, "JSON Schema takes 148.0 for an integer"),
        Leeway("{name}$", POSITIVE, "a name neither begins nor ends with a space"),
    ),
    "oksky": (
        Leeway(
            "PATCH .*/(de|re)activate$|regenerate_access_token$",
            ("allow_header_conformance", "unsupported_method"),
            "for other methods the path is one of /users/{id}, or of its relationships",
        ),
    ),
}
OFF = dict.fromkeys(("oksky", "pulse", "panel"), POSITIVE)
"""What these three refuse beyond the shapes is settled by the systems whose dialects they are."""
KNOWN: dict[str, dict[str, Any]] = {
    "native": {"AppId": {"const": "demo"}},
    "oksky": {"Id": {"type": "string", "pattern": "^[1-9]$"}, "Relationship": {"enum": [*USER_RELATIONSHIPS]}},
}
"""What parameters must be, by dialect: more than the document can tell."""

pytestmark = [
    pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True),
    # of schemathesis' own strategies, under Hypothesis as it will be
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning"),
]


@pytest.fixture
async def place(make_settings: MakeSettings) -> AsyncIterator[tuple[ApiClient, str]]:
    """A server with the app `demo` and somebody in it, and a key of that app that may do everything."""
    async with serving(make_settings(**LIMITS)) as (anyone, services):
        _, key = await services.apps.create("demo", None)
        api = anyone.speaking_as(key)
        users = [{"username": name, "email": f"{name}@mail.test", "first_name": name} for name in ("anna", "ben")]
        assert (await api.post("/v1/demo/bulk/users", {"users": users})).status == 200
        yield api, key


def document_of(name: str) -> dict[str, Any]:
    """Apps and ids are those that there are, so that not all of it is refused."""
    document: dict[str, Any] = deepcopy(read_document(name))
    for parameter, schema in KNOWN.get(name, {}).items():
        document["components"]["parameters"][parameter]["schema"] = schema
    return document


async def fuzz(place: tuple[ApiClient, str], manner: Manner, document: dict[str, Any], **plan: Any) -> Findings:
    api, key = place
    return await asyncio.to_thread(run, Plan(document, api.url, manner.key(key), SEED, **plan))


@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)
@pytest.mark.timeout(3600)
async def test_whatever_its_document_allows_or_forbids_the_server_keeps_to_it(
    place: tuple[ApiClient, str], manner: Manner
) -> None:
    document = document_of(manner.name)
    findings = await fuzz(
        place,
        manner,
        document,
        examples=EXAMPLES or 1,
        is_thorough=bool(EXAMPLES),
        leeways=LEEWAYS.get(manner.name, ()),
        off=OFF.get(manner.name, ()),
    )
    told = "\n\n".join(findings.failures)
    assert not told, f"seed {SEED}, {findings.answers} answers:\n{told}"
    assert len(findings.succeeded) > len(findings.statuses) / 3, "most of it was refused, and proves little"


async def test_it_notices_a_status_that_the_document_keeps_back_and_a_door_that_the_server_leaves_open(
    place: tuple[ApiClient, str],
) -> None:
    """An engine that let everything pass would find nothing."""
    panel = next(manner for manner in MANNERS if manner.name == "panel")
    document = document_of("panel")
    open_door = {"security": [{"bearer": []}], "responses": {"200": {"description": "Alive."}}}
    path = "/api/application/users/{userId}"
    del document["paths"][path]["get"]["responses"]["404"]
    document["paths"] = {path: document["paths"][path], "/healthz": {"get": open_door}}
    findings = await fuzz(place, panel, document, examples=1, off=POSITIVE)
    kinds = {tuple(told.split(": ")[:2]) for told in findings.failures}
    assert kinds == {
        (f"GET {path}", "status_code_conformance"),
        ("GET /healthz", "ignored_auth"),
    }
