"""What a browser should not follow is an avatar through no door, and what people wrote is sent as data alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatsrv.services import Services
from tests.api.manners import MANNERS, Manner
from tests.client import Answer, ApiClient
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

BAD = (
    "javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "//evil.example/x", "\\\\evil.example", "https:evil",
    "https://a.b\\@evil.example/", "%2F%2Fevil.example", "..%252Fx", "https://a.b/\u202egnp.exe", "a\nb", "/etc/passwd",
)  # fmt: skip
HTML = "<script>alert(1)</script>"
NAMES = {"native": "avatar", "oksky": "avatar_url", "pulse": "avatar"}
"""In the dialects that have avatars."""

WITH_AVATARS = pytest.mark.parametrize(
    "manner", [manner for manner in MANNERS if manner.name in NAMES], ids=lambda manner: manner.name
)


def with_fields(manner: Manner, username: str, **fields: Any) -> Any:
    body = manner.new_user(username)
    (body if manner.name in ("native", "panel") else body["data"]["attributes"]).update(fields)
    return body


@WITH_AVATARS
async def test_no_door_takes_an_avatar_that_leads_astray(
    manner: Manner, api: ApiClient, services: Services, demo: DemoApp
) -> None:
    client = manner.speak(api, demo.key)
    for avatar in BAD:
        answer = await client.post(manner.users, with_fields(manner, "anna", **{NAMES[manner.name]: avatar}))
        assert answer.status in (400, 422), (avatar, answer.body)
        assert manner.is_error(answer)
    assert await services.users.count("demo") == 0
    answer = await client.post(manner.users, with_fields(manner, "anna", **{NAMES[manner.name]: "anna.png"}))
    assert answer.status == 201, answer.body


async def test_neither_does_a_change_a_list_a_file_or_a_channel(api: ApiClient) -> None:
    await api.post("/v1/demo/users", {"username": "anna", "avatar": "anna.png"})
    for avatar in BAD:
        for field in ("avatar", "avatar_url"):
            assert (await api.patch("/v1/demo/users/anna", {field: avatar})).status == 400
        bulk = await api.post("/v1/demo/bulk/users", {"users": [{"username": "anna", "avatar": avatar}]})
        assert bulk.json["results"][0]["status"] == "error"
        line = json.dumps({"username": "anna", "avatar": avatar}).encode()
        headers = {"Content-Type": "application/x-ndjson"}
        read = await api.request("PUT", "/v1/demo/bulk/users", data=line, headers=headers)
        assert len(read.json["failed"]) == 1
        assert (await api.post("/v1/demo/channels", {"subject": "x", "avatar": avatar})).status == 400
    assert (await api.get("/v1/demo/users/anna")).json["avatar"] == "anna.png"


def is_data(answer: Answer) -> bool:
    """JSON that no browser takes for anything else."""
    kind = answer.headers["Content-Type"].partition(";")[0]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    return kind == "application/json" or kind.endswith("+json")


@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)
async def test_what_people_wrote_is_sent_as_data_alone(manner: Manner, api: ApiClient, demo: DemoApp) -> None:
    client = manner.speak(api, demo.key)
    fields = {"name": HTML} if manner.name == "pulse" else {"first_name": HTML} if manner.name != "oksky" else {}
    made = await client.post(manner.users, with_fields(manner, "anna", **fields))
    assert made.status == 201, made.body
    one = f"{manner.users}/{manner.id_of(made.json)}"
    for answer in (made, await client.get(one), await client.get(manner.users)):
        assert is_data(answer)
    html = {**client.headers, "Accept": "text/html"}
    for path in (one, f"{manner.users}/{HTML}", f"{manner.prefix}/{HTML}", f"{manner.users}?{HTML}={HTML}"):
        for speaker in (client, client.with_headers(html), client.with_headers({"Accept": "text/html"})):
            assert is_data(await speaker.get(path)), path
