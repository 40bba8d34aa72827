"""Answers that are given again: the same bytes as if they had been made anew, and never a moment longer than true."""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress

import pytest
from structlog.testing import capture_logs

from chatsrv.api.memo import MEMO, Memo
from chatsrv.app import create_app
from chatsrv.domain.apps import ALL_SCOPES
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source, Viewer
from chatsrv.domain.sessions import Departure, Device, NewSession
from chatsrv.services import Services, open_services
from chatsrv.storage.keys import SHARDS
from tests.conftest import MakeSettings
from tests.listening import served

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

FRESH = re.compile(rb"^(Date|X-Request-Id|X-RateLimit-Remaining|X-RateLimit-Reset): [^\r]*\r\n", re.MULTILINE)
TRACE = re.compile(rb'"traceId":"[^"]*"')
LENGTH = re.compile(rb"^Content-Length: (\d+)", re.MULTILINE)
ANNA = "/v1/demo/users/anna"
PAGE = "/v1/demo/users?presence=true&limit=3"
PATHS = (
    ANNA,
    f"{ANNA}?fields=*",
    "/v1/users/ANNA/",
    "/v1/demo/users",
    PAGE,
    f"{PAGE}&offset=1&sort=-first_name",
    "/v1/demo/users?presence=true&sort=-last_login_at,username",
    "/v1/demo/users?presence=true&filter=presence_status:eq:1",
    "/v1/demo/users?fields=username,last_seen_at&cursor=",
    f"{ANNA}/presence",
    "/v1/demo/presence/counts",
)
NAMES = ("anna", "ben", "cleo", "dora")


