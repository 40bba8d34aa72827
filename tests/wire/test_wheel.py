"""Deadlines: never early, at most a tick late, and one for each at a time."""

from __future__ import annotations

import asyncio
import random

from chatsrv.wire import Wheel

TICK_S = 0.1


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Item:
    """Notes when it was called; `again_s`: arms itself anew."""

    def __init__(self, wheel: Wheel, again_s: float = 0) -> None:
        self.wheel = wheel
        self.slot = 0
        self.again_s = again_s
        self.called: list[float] = []

    def on_due(self, now: float) -> None:
        self.called.append(now)
        if self.again_s:
            self.wheel.arm(self, self.again_s)


def turn_to(wheel: Wheel, time: Time, until: float, step_s: float = TICK_S / 4) -> None:
    while time.now < until:
        time.now += step_s
        wheel.turn()


def test_it_comes_after_its_time_and_within_a_tick() -> None:
    time = Time()
    wheel = Wheel(time, TICK_S)
    draw = random.Random(1)
    items = {Item(wheel): draw.uniform(0, 3) for _ in range(200)}
    for item, delay_s in items.items():
        wheel.arm(item, delay_s)
    turn_to(wheel, time, 1004)
    for item, delay_s in items.items():
        [called] = item.called
        assert 0 <= called - (1000 + delay_s) <= TICK_S * 1.5


def test_an_item_has_one_deadline_the_last() -> None:
    time = Time()
    wheel = Wheel(time, TICK_S)
    sooner, later = Item(wheel), Item(wheel)
    wheel.arm(sooner, 5)
    wheel.arm(sooner, 1)
    wheel.arm(later, 1)
    wheel.arm(later, 5)
    turn_to(wheel, time, 1002)
    assert (len(sooner.called), len(later.called)) == (1, 0)
    turn_to(wheel, time, 1010)
    assert (len(sooner.called), len(later.called)) == (1, 1)


def test_a_disarmed_item_is_not_called_and_not_kept() -> None:
    time = Time()
    wheel = Wheel(time, TICK_S)
    item = Item(wheel)
    wheel.arm(item, 1)
    wheel.disarm(item)
    wheel.disarm(item)
    turn_to(wheel, time, 1002)
    assert item.called == []


def test_an_item_may_arm_itself_again() -> None:
    time = Time()
    wheel = Wheel(time, TICK_S)
    item = Item(wheel, again_s=0.5)
    wheel.arm(item, 0.5)
    turn_to(wheel, time, 1010)
    assert 16 <= len(item.called) <= 20


def test_after_a_long_stop_everybody_is_called_once() -> None:
    """As a process that was paused."""
    time = Time()
    wheel = Wheel(time, TICK_S)
    items = [Item(wheel, again_s=1) for _ in range(50)]
    for number, item in enumerate(items):
        wheel.arm(item, number / 10)
    time.now += 600
    wheel.turn()
    assert [len(item.called) for item in items] == [1] * 50


def test_one_that_is_disarmed_by_another_of_its_tick_is_not_called() -> None:
    time = Time()
    wheel = Wheel(time, TICK_S)

    class Rival(Item):
        other: Rival

        def on_due(self, now: float) -> None:
            super().on_due(now)
            wheel.disarm(self.other)

    one, two = Rival(wheel), Rival(wheel)
    one.other, two.other = two, one
    wheel.arm(one, 1)
    wheel.arm(two, 1)
    turn_to(wheel, time, 1003)
    assert len(one.called) + len(two.called) == 1


async def test_on_a_running_loop_it_turns_by_itself_and_one_that_fails_harms_nobody() -> None:
    wheel, came = Wheel(tick_s=0.01), asyncio.Event()
    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))

    class Failing(Item):
        def on_due(self, now: float) -> None:  # noqa: ARG002
            raise ValueError("broken")

    class Last(Item):
        def on_due(self, now: float) -> None:  # noqa: ARG002
            came.set()

    try:
        failing, last = Failing(wheel), Last(wheel)
        wheel.arm(failing, 0.01)
        wheel.arm(last, 0.02)
        async with asyncio.timeout(5):
            await came.wait()
        assert [str(error) for error in complaints] == ["broken"]
    finally:
        loop.set_exception_handler(usual)
