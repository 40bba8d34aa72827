"""Many users at once must end as if each had come alone: a model says how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError, Conflict, Malformed, NotFound
from chatsrv.domain.users import User, fold_case
from chatsrv.services import Services
from chatsrv.services.upserts import Outcome
from chatsrv.storage.clocks import CLOCKS_TO_OTHERS
from tests.conftest import DemoApp

UNIQUE = ("email", "external_id", "username", "uuid")
KEPT = ("username", "email", "external_id", "first_name", "role", "metadata")

Item = Mapping[str, Any] | ChatError


def folded(name: str, value: str | None) -> str | None:
    return fold_case(value) if value and name in ("username", "email") else value or None


@dataclass
class Model:
    """A directory that takes one item at a time."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def apply(self, item: Item) -> tuple[str | None, str, str | None]:
        """Username, status and the field of the conflict."""
        if isinstance(item, ChatError):
            return None, "error", None
        target = next((row for row in self.rows if self._same(row, item, "username")), None)
        for name in UNIQUE:
            if any(row is not target and self._same(row, item, name) for row in self.rows):
                return item["username"], "error", name
        if target is None:
            self.rows.append({"role": "user", **dict.fromkeys(CLOCKS_TO_OTHERS, 0), **item})
            return item["username"], "created", None
        target |= self._changes(target, item)
        return target["username"], "updated", None

    @staticmethod
    def _same(row: Mapping[str, Any], item: Mapping[str, Any], name: str) -> bool:
        key = folded(name, item.get(name))
        return key is not None and key == folded(name, row.get(name))

    @staticmethod
    def _changes(target: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
        later = {name: max(item[name], target[name]) for name in CLOCKS_TO_OTHERS if name in item}
        return {name: value for name, value in item.items() if name != "username"} | later


ITEMS: st.SearchStrategy[Item] = st.one_of(
    st.just(Malformed("no item")),
    *[
        st.fixed_dictionaries(
            {"username": st.sampled_from(["a", "A", "b", "c", "d"])},
            optional={
                "email": st.sampled_from([None, "x@y", "X@y", "z@y", "w@y"]),
                "external_id": st.sampled_from([None, "1", "2", "a"]),
                "uuid": st.sampled_from(["u1", "u2", "u3"]),
                "first_name": st.sampled_from([None, "x", "y"]),
                "role": st.sampled_from(["user", "admin"]),
                "metadata": st.sampled_from([None, {}, {"a": 1}]),
                "last_login_at": st.integers(0, 3),
            },
        )
    ]
    * 6,
)


def told(outcome: Outcome) -> tuple[str | None, str, str | None]:
    return outcome.username, outcome.status, outcome.error.field if isinstance(outcome.error, Conflict) else None


async def everybody(services: Services, app_id: str) -> list[User]:
    return [user async for batch in services.users.walk(app_id) for user in batch]


def kept(user: User, row: Mapping[str, Any]) -> dict[str, Any]:
    """The user as the model keeps them; a uuid that nobody gave is not compared."""
    values = {name: getattr(user, name) for name in KEPT} | {"last_login_at": user.clocks.last_login_at}
    return values | ({"uuid": user.uuid} if "uuid" in row else {})


def expected(row: Mapping[str, Any]) -> dict[str, Any]:
    names = (*KEPT, "last_login_at", *(("uuid",) if "uuid" in row else ()))
    return {name: row.get(name) for name in names}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(ITEMS, max_size=10), min_size=1, max_size=3))
async def test_a_batch_ends_as_if_each_item_had_come_alone(services: Services, batches: list[Sequence[Item]]) -> None:
    app_id = f"a{uuid4().hex}"
    await services.apps.create(app_id, None)
    model = Model()
    for batch in batches:
        outcomes = await services.upserts.apply(app_id, batch)
        assert [told(outcome) for outcome in outcomes] == [model.apply(item) for item in batch]
    found = {fold_case(user.username): user for user in await everybody(services, app_id)}
    rows = {fold_case(row["username"]): row for row in model.rows}
    assert {name: kept(user, rows[name]) for name, user in found.items()} == {
        name: expected(row) for name, row in rows.items()
    }


async def test_a_name_that_comes_back_after_others_were_written_is_found_again(
    services: Services, demo: DemoApp
) -> None:
    batch = [{"username": name} for name in ("a", "b", "a", "b", "c", "A", "B")]
    outcomes = await services.upserts.apply(demo.id, batch)
    assert [outcome.status for outcome in outcomes] == ["created"] * 2 + ["updated"] * 2 + ["created"] + ["updated"] * 2
    assert await services.users.count(demo.id) == 3


async def test_a_value_that_one_gives_up_another_may_take_in_the_same_batch(services: Services, demo: DemoApp) -> None:
    await services.upserts.apply(demo.id, [{"username": "a", "email": "x@y"}])
    outcomes = await services.upserts.apply(
        demo.id,
        [{"username": "b", "email": "x@y"}, {"username": "a", "email": None}, {"username": "b", "email": "X@Y"}],
    )
    assert [told(outcome) for outcome in outcomes] == [
        ("b", "error", "email"),
        ("a", "updated", None),
        ("b", "created", None),
    ]


async def test_an_upsert_moves_updated_at_even_when_the_clock_stands_or_runs_back(
    services: Services, demo: DemoApp, clock: Clock
) -> None:
    moments = []
    for step_s in (0, -3600, 0):
        clock.advance(step_s)
        await services.upserts.apply(demo.id, [{"username": "a"}, {"username": "a", "first_name": "x"}])
        moments.append((await services.users.find(demo.id, "a")).updated_at)
    assert moments == sorted(set(moments))


async def test_a_user_in_use_is_not_renamed_by_another_spelling(services: Services, demo: DemoApp) -> None:
    await services.upserts.apply(demo.id, [{"username": "Anna"}])
    (outcome,) = await services.upserts.apply(demo.id, [{"username": "ANNA", "first_name": "x"}])
    assert (outcome.username, outcome.status) == ("Anna", "updated")
    assert (await services.users.find(demo.id, "anna")).username == "Anna"


async def test_the_largest_batch_that_a_setting_allows_goes_through(services: Services, demo: DemoApp) -> None:
    batch = [
        {"username": f"n{i}", "email": f"{i}@x", "external_id": f"e{i}", "uuid": f"u{i}", "first_name": str(i)}
        for i in range(8000)
    ]
    for status in ("created", "updated"):
        assert {outcome.status for outcome in await services.upserts.apply(demo.id, batch)} == {status}
    assert await services.users.count(demo.id) == 8000


async def test_no_items_are_no_work(services: Services, demo: DemoApp) -> None:
    assert await services.upserts.apply(demo.id, []) == []


async def test_a_batch_for_an_app_that_has_gone_is_told_so(services: Services) -> None:
    with pytest.raises(NotFound, match="is there no more"):
        await services.upserts.apply("gone", [{"username": "a"}])