class Node:
    """A server, and one connection to it that is kept."""

    def __init__(self, services: Services, memo: Memo, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.services = services
        self.key = ""
        self._memo = memo
        self._reader = reader
        self._writer = writer

    async def get(self, path: str, *headers: str, method: str = "GET") -> bytes:
        """The whole answer."""
        lines = [f"{method} {path} HTTP/1.1", "Host: chat.example", f"Authorization: Bearer {self.key}", *headers]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        has_body = length and method == "GET" and b" 304 " not in head[:15]
        return head + await self._reader.readexactly(int(length[1]) if length and has_body else 0)

    async def settle(self) -> None:
        """Until it has read of the change log what there is."""
        services = self.services
        await services.announcements.flush()
        for shard in range(SHARDS):
            services.following.want(shard, (await services.presence._store.beat(shard, "nobody")).position)
        if not services.mirror.knows("demo"):
            services.mirror.want("demo")
        async with asyncio.timeout(10):
            while not (services.freshness.is_level("demo") and services.mirror.knows("demo")):
                await services.following.load_missing()
                await asyncio.sleep(0.001)

    @property
    def given_again(self) -> float:
        """Answers that were not made anew."""
        self._memo.settle()
        value = self.services.metrics.registry.get_sample_value("chatsrv_http_remembered_total", {"dialect": "native"})
        return value or 0.0

    async def count_again(self, *requests: Awaitable[bytes]) -> float:
        """How many of these answers were not made anew."""
        before = self.given_again
        for request in requests:
            await request
        return self.given_again - before


@asynccontextmanager
async def node(make_settings: MakeSettings, clock: Clock, **settings: object) -> AsyncIterator[Node]:
    async with open_services(make_settings(credential_cache_s=60, **settings), clock) as services:
        app = create_app(services)
        async with served(app, services.settings) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            with closing(writer):
                yield Node(services, app[MEMO], reader, writer)


@pytest.fixture
async def remembering(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Node]:
    """It has Anna in the app demo, and is level with the log."""
    async with node(make_settings, clock) as opened:
        _, opened.key = await opened.services.apps.create("demo", None)
        await opened.services.users.create("demo", {"username": "anna", "first_name": "Änne 100%"}, SERVER)
        await opened.settle()
        yield opened


def constant(answer: bytes) -> bytes:
    return TRACE.sub(b"", FRESH.sub(b"", answer))


@pytest.mark.parametrize("path", PATHS)
async def test_an_answer_is_given_again_byte_for_byte_but_for_what_is_fresh_in_each(
    remembering: Node, path: str
) -> None:
    first = await remembering.get(path)
    before = remembering.given_again
    second = await remembering.get(path)
    assert remembering.given_again == before + 1
    assert constant(first) == constant(second)
    assert [one[0] for one in FRESH.findall(first)] == [one[0] for one in FRESH.findall(second)]


async def test_each_answer_has_an_id_of_its_own_and_counts_down_the_rate(
    make_settings: MakeSettings, clock: Clock
) -> None:
    async with node(make_settings, clock, key_rate_per_minute=60) as slow:
        _, slow.key = await slow.services.apps.create("demo", None)
        await slow.services.users.create("demo", {"username": "anna"}, SERVER)
        await slow.settle()
        answers = [await slow.get(ANNA) for _ in range(3)]
        assert slow.given_again == 2
    ids = {re.search(rb"X-Request-Id: ([0-9a-f]{32})", answer)[1] for answer in answers}  # type: ignore[index]
    left = [int(re.search(rb"Remaining: (\d+)", answer)[1]) for answer in answers]  # type: ignore[index]
    assert len(ids) == 3
    assert left[0] > left[1] > left[2]


async def test_a_conditional_get_is_given_its_304_again(remembering: Node) -> None:
    etag = re.search(rb'ETag: ("[^"]+")', await remembering.get(ANNA))[1].decode()  # type: ignore[index]
    one, two = [await remembering.get(ANNA, f"If-None-Match: {etag}") for _ in range(2)]
    assert one.startswith(b"HTTP/1.1 304 Not Modified\r\n")
    assert constant(one) == constant(two)


async def test_whoever_has_used_up_their_rate_is_refused_by_it(make_settings: MakeSettings, clock: Clock) -> None:
    async with node(make_settings, clock, key_rate_per_minute=1, key_rate_burst=3) as small:
        _, small.key = await small.services.apps.create("demo", None)
        await small.services.users.create("demo", {"username": "anna"}, SERVER)
        await small.settle()
        answers = [await small.get(ANNA) for _ in range(5)]
        assert [answer[9:12] for answer in answers] == [b"200", b"200", b"200", b"429", b"429"]
        refused = small.services.metrics.registry.get_sample_value("chatsrv_http_rate_limited_total", {"kind": "key"})
        assert refused == 2


async def test_a_revoked_key_opens_nothing_that_is_remembered(remembering: Node) -> None:
    services = remembering.services
    key, remembering.key = await services.apps.create_key("demo", "x", ALL_SCOPES, (), None)
    await remembering.settle()
    assert [(await remembering.get(ANNA))[9:12] for _ in range(2)] == [b"200", b"200"]
    await services.apps.revoke_key("demo", key.id)
    assert (await remembering.get(ANNA))[9:12] == b"401"


async def test_whoever_is_signed_in_to_the_dashboard_is_told_nothing_that_is_remembered(remembering: Node) -> None:
    services = remembering.services
    session, _ = await services.admin.sign_in_by_link((await services.admin.make_link())[0], "192.0.2.1")
    remembering.key = await services.operators.open_app(session, "demo")
    assert await remembering.count_again(remembering.get(ANNA), remembering.get(ANNA)) == 0
    await services.operators.sign_out(session)
    assert (await remembering.get(ANNA)).startswith(b"HTTP/1.1 401 ")


async def test_what_one_key_was_told_another_key_is_not(remembering: Node) -> None:
    await remembering.get(ANNA)
    remembering.key = f"cs_{'a' * 12}_x"
    assert (await remembering.get(ANNA))[9:12] == b"401"


async def test_a_page_that_may_not_read_any_more_is_told_so_by_no_answer_that_is_remembered(remembering: Node) -> None:
    apps, page = remembering.services.apps, "Origin: https://shop.example"
    for path in (ANNA, PAGE):
        for origins, may_read in (("https://shop.example", True), ("https://other.example", False), ("*", True)):
            await apps.change_setting("demo", "allowed_origins", origins)
            await remembering.settle()
            answers = [await remembering.get(path, page) for _ in range(2)]
            assert [b"Access-Control-Allow-Origin" in answer for answer in answers] == [may_read] * 2
    assert remembering.given_again == 6


@pytest.mark.parametrize(
    "headers",
    [("X-Request-Id: mine",), ("Connection: close",)],
    ids=["an id of the client's own", "a connection that closes"],
)
async def test_what_no_second_request_can_share_is_not_remembered(
    make_settings: MakeSettings, clock: Clock, headers: tuple[str, ...]
) -> None:
    async with node(make_settings, clock) as opened:
        _, opened.key = await opened.services.apps.create("demo", None)
        await opened.services.users.create("demo", {"username": "anna"}, SERVER)
        await opened.settle()
        await opened.get(ANNA, *headers)
        assert opened._memo.size == 0


async def test_other_methods_errors_and_other_callers_are_not_remembered(remembering: Node) -> None:
    token, _ = await remembering.services.callers.mint_token(await remembering.services.apps.get("demo"), "anna", 3600)
    await remembering.get(ANNA, method="HEAD")
    await remembering.get("/v1/demo/users/nobody")
    await remembering.get("/v1/demo/channels")
    remembering.key = token
    await remembering.get(ANNA)
    assert remembering._memo.size == 0


async def test_a_change_of_somebody_else_leaves_the_answers_about_one_user_and_ends_those_about_many(
    remembering: Node,
) -> None:
    for path in (ANNA, PAGE):
        await remembering.get(path)
    await remembering.services.users.create("demo", {"username": "ben"}, SERVER)
    await remembering.settle()
    assert await remembering.count_again(remembering.get(ANNA)) == 1
    assert await remembering.count_again(remembering.get(PAGE)) == 0


async def test_a_page_is_given_again_while_people_change_who_are_not_on_it(remembering: Node) -> None:
    services = remembering.services
    for name in ("ben", "cleo"):
        await services.users.create("demo", {"username": name}, SERVER)
    await remembering.settle()
    first = "/v1/demo/users?presence=true&limit=1"
    by_presence = f"{first}&filter=presence_status:eq:0"
    for path in (first, by_presence):
        await remembering.get(path)
        assert await remembering.count_again(remembering.get(path)) == 1
    await come(services, "cleo")
    await remembering.settle()
    assert await remembering.count_again(remembering.get(first)) == 1
    assert await remembering.count_again(remembering.get(by_presence)) == 0
    assert b'"presence_status":0' in await remembering.get(first)
    await come(services, "anna")
    await remembering.settle()
    assert await remembering.count_again(remembering.get(first)) == 0
    assert b'"presence_status":1' in await remembering.get(first)
    await services.users.update("demo", "cleo", {"first_name": "Cleo"}, SERVER)
    await remembering.settle()
    assert await remembering.count_again(remembering.get(first)) == 0


async def come(services: Services, username: str) -> None:
    """Online, by a session of their own."""
    app = await services.apps.get("demo")
    user = await services.users.find("demo", username)
    session = NewSession(f"s-{username}", "c", False, Device.WEB, None, "websocket", "")
    await services.presence.open(app, user, session)


async def test_nothing_is_given_again_while_this_node_has_not_read_what_it_wrote(remembering: Node) -> None:
    await remembering.get(ANNA)
    services = remembering.services
    services.following.want(0, (2**60, 0))
    for shard in range(SHARDS):
        services.following.want(shard, (2**60, 0))
    assert await remembering.count_again(remembering.get(ANNA)) == 0


async def test_what_is_kept_is_bounded_in_bytes(make_settings: MakeSettings, clock: Clock) -> None:
    async with node(make_settings, clock, answer_cache_bytes=6000) as small:
        _, small.key = await small.services.apps.create("demo", None)
        await small.services.users.create("demo", {"username": "anna"}, SERVER)
        await small.settle()
        paths = [f"{ANNA}?fields={','.join(fields)}" for fields in (["username"], ["role"], ["email"], ["id"])]
        for path in paths:
            await small.get(path)
        assert 0 < small._memo.size <= 6000
        assert await small.count_again(small.get(paths[-1])) == 1
        assert await small.count_again(small.get(paths[0])) == 0


# Against a node that remembers nothing, under everything that can change


Act = Callable[[Services, random.Random], Awaitable[object]]


async def _create(services: Services, dice: random.Random) -> None:
    await services.users.create("demo", {"username": dice.choice(NAMES), "first_name": str(dice.random())}, SERVER)


async def _update(services: Services, dice: random.Random) -> None:
    await services.users.update("demo", dice.choice(NAMES), {"first_name": str(dice.random())}, SERVER)


async def _rename(services: Services, dice: random.Random) -> None:
    await services.users.rename("demo", dice.choice(NAMES), dice.choice(NAMES), SERVER)


async def _delete(services: Services, dice: random.Random) -> None:
    await services.accounts.delete("demo", dice.choice(NAMES))


async def _discard(services: Services, dice: random.Random) -> None:
    await services.accounts.discard("demo", dice.choice(NAMES), SERVER)


async def _deactivate(services: Services, dice: random.Random) -> None:
    act = dice.choice((services.accounts.deactivate, services.accounts.reactivate))
    await act("demo", dice.choice(NAMES), SERVER)


async def _connect(services: Services, dice: random.Random) -> None:
    user = await services.users.find("demo", dice.choice(NAMES))
    app = await services.apps.get("demo")
    id_ = f"s{dice.randrange(10**9)}"
    await services.presence.open(app, user, NewSession(id_, id_, False, dice.choice(list(Device)), None, "http", ""))


async def _disconnect(services: Services, dice: random.Random) -> None:
    ids = services.upkeep._local.ids()
    if ids:
        await services.presence.close(dice.choice(ids), dice.choice(list(Departure)))


async def _claim(services: Services, dice: random.Random) -> None:
    user = await services.users.find("demo", dice.choice(NAMES))
    status = dice.choice((PresenceStatus.DND, PresenceStatus.INVISIBLE, PresenceStatus.AWAY, PresenceStatus.ONLINE))
    claim = Claim(str(dice.random()), Source.MANUAL, status, text=dice.choice((None, "busy")))
    await services.claims.put(user, claim, dice.choice((None, 30)), "", Viewer(None))


async def _pass_time(services: Services, dice: random.Random) -> None:
    services.clock.advance(dice.choice((1, 20, 70)))
    await services.upkeep.beat()
    await services.upkeep.sweep()


async def _flush(services: Services, _: random.Random) -> None:
    await services.clocks.flush()


ACTS: tuple[Act, ...] = (
    _create, _create, _update, _rename, _delete, _discard, _deactivate, _connect, _connect, _disconnect, _claim,
    _pass_time, _flush,
)  # fmt: skip


async def _act(node: Node, dice: random.Random) -> None:
    with suppress(ChatError):  # nobody of that name, or a name that is taken: that is a state, too
        await dice.choice(ACTS)(node.services, dice)


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_on_either_node_answers_are_those_of_a_node_that_remembers_nothing(
    make_settings: MakeSettings, clock: Clock, seed: int
) -> None:
    dice = random.Random(seed)
    async with (
        node(make_settings, clock) as one,
        node(make_settings, clock, answer_cache_bytes=0, row_cache_bytes=0) as plain,
    ):
        plain.services.freshness._now = lambda: math.inf  # it never trusts what it remembers
        _, one.key = await one.services.apps.create("demo", None)
        plain.key = one.key
        for _ in range(40):
            await _act(dice.choice((one, plain)), dice)
            await plain.services.announcements.flush()
            await one.settle()
            for path in dice.sample(PATHS, 4):
                expected = constant(await plain.get(path))
                assert [constant(await one.get(path)) for _ in range(2)] == [expected, expected], path
        assert one.given_again > 100
        assert plain.given_again == 0


async def test_what_a_node_has_written_its_next_answer_tells(remembering: Node) -> None:
    """Without waiting for anything in between."""
    services = remembering.services
    for round_ in range(30):
        await remembering.get(ANNA)
        await services.users.update("demo", "anna", {"first_name": f"Anna {round_}"}, SERVER)
        assert f'"Anna {round_}"'.encode() in await remembering.get(ANNA)
        status = PresenceStatus.DND if round_ % 2 else PresenceStatus.AWAY
        anna = await services.users.find("demo", "anna")
        await services.claims.put(anna, Claim(str(round_), Source.MANUAL, status), 60, "", Viewer(None))
        assert f'"presence_status":{int(status)}'.encode() in await remembering.get(ANNA)


async def test_what_was_given_again_is_in_the_log_with_the_key_that_was_shown(
    make_settings: MakeSettings, clock: Clock
) -> None:
    """Whoever looks for what a leaked key was used for finds all of it."""
    async with node(make_settings, clock, access_log=True) as remembering:
        _, remembering.key = await remembering.services.apps.create("demo", None)
        await remembering.services.users.create("demo", {"username": "anna"}, SERVER)
        await remembering.settle()
        await remembering.get(ANNA)
        with capture_logs() as lines:
            assert await remembering.count_again(remembering.get(ANNA)) == 1
    assert [line["by"] for line in lines] == [f"key {remembering.key.split('_')[1]}"]
