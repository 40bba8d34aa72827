"""When sockets are warned of the end of their tokens, by a clock that is the test's."""

from __future__ import annotations

from chatsrv.realtime.expiries import SLACK, Expiries


class Told:
    """What `Expiries` did to whom; a token is good for 100 s, warned of 60 s before, and ends 25 s after."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.expiries = Expiries(self.warn, self.end, warning_s=60, close_s=25)

    async def warn(self, sid: str, expires_at: int) -> None:
        assert expires_at % 1000 == 0
        self.done.append(("warn", sid))

    async def end(self, sid: str) -> None:
        self.done.append(("end", sid))

    async def at(self, second: int) -> list[tuple[str, str]]:
        """What is newly done then."""
        self.done.clear()
        await self.expiries.check(second * 1000)
        return list(self.done)


async def test_each_token_is_warned_of_and_ends_once_at_its_time() -> None:
    told = Told()
    told.expiries.keep("early", 100_000)
    told.expiries.keep("late", 110_000)
    assert [await told.at(second) for second in (39, 40, 41, 50)] == [[], [("warn", "early")], [], [("warn", "late")]]
    told.expiries.keep("early", 300_000)
    assert await told.at(134) == []
    assert await told.at(135) == [("end", "late")]
    assert await told.at(240) == [("warn", "early")]
    told.expiries.forget("early")
    assert await told.at(400) == []


async def test_a_node_that_slept_warns_and_ends_at_once() -> None:
    told = Told()
    told.expiries.keep("s", 100_000)
    assert await told.at(1000) == [("warn", "s"), ("end", "s")]


async def test_sockets_that_come_and_go_before_their_tokens_expire_leave_nothing_behind() -> None:
    told = Told()
    told.expiries.keep("stays", 100_000)
    for number in range(5 * SLACK):
        told.expiries.keep(f"s{number}", 90_000)
        told.expiries.forget(f"s{number}")
        assert len(told.expiries) <= SLACK + 4
    assert await told.at(40) == [("warn", "stays")]
