"""Documents as the original writes them, held key by key, in their order, against those that we write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chatsrv.api.oksky.people import DEFAULT_AVATAR
from chatsrv.services import Services
from tests.api.native.people import come_online
from tests.api.oksky.people import Sky, add, add_room, as_key, changed, new
from tests.client import Answer

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

GOLDEN = Path(__file__).parents[2] / "golden" / "oksky"

VARYING = (
    (r'"uuid":"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"', '"uuid":"{uuid}"'),
    (r'"created_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}', '"created_at":"{time}'),
    (r'"created_at_unix":\d{10}\b', '"created_at_unix":"{seconds}"'),
)
"""What differs from run to run, and what stands for it in the documents."""

ANNA: dict[str, Any] = {
    "full_name": "Anna Berg",
    "name": "Anni",
    "email": "Anna@Mail.test",
    "avatar_url": "https://mail.test/anna.png",
    "max_support_count": 15,
    "timezone": "Asia/Tokyo",
    "in_training": True,
    "language": "ja",
    "last_seen_location": "https://mail.test/clients/1",
    "sound_notification": False,
    "info": {"gender": "1", "country": "japan"},
    "notification_email": "desk@mail.test",
}


async def test_the_documents_are_those_of_the_original(sky: Sky, services: Services) -> None:
    def check(name: str, status: int, answer: Answer) -> None:
        text = answer.body.decode().replace(sky.api.url, "{origin}").replace(DEFAULT_AVATAR, "{avatar}")
        for pattern, placeholder in VARYING:
            text = re.sub(pattern, placeholder, text)
        golden = (GOLDEN / f"{name}.json").read_text("utf-8")
        assert answer.status == status
        assert json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n" == golden, name

    await add(services, "anna", role="admin")
    await add(services, "ben")
    room = await add_room(services, "board", 1, "2")
    session = await come_online(services, "ben")
    await services.channels.enter(await services.users.find("demo", "ben"), session, int(room))
    check("user_updated", 200, await sky.patch("/users/1", changed("users", "1", **ANNA)))
    check("user", 200, await sky.get("/users/2"))
    check("users", 200, await sky.get("/users"))
    check("room", 200, await sky.get("/rooms/1"))
    check("member", 200, await sky.get("/members/1"))
    check("linkage", 200, await sky.get("/users/2/relationships/rooms"))
    check("related", 200, await sky.get("/users/2/rooms"))
    check("user_created", 201, await sky.post("/users", new("users", username="carl")))
    query = "page[number]=2&page[size]=1&include=members.room&fields[users]=username,members"
    check("users_in_the_middle", 200, await sky.get(f"/users?{query}"))
    check("users_deactivated", 200, await sky.patch("/users/deactivate?filter[id]=2"))
    check("error_401", 401, await as_key(sky.api, None).get("/users"))
    check("error_404", 404, await sky.get("/users/999"))
    check("error_422", 422, await sky.post("/users", new("users")))
    assert {path.stem for path in GOLDEN.iterdir()} == GOLDEN_NAMES


GOLDEN_NAMES = {
    *("user", "user_created", "user_updated", "users", "users_in_the_middle", "users_deactivated"),
    *("room", "member", "linkage", "related", "error_401", "error_404", "error_422"),
}
