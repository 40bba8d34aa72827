"""The service desk in SQL: stars, notes and named values, and who has what. Both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.desk import InChannel, InSupport, Relation
from chatsrv.domain.errors import Invalid, NotFound, UserNotFound
from chatsrv.domain.presence import SERVER
from chatsrv.domain.users import User
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings

HUGE = 2**70
ALL = tuple(Relation)


@pytest.fixture
async def people(services: Services, demo: DemoApp) -> dict[str, User]:
    """Of the app demo."""
    return {name: await add(services, name) for name in ("anna", "bert", "carl")}


async def add(services: Services, username: str, app_id: str = "demo") -> User:
    return (await services.users.create(app_id, {"username": username}, SERVER)).user


async def channel(services: Services, app_id: str = "demo") -> int:
    return (await services.channels.create(app_id, {}, None, SERVER)).channel.id


async def links(services: Services, relation: Relation, *users: User) -> list[list[int]]:
    found = await services.desk.links("demo", relation, [user.id for user in users])
    assert list(found) == [user.id for user in users]
    return list(found.values())


async def furnish(services: Services, people: dict[str, User]) -> int:
    """Anna has one of everything; the support is hers for Bert. Returns the channel."""
    anna, bert = people["anna"], people["bert"]
    room = await channel(services)
    support = await services.supports.open("demo", room, "bert", "anna")
    await services.notes.add_memo("demo", "anna", "bert", "kind")
    await services.notes.put_draft("demo", anna.id, InChannel(room), "hello")
    await services.notes.put_draft("demo", anna.id, InSupport(support.id), "dear")
    await services.named_values.put("demo", "anna", Relation.INFOS, "plan", "gold")
    await services.named_values.put("demo", "anna", Relation.WIDGET_SETTINGS, "theme", {"dark": True})
    await services.stars.star_channel("demo", "anna", room)
    await services.stars.star_customer("demo", "anna", bert.id)
    await services.channels.join("demo", anna.id, [room])
    await services.supports.open("demo", room, "anna", "bert")
    return room


async def test_everything_that_a_user_has_is_linked_found_and_paged_alike(
    services: Services, people: dict[str, User]
) -> None:
    await furnish(services, people)
    anna, carl = people["anna"], people["carl"]
    for relation in ALL:
        own, none = await links(services, relation, anna, carl)
        assert len(own) == 1, relation
        assert none == []
        found = await services.desk.find("demo", relation, [*own, *own, 0, -1, HUGE, 999_999])
        assert [item.id for item in found] == own
        assert await services.desk.page("demo", relation, anna.id, 5, 0) == (found, 1)
        assert await services.desk.page("demo", relation, anna.id, 5, 1) == ([], 1)
        assert await services.desk.page("demo", relation, carl.id, 5, 0) == ([], 0)
        assert await services.desk.get("demo", relation, own[0]) == found[0]
        assert found[0] in (await services.desk.page("demo", relation, None, 50, 0))[0]
        for nothing in (0, -1, HUGE, 999_999):
            with pytest.raises(NotFound):
                await services.desk.get("demo", relation, nothing)


async def test_another_app_sees_nothing_of_it(services: Services, people: dict[str, User]) -> None:
    await furnish(services, people)
    await services.apps.create("other", None)
    anna = people["anna"]
    for relation in ALL:
        (own,) = await links(services, relation, anna)
        assert await services.desk.links("other", relation, [anna.id]) == {anna.id: []}
        assert await services.desk.find("other", relation, own) == []
        assert await services.desk.page("other", relation, anna.id, 5, 0) == ([], 0)
        assert await services.desk.page("other", relation, None, 5, 0) == ([], 0)


@pytest.mark.parametrize("leave", ["discard", "delete"])
async def test_who_goes_takes_their_rows_along(services: Services, people: dict[str, User], leave: str) -> None:
    room = await furnish(services, people)
    anna, bert = people["anna"], people["bert"]
    await services.stars.star_customer("demo", "bert", "anna")
    memo = await services.notes.add_memo("demo", "bert", "anna", "also kind")
    if leave == "discard":
        await services.accounts.discard("demo", anna.id, SERVER)
    else:
        await services.accounts.delete("demo", anna.id)
    for relation in ALL:
        assert await links(services, relation, anna) == [[]], relation
    assert [await links(services, relation, bert) for relation in (Relation.SUPPORTS, Relation.STARRED_CUSTOMERS)] == [
        [[]],
        [[]],
    ]
    assert (await services.supports.count_active([anna.id, bert.id]))[bert.id] == 0
    (support,), _ = await services.desk.page("demo", Relation.SUPPORTED, bert.id, 5, 0)
    assert (support.agent_id, support.agent, support.customer) == (None, None, "bert")  # type: ignore[union-attr]
    kept = await services.notes.get_memo("demo", memo.id)
    assert (kept.author_id, kept.author, kept.text) == (None, None, "also kind")
    assert (await services.channels.members("demo", room, 5, 0, SERVER))[1] == 0


async def test_who_is_restored_has_everything_again(services: Services, people: dict[str, User]) -> None:
    await furnish(services, people)
    anna = people["anna"]
    await services.accounts.discard("demo", anna.id, SERVER)
    await services.accounts.restore("demo", anna.id, SERVER)
    assert [len((await links(services, relation, anna))[0]) for relation in ALL] == [1] * len(ALL)


async def test_a_channel_takes_along_what_is_about_it(services: Services, people: dict[str, User]) -> None:
    room = await furnish(services, people)
    anna = people["anna"]
    await services.profiles.update("demo", "anna", {}, {"recent_channel_id": room}, SERVER)
    await services.channels.delete("demo", room)
    left = {relation for relation in ALL if (await links(services, relation, anna))[0]}
    assert left == {Relation.MEMOS, Relation.INFOS, Relation.WIDGET_SETTINGS, Relation.STARRED_CUSTOMERS}
    assert (await services.profiles.get("demo", "anna")).recent_channel_id is None


async def test_stars_may_be_given_and_taken_twice(services: Services, people: dict[str, User]) -> None:
    room, anna = await channel(services), people["anna"]
    for _ in range(2):
        await services.stars.star_channel("demo", "anna", room)
        await services.stars.star_customer("demo", "anna", "bert")
    assert await links(services, Relation.STARRED_ROOMS, anna) == [[room]]
    assert await links(services, Relation.STARRED_CUSTOMERS, anna) == [[people["bert"].id]]
    for _ in range(2):
        await services.stars.unstar_channel("demo", "anna", room)
        await services.stars.unstar_customer("demo", "anna", "bert")
    assert await links(services, Relation.STARRED_ROOMS, anna) == [[]]
    assert await links(services, Relation.STARRED_CUSTOMERS, anna) == [[]]


async def test_there_is_one_draft_for_each_place_and_writer(
    services: Services, people: dict[str, User], clock: Clock
) -> None:
    room = await channel(services)
    support = await services.supports.open("demo", room, "carl")
    for place in (InChannel(room), InSupport(support.id)):
        first = await services.notes.put_draft("demo", "anna", place, "a\nb")
        clock.advance(5)
        again = await services.notes.put_draft("demo", "anna", place, "c")
        assert (again.id, again.text, again.place) == (first.id, "c", place)
        assert (again.created_at, again.updated_at > first.updated_at) == (first.created_at, True)
        theirs = await services.notes.put_draft("demo", "bert", place, "d")
        assert theirs.id != first.id
        await services.notes.delete_draft("demo", "anna", place)
        with pytest.raises(NotFound):
            await services.notes.delete_draft("demo", "anna", place)
    assert await links(services, Relation.DRAFTS, people["anna"]) == [[]]
    assert len((await links(services, Relation.DRAFTS, people["bert"]))[0]) == 1


async def test_memos_are_written_changed_and_removed(services: Services, people: dict[str, User], clock: Clock) -> None:
    memo = await services.notes.add_memo("demo", "anna", None, "x")
    assert (memo.author, memo.username, memo.user_id) == (None, "anna", people["anna"].id)
    clock.advance(5)
    changed = await services.notes.change_memo("demo", memo.id, "Ü" * 8192)
    assert (changed.text, changed.created_at, changed.updated_at > memo.updated_at) == (
        "Ü" * 8192,
        memo.created_at,
        True,
    )
    await services.notes.delete_memo("demo", memo.id)
    for act in (services.notes.get_memo, services.notes.delete_memo):
        with pytest.raises(NotFound):
            await act("demo", memo.id)


async def test_what_is_no_text_is_refused(services: Services, people: dict[str, User]) -> None:
    room = await channel(services)
    bad: tuple[Any, ...] = ("", "x" * 8193, "a\0b", "\ud800", None, 1, ["x"])
    for text in bad:
        with pytest.raises(Invalid):
            await services.notes.add_memo("demo", "anna", None, text)
        with pytest.raises(Invalid):
            await services.notes.put_draft("demo", "anna", InChannel(room), text)


@pytest.mark.parametrize(
    ("relation", "values", "bad"),
    [
        (Relation.INFOS, ["gold", "", "a\nb"], [None, 1, {}, "\0", "x" * 8193]),
        (Relation.WIDGET_SETTINGS, [None, 1.5, {"a": [HUGE, "\0"]}, "x", []], ["x" * 9000]),
    ],
)
async def test_a_name_holds_the_value_that_was_put_last(
    services: Services, people: dict[str, User], relation: Relation, values: list[Any], bad: list[Any]
) -> None:
    named = services.named_values
    first = await named.put("demo", "anna", relation, "Name 1", "x")
    for value in values:
        assert (await named.put("demo", "anna", relation, "Name 1", value)).id == first.id
        assert (await named.get("demo", "anna", relation, "Name 1")).value == value
    for value in bad:
        with pytest.raises(Invalid):
            await named.put("demo", "anna", relation, "Name 1", value)
    for name in ("", " a", "a ", ".", "..", "a\0", "\ud800", "x" * 192, None, 1):
        with pytest.raises(Invalid):
            await named.put("demo", "anna", relation, name, "x")
    for name in ("other", "\0", "\ud800"):
        with pytest.raises(NotFound):
            await named.get("demo", "anna", relation, name)
        with pytest.raises(NotFound):
            await named.delete("demo", "anna", relation, name)
    await named.delete("demo", "anna", relation, "Name 1")
    assert await links(services, relation, people["anna"]) == [[]]


async def test_who_writes_the_same_on_two_nodes_at_once_has_it_once(
    services: Services, make_settings: MakeSettings, people: dict[str, User]
) -> None:
    room, anna = await channel(services), people["anna"]
    async with open_services(make_settings()) as other:
        for _ in range(5):
            await asyncio.gather(
                *(node.notes.put_draft("demo", "anna", InChannel(room), "x") for node in (services, other) * 2),
                *(node.named_values.put("demo", "anna", Relation.INFOS, "a", "x") for node in (services, other) * 2),
                *(node.stars.star_channel("demo", "anna", room) for node in (services, other) * 2),
                *(node.stars.star_customer("demo", "anna", "bert") for node in (services, other) * 2),
                *(node.stars.star_customer("demo", "bert", "anna") for node in (services, other) * 2),
                *(
                    node.profiles.update("demo", "anna", {}, {"in_training": True}, SERVER)
                    for node in (services, other) * 2
                ),
            )
            for relation in (Relation.DRAFTS, Relation.INFOS, Relation.STARRED_ROOMS, Relation.STARRED_CUSTOMERS):
                assert len((await links(services, relation, anna))[0]) == 1
            await services.notes.delete_draft("demo", "anna", InChannel(room))
            await services.named_values.delete("demo", "anna", Relation.INFOS, "a")
            await services.stars.unstar_channel("demo", "anna", room)
            await services.stars.unstar_customer("demo", "anna", "bert")
            await services.stars.unstar_customer("demo", "bert", "anna")


async def test_nobody_is_found_by_what_names_nobody(services: Services, people: dict[str, User]) -> None:
    await services.apps.create("other", None)
    stranger = await add(services, "dora", "other")
    refs: tuple[Any, ...] = ("nobody", "a\0b", "\ud800", 0, -1, HUGE, stranger.id)
    for ref in refs:
        acts: list[Coroutine[Any, Any, Any]] = [
            services.profiles.get("demo", ref),
            services.profiles.update("demo", ref, {}, {"in_training": True}, SERVER),
            services.notes.add_memo("demo", ref, None, "x"),
            services.notes.add_memo("demo", "anna", ref, "x"),
            services.notes.put_draft("demo", ref, InChannel(1), "x"),
            services.named_values.put("demo", ref, Relation.INFOS, "a", "x"),
            services.named_values.get("demo", ref, Relation.INFOS, "a"),
            services.stars.star_customer("demo", ref, "anna"),
            services.stars.star_customer("demo", "anna", ref),
            services.stars.unstar_channel("demo", ref, 1),
            services.channels.join("demo", ref, []),
        ]
        for act in acts:
            with pytest.raises(UserNotFound):
                await act


async def test_what_names_no_place_is_not_found(services: Services, people: dict[str, User]) -> None:
    for room in (0, -1, HUGE, 999_999):
        for place in (InChannel(room), InSupport(room)):
            with pytest.raises(NotFound):
                await services.notes.put_draft("demo", "anna", place, "x")
            with pytest.raises(NotFound):
                await services.notes.delete_draft("demo", "anna", place)
        with pytest.raises(NotFound):
            await services.stars.star_channel("demo", "anna", room)
        await services.stars.unstar_channel("demo", "anna", room)
        with pytest.raises(NotFound):
            await services.channels.join("demo", "anna", [room])
