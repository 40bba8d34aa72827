"""That a world is what its model says: field by field in each dialect, and for each of those who look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from chatsrv.domain.presence import PresenceStatus
from chatsrv.domain.users import fold_case
from tests.fuzz.directory_model import Account, Directory
from tests.fuzz.directory_world import PATIENCE_S, World

NEAR_MS = 1500
WORDS = {PresenceStatus.ONLINE: "online", PresenceStatus.AWAY: "away", PresenceStatus.DND: "away"}
ProbeDraw = tuple[str, str]

probes = st.one_of(
    st.tuples(st.just("status"), st.sampled_from(["0", "1"])),
    st.tuples(st.just("presence_status"), st.sampled_from(["0", "1", "2", "3", "4", "1;3", "0;2"])),
    st.tuples(st.just("role"), st.sampled_from(["admin", "user"])),
    st.tuples(st.just("first_name"), st.sampled_from(["a", "ü", "o'"])),
    st.tuples(st.just("sort"), st.sampled_from(["username", "-username", "first_name"])),
    st.tuples(st.just("panel"), st.sampled_from(["email=anna", "email=MAIL", "username=an", "username=-9"])),
    st.tuples(st.just("pulse"), st.sampled_from(["active", "deactivated", "deleted", "created"])),
    st.tuples(st.just("oksky"), st.sampled_from(["administrators", "customers"])),
)
"""A filter or sort, and its value."""


async def settled(world: World, model: Directory, *, has_news: bool) -> None:
    """No deadline is near, what is over has ended, and what sockets did has been heard of."""
    while any(abs(at - world.now) < NEAR_MS for at in model.deadlines()):
        await world.pass_time(2 * NEAR_MS / 1000)
    await world.sweep()
    if has_news:
        await world.watch([one.username for one in model.alive])
    now = world.now
    truth = {one.username: one.truth(now) for one in model.alive}
    shown = {one.username: one.to_others(now) for one in model.alive}

    async def is_so() -> bool:
        world.take_events()
        if any(world.view.get(name) != state for name, state in shown.items()):
            return False
        return presences(await world.page()) == truth

    await _in_time(is_so)


async def _in_time(is_so: Callable[[], Any]) -> None:
    """Or else: what is compared next tells the difference."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await is_so():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pass


def presences(users: Any) -> dict[str, tuple[int, str | None]]:
    return {one["username"]: (one["presence_status"], one["text"]) for one in users}


async def check_all(world: World, model: Directory) -> None:
    now = world.now
    await _check_native(world, model, now)
    await _check_oksky(world, model, now)
    await _check_panel(world, model)
    await _check_pulse(world, model)
    shown = {one.username: one.to_others(now) for one in model.alive}
    assert presences(await world.page(viewer=world.observer)) == shown
    assert await world.read(world.key, f"/v1/{world.app.id}/presence/counts") == model.count(now)
    assert {name: world.view.get(name) for name in shown} == shown, "the watcher sees something else"
    await world.follow()
    followed = {name: world.follower.shown.get(fold_case(name), (0, None)) for name in shown}
    assert followed == shown, "who follows by since= sees something else"


async def _check_native(world: World, model: Directory, now: int) -> None:
    found = {one["username"]: one for one in await world.page()}
    names = ("id", "uuid", "username", "first_name", "last_name", "name", "email", "role")
    for account in model.alive:
        status, text = account.truth(now)
        one = found.pop(account.username)
        assert {name: one[name] for name in names} == {name: getattr(account, name) for name in names}
        told = (one["status"], one["presence_status"], one["text"])
        assert told == (0 if account.is_active else 1, status, text), (account, told)
        assert one["created_at"] <= one["updated_at"]
        assert (one["last_seen_at"] is None) or status == PresenceStatus.OFFLINE
    assert not found


async def _check_oksky(world: World, model: Directory, now: int) -> None:
    page = await world.read(world.oksky, "/rapi/v1/users?page[size]=100")
    assert page["meta"]["record_count"] == len(model.alive)
    assert [one["id"] for one in page["data"]] == [str(account.id) for account in in_order(model)]
    for one, account in zip(page["data"], in_order(model), strict=True):
        expected = {
            "uuid": account.uuid,
            "username": account.username,
            "full_name": account.full_name or None,
            "name": account.display_name,
            "email": account.email,
            "user_type": "Administrator" if account.role == "admin" else "Customer",
            "is_active": account.is_active,
            "status": WORDS.get(account.to_others(now)[0], "offline"),
        }
        assert {name: one["attributes"][name] for name in expected} == expected
        assert one["type"] == ("administrators" if account.role == "admin" else "customers")


