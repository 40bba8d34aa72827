"""Import and export: what goes out comes in again as it was, and a bad line spoils no other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from chatsrv.domain.apps import App
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError, Conflict, Invalid, Malformed, TooLarge, Unauthenticated
from chatsrv.domain.presence import SERVER, PresenceStatus, Viewer
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.services import Services, open_services
from chatsrv.services.transfer import FIELDS, ImportReport, split_lines
from tests.conftest import DemoApp, MakeSettings

LONGEST = 8
CONTENT = b"one\n\n12345678\n123456789\r\n1234567890123456789012345\ntwo\r\n" + "ä\n".encode() + b"123456789"


async def stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def split(*pieces: bytes) -> list[bytes | type]:
    """The lines, with the kind of error where there is no line."""
    found = [line async for line in split_lines(stream(pieces), LONGEST)]
    return [line if isinstance(line, bytes) else type(line) for line in found]


async def lines_of(*items: Any) -> AsyncIterator[bytes | ChatError]:
    for item in items:
        yield item if isinstance(item, bytes | ChatError) else json.dumps(item).encode()


async def take(services: Services, app_id: str, *items: Any) -> ImportReport:
    return await services.transfer.import_lines(app_id, lines_of(*items))


async def export(services: Services, app_id: str) -> bytes:
    return b"".join([piece async for piece in services.transfer.export_lines(app_id)])


def told(report: ImportReport) -> tuple[int, int, list[tuple[int, type]]]:
    return report.created, report.updated, [(failure.line, type(failure.error)) for failure in report.failed]


async def test_lines_are_the_same_wherever_the_stream_is_cut() -> None:
    whole: list[bytes | type] = [b"one", b"", b"12345678", TooLarge, TooLarge, b"two\r", "ä".encode(), TooLarge]
    assert await split(CONTENT) == whole
    assert await split(*(bytes((byte,)) for byte in CONTENT)) == whole
    for cut in range(len(CONTENT) + 1):
        assert await split(CONTENT[:cut], b"", CONTENT[cut:]) == whole
        for second in range(cut, len(CONTENT) + 1, 3):
            assert await split(CONTENT[:cut], CONTENT[cut:second], CONTENT[second:]) == whole


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\n", [b"a", b""]),
        (b"12345678\n", [b"12345678"]),
        (b"1234567890", [TooLarge]),
        (b"1234567890\n", [TooLarge]),
        (b"1234567890\na", [TooLarge, b"a"]),
        (b"1234567890" * 9 + b"\n" + b"1234567890" * 9 + b"\na", [TooLarge, TooLarge, b"a"]),
    ],
)
async def test_the_last_line_needs_no_end(content: bytes, lines: list[bytes | type]) -> None:
    for cut in range(len(content) + 1):
        assert await split(content[:cut], content[cut:]) == lines


PEOPLE: tuple[dict[str, Any], ...] = (
    {
        "username": "Änna",
        "first_name": "Ä",
        "last_name": "",
        "name": "Änna Ä",
        "email": "Anna@Example.org",
        "external_id": "1",
        "avatar": "a.png",
        "role": "admin",
        "status": 1,
        "metadata": {"a": [1, 2.5, None, {"b": "\u2028"}]},
        "language": "de",
        "timezone": "Europe/Berlin",
        "uuid": "0198c5a0-7b1e-7000-8000-000000000001",
        "created_at": "2020-02-29T00:00:00.001Z",
        "updated_at": "2021-02-28T23:59:59.999Z",
        "last_login_at": "2022-01-01T00:00:00.000Z",
        "last_active_at": "2022-01-01T00:00:00.002Z",
        "last_seen_at": "2022-01-01T00:00:00.003Z",
        "presence_changed_at": "2022-01-01T00:00:00.004Z",
        "to_others": {
            "last_login_at": "2021-01-01T00:00:00.000Z",
            "last_active_at": None,
            "last_seen_at": "2021-01-01T00:00:00.003Z",
            "presence_changed_at": "2021-01-01T00:00:00.004Z",
        },
        "claims": [
            {
                "id": "a1",
                "source": "manual",
                "status": 2,
                "text": None,
                "emoji": None,
                "expires_at": None,
                "set_at": "2021-12-31T00:00:00.000Z",
            },
            {
                "id": "a2",
                "source": "calendar",
                "status": None,
                "text": "away",
                "emoji": "🌴",
                "expires_at": "2022-01-01T00:00:00.000Z",
                "set_at": "2021-12-31T01:00:00.000Z",
            },
        ],
        "tokens_since": "2021-06-01T00:00:00.000Z",
        "onboarding": "invited",
    },
    {"username": "bert", "metadata": {}},
    {"username": "carl"},
)


async def test_what_is_exported_and_imported_is_exported_the_same(services: Services, demo: DemoApp) -> None:
    assert told(await take(services, "demo", *PEOPLE)) == (3, 0, [])
    exported = await export(services, "demo")
    first = json.loads(exported.splitlines()[0])
    assert first == PEOPLE[0]
    assert tuple(first) == FIELDS
    await services.apps.create("copy", None)
    report = await services.transfer.import_lines("copy", split_lines(stream([exported]), 10_000))
    assert told(report) == (3, 0, [])
    assert await export(services, "copy") == exported


async def test_importing_an_export_again_changes_nothing(services: Services, demo: DemoApp) -> None:
    await take(services, "demo", *PEOPLE)
    exported = await export(services, "demo")
    assert told(await take(services, "demo", *exported.splitlines())) == (0, 3, [])
    assert await export(services, "demo") == exported


async def test_somebody_invisible_is_restored_invisible(services: Services, demo: DemoApp, clock: Clock) -> None:
    await take(services, "demo", {**PEOPLE[0], "status": 0})
    app, user = await services.apps.get("demo"), await services.users.find("demo", "änna")
    session = NewSession("s1", "", False, Device.WEB, False, "websocket", "127.0.0.1")
    await services.presence.open(app, user, session)
    others = await services.users.get("demo", "änna", Viewer(user.id + 1))
    assert others.presence.status is PresenceStatus.OFFLINE
    assert others.presence.clocks == user.clocks_to_others != user.clocks
    assert (await services.users.get("demo", "änna", SERVER)).presence.status is PresenceStatus.INVISIBLE


async def test_an_old_export_gives_no_revoked_token_back_and_undoes_no_newer_claim(
    services: Services, demo: DemoApp
) -> None:
    await take(services, "demo", PEOPLE[0])
    before = await export(services, "demo")
    claim = {**PEOPLE[0]["claims"][0], "status": 1, "set_at": "2021-12-30T00:00:00Z"}
    others = {"last_login_at": "2020-01-01T00:00:00Z"}
    old = {"username": "änna", "tokens_since": "2021-05-01T00:00:00Z", "claims": [claim], "to_others": others}
    assert told(await take(services, "demo", old, {"username": "änna", "claims": None})) == (0, 2, [])
    untouched = {name: value for name, value in json.loads(before).items() if name != "updated_at"}
    assert {
        name: value for name, value in json.loads(await export(services, "demo")).items() if name in untouched
    } == untouched
    newer = {**old, "claims": [{**claim, "set_at": "2022-02-01T00:00:00Z"}], "tokens_since": "2022-02-01T00:00:00Z"}
    await take(services, "demo", newer)
    after = json.loads(await export(services, "demo"))
    assert (after["claims"][0]["status"], after["tokens_since"]) == (1, "2022-02-01T00:00:00.000Z")


async def test_an_old_export_turns_no_clock_of_presence_back(services: Services, demo: DemoApp) -> None:
    await take(services, "demo", PEOPLE[0])
    old = {**PEOPLE[0], "last_login_at": None, "last_seen_at": "2021-01-01T00:00:00Z", "first_name": "B"}
    assert told(await take(services, "demo", old)) == (0, 1, [])
    user = json.loads(await export(services, "demo"))
    assert user == {**PEOPLE[0], "first_name": "B"}


CLAIM = {"id": "a1", "source": "manual", "status": 2, "set_at": "2021-12-31T00:00:00Z"}

BAD: list[tuple[bytes | dict[str, Any] | ChatError, type]] = [
    (b"{", Malformed),
    (b"[]", Malformed),
    (b"null", Malformed),
    (b'{"username": "\xff"}', Malformed),
    (b'{"username": "\\ud800"}', Malformed),
    (b'\xef\xbb\xbf{"username": "bom"}x', Malformed),
    (b'{"username": "a"} {"username": "b"}', Malformed),
    ({}, Invalid),
    ({"first_name": "nobody"}, Invalid),
    ({"username": ""}, Invalid),
    ({"username": "x", "id": 7}, Invalid),
    ({"username": "x", "role": None}, Invalid),
    ({"username": "x", "created_at": None}, Invalid),
    ({"username": "x", "updated_at": "9999-12-31T23:59:59Z"}, Invalid),
    ({"username": "x", "status": 2}, Invalid),
    ({"username": "x", "uuid": "x"}, Invalid),
    ({"username": "x", "onboarding": 1}, Invalid),
    ({"username": "x", "to_others": {"x": 1}}, Invalid),
    ({"username": "x", "to_others": {"last_login_at": 1}}, Invalid),
    ({"username": "x", "claims": {}}, Invalid),
    ({"username": "x", "claims": [{}]}, Invalid),
    ({"username": "x", "claims": [{**CLAIM, "x": 1}]}, Invalid),
    ({"username": "x", "claims": [{**CLAIM, "set_at": 7}]}, Invalid),
    ({"username": "x", "claims": [{**CLAIM, "set_at": "5138-01-01T00:00:00Z"}]}, Invalid),
    ({"username": "x", "claims": [{**CLAIM, "text": "x" * 101}]}, Invalid),
    ({"username": "x", "claims": [{**CLAIM, "status": 7}]}, Invalid),
    ({"username": "x", "claims": [CLAIM] * 101}, Invalid),
    ({"username": "x", "email": "anna@example.ORG"}, Conflict),
    (TooLarge("too long"), TooLarge),
]


async def test_bad_lines_are_told_by_number_and_spoil_no_other(services: Services, demo: DemoApp) -> None:
    good: list[Any] = [{"username": "first", "email": "Anna@Example.org"}, b"", b"  \r"]
    report = await take(
        services, "demo", *good, *(line for line, _ in BAD), {"username": "last"}, {"username": "FIRST"}
    )
    assert told(report) == (2, 1, [(4 + index, kind) for index, (_, kind) in enumerate(BAD)])


async def test_a_line_may_be_nested_as_deep_as_a_request_and_no_depth_ends_an_import(
    services: Services, demo: DemoApp
) -> None:
    most = services.settings.json_max_depth
    depths = [most - 2, most - 1, most, 500, *range(900, 1010), 3000]
    nested = [b'{"username": "a", "metadata": {"a":' + b"[" * depth + b"]" * depth + b"}}" for depth in depths]
    report = await take(services, "demo", *nested)
    assert told(report) == (1, 0, [(line, Malformed) for line in range(2, len(depths) + 1)])


async def test_an_import_stops_where_nearly_every_line_is_bad(demo: DemoApp, make_settings: MakeSettings) -> None:
    async with open_services(make_settings(import_failures_max=4, import_batch=3)) as services:
        items = [{"username": "a"}, *[b"bad"] * 20, {"username": "z"}]
        report = await take(services, "demo", *items)
        assert report.stopped
        assert told(report) == (1, 0, [(line, Malformed) for line in range(2, 7)])
        assert not (await take(services, "demo", *[b"bad"] * 3, {"username": "b"})).stopped


async def test_progress_is_told_after_each_batch(demo: DemoApp, make_settings: MakeSettings) -> None:
    async with open_services(make_settings(import_batch=2)) as services:
        told_lines: list[int] = []
        items = lines_of(*({"username": f"user{number}"} for number in range(5)))
        await services.transfer.import_lines("demo", items, told_lines.append)
        assert told_lines == [2, 4, 5]


async def test_an_import_in_batches_is_as_one(demo: DemoApp, make_settings: MakeSettings) -> None:
    async with open_services(make_settings(import_batch=1)) as services:
        report = await take(services, "demo", *PEOPLE, *PEOPLE, b"bad")
        assert told(report) == (3, 3, [(7, Malformed)])


async def open_session(services: Services, app: App, session_id: str) -> PresenceStatus:
    session = NewSession(session_id, session_id, False, Device.WEB, False, "websocket", "127.0.0.1")
    user = await services.users.find(app.id, "anna")
    await services.presence.open(app, user, session)
    return (await services.users.get(app.id, "anna", SERVER)).presence.status


async def test_whom_an_import_deactivates_is_offline_until_it_reactivates_them(
    services: Services, demo: DemoApp, clock: Clock
) -> None:
    app = await services.apps.get("demo")
    await take(services, "demo", {"username": "anna"})
    assert await open_session(services, app, "s1") is PresenceStatus.ONLINE
    await take(services, "demo", {"username": "anna", "status": 1})
    assert (await services.users.get("demo", "anna", SERVER)).presence.status is PresenceStatus.OFFLINE
    with pytest.raises(Unauthenticated):
        await open_session(services, app, "s2")
    await take(services, "demo", {"username": "anna", "status": 0})
    assert await open_session(services, app, "s3") is PresenceStatus.ONLINE


async def test_an_export_knows_the_clocks_that_redis_holds(services: Services, demo: DemoApp) -> None:
    app = await services.apps.get("demo")
    await take(services, "demo", {"username": "anna"})
    await open_session(services, app, "s1")
    assert json.loads(await export(services, "demo"))["last_login_at"] is not None