async def _check_panel(world: World, model: Directory) -> None:
    page = await world.read(world.key, "/api/application/users?per_page=1000")
    assert page["meta"]["pagination"]["total"] == len(model.alive)
    for one, account in zip(page["data"], in_order(model), strict=True):
        expected = {
            "id": account.id,
            "uuid": account.uuid,
            "username": account.username,
            "email": account.email or "",
            "first_name": account.first_name or "",
            "last_name": account.last_name or "",
            "root_admin": account.role == "admin",
        }
        assert {name: one["attributes"][name] for name in expected} == expected


async def _check_pulse(world: World, model: Directory) -> None:
    """The discarded are told of here, and here alone."""
    page = await world.read(world.pulse, "/api/v1/users?page[size]=100")
    assert page["meta"]["record_count"] == len(model.accounts)
    found = {one["id"]: one["attributes"] for one in page["data"]}
    for account in model.accounts:
        one = found.pop(account.uuid)
        assert (one["name"], one["email"], one["status"]) == (account.display_name, account.email, account.state)
        assert (one["discarded_at"] is not None) is account.is_discarded
    assert not found


def in_order(model: Directory) -> list[Account]:
    return sorted(model.alive, key=lambda account: account.id)


# Filters and sorts


async def check_probe(world: World, model: Directory, probe: ProbeDraw) -> None:
    await PROBES.get(probe[0], _check_filter)(world, model, *probe)


async def _check_filter(world: World, model: Directory, field: str, value: str) -> None:
    operator = {"presence_status": "in", "first_name": "begins"}.get(field, "eq")
    now = world.now
    for viewer, see in ((world.key, Account.truth), (world.observer, Account.to_others)):
        found = await world.page([("filter", f"{field}:{operator}:{value}")], viewer)
        values = {
            one.username: {
                "status": "0" if one.is_active else "1",
                "presence_status": str(int(see(one, now)[0])),
                "role": one.role,
                "first_name": fold_case(one.first_name or ""),
            }[field]
            for one in model.alive
        }
        expected = {name for name, has in values.items() if _passes(operator, has, value)}
        assert {one["username"] for one in found} == expected, (field, value)


def _passes(operator: str, has: str, wanted: str) -> bool:
    return has.startswith(wanted) if operator == "begins" else has in wanted.split(";")


async def _check_sort(world: World, model: Directory, _: str, order: str) -> None:
    found = [one["username"] for one in await world.page([("sort", order)])]
    field = order.removeprefix("-")
    keys = [fold_case(getattr(model.find(name), field) or "") for name in found]
    assert sorted(found) == sorted(one.username for one in model.alive)
    assert keys == sorted(keys, reverse=order.startswith("-")), (order, found)


async def _check_panel_filter(world: World, model: Directory, _: str, asked: str) -> None:
    field, _, value = asked.partition("=")
    page = await world.read(world.key, f"/api/application/users?filter[{field}]={value}")
    expected = [one.username for one in in_order(model) if value.lower() in (getattr(one, field) or "").lower()]
    assert [one["attributes"]["username"] for one in page["data"]] == expected


async def _check_pulse_filter(world: World, model: Directory, _: str, state: str) -> None:
    page = await world.read(world.pulse, f"/api/v1/users?page[size]=100&filter[status]=eq:{state}")
    assert {one["id"] for one in page["data"]} == {one.uuid for one in model.accounts if one.state == state}
    assert page["meta"]["record_count"] == len(page["data"])


async def _check_subtype(world: World, model: Directory, _: str, kind: str) -> None:
    page = await world.read(world.oksky, f"/rapi/v1/{kind}?page[size]=100")
    expected = [str(one.id) for one in in_order(model) if (one.role == "admin") is (kind == "administrators")]
    assert [one["id"] for one in page["data"]] == expected


PROBES: Mapping[str, Callable[..., Any]] = {
    "sort": _check_sort,
    "panel": _check_panel_filter,
    "pulse": _check_pulse_filter,
    "oksky": _check_subtype,
}
