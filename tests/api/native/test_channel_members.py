"""Who is a member of a channel: coming, going, their order, and two who do it at once. Both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from chatsrv.domain.channels import MemberRole
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import ChatError, NotFound, Unavailable, UserNotFound
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from tests.api.native.people import add, as_user, path_of, usernames
from tests.api.native.refusals import refused
from tests.client import Answer, ApiClient
from tests.conftest import MakeSettings

CHANNELS = "/v1/demo/channels"
ROUNDS = 10
JSON = {"Content-Type": "application/json"}
sqlite_alone = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def make(api: ApiClient, **fields: Any) -> str:
    """The path of its members."""
    answer = await api.post(CHANNELS, fields)
    assert answer.status == 201, answer.json
    return f"{CHANNELS}/{answer.json['id']}/users"


def roles(answer: Answer) -> dict[str, str]:
    """In the order of the answer, which is a page or a bare array."""
    assert answer.status == 200, answer.json
    found = answer.json if isinstance(answer.json, list) else answer.json["users"]
    return {member["username"]: member["role"] for member in found}


async def count(api: ApiClient, members: str) -> int:
    return int((await api.get(members.removesuffix("/users"))).json["members_count"])


async def test_members_come_as_participants_and_are_answered_in_the_order_asked_for(api: ApiClient) -> None:
    await add(api, "anna", "ben", "carl")
    members = await make(api, owner="anna")
    answer = await api.post(members, {"members": ["carl", "BEN", "Carl"]})
    assert list(roles(answer).items()) == [("carl", "participant"), ("ben", "participant")]
    assert len(answer.json) == 2
    listed = roles(await api.get(members))
    assert listed == {"anna": "owner", "ben": "participant", "carl": "participant"}
    assert next(iter(listed)) == "anna"
    assert await count(api, members) == 3


async def test_a_member_is_a_user_with_a_status_and_a_role(api: ApiClient) -> None:
    await add(api, "anna", first_name="Anna", last_name="Berg", avatar="a.png")
    (member,) = (await api.post(await make(api), {"members": ["anna"], "role": "owner"})).json
    user = (await api.get(path_of("anna"))).json
    shared = ("username", "first_name", "last_name", "avatar", "created_at", "updated_at")
    assert member == {**{name: user[name] for name in shared}, "status": 0, "role": "owner"}


async def test_who_is_a_member_stays_one_and_gets_the_role_if_one_is_sent(api: ApiClient) -> None:
    await add(api, "anna", "ben")
    members = await make(api, owner="anna")
    assert roles(await api.post(members, {"members": ["anna", "ben"]})) == {"anna": "owner", "ben": "participant"}
    assert roles(await api.post(members, {"members": ["ben"], "role": "owner"})) == {"ben": "owner"}
    assert roles(await api.post(members, {"members": ["ben"], "role": None})) == {"ben": "owner"}
    assert roles(await api.post(members, {"members": ["anna"], "role": "participant"})) == {"anna": "participant"}
    assert list(roles(await api.get(members)).items()) == [("anna", "participant"), ("ben", "owner")]


async def test_those_removed_are_answered_and_who_was_no_member_is_not(api: ApiClient) -> None:
    await add(api, "anna", "ben", "carl")
    members = await make(api, owner="anna")
    await api.post(members, {"members": ["ben"]})
    gone = await api.delete(members, json={"members": ["carl", "ben", "ANNA"]})
    assert list(roles(gone).items()) == [("ben", "participant"), ("anna", "owner")]
    assert (await api.delete(members, json={"members": ["ben"]})).json == []
    assert roles(await api.get(members)) == {}
    assert await count(api, members) == 0
    channel = (await api.get(members.removesuffix("/users"))).json
    assert channel["owner"]["username"] == "anna"


async def test_nobody_named_is_nobody_added_or_removed(api: ApiClient) -> None:
    await add(api, "anna")
    members = await make(api, owner="anna")
    assert (await api.post(members, {"members": []})).json == []
    assert (await api.delete(members, json={"members": []})).json == []
    assert await count(api, members) == 1


async def test_one_unknown_name_spoils_the_request_as_a_whole(api: ApiClient) -> None:
    await add(api, "anna", "ben")
    members = await make(api, owner="anna")
    for unknown in ("nobody", "", "a\0b", "x" * 500):
        refused(await api.post(members, {"members": ["ben", unknown]}), 404, 40015)
        refused(await api.delete(members, json={"members": ["anna", unknown]}), 404, 40015)
    assert roles(await api.get(members)) == {"anna": "owner"}


@sqlite_alone
async def test_bad_bodies_are_refused_by_name(api: ApiClient) -> None:
    await add(api, "anna")
    members = await make(api)
    for method in ("POST", "DELETE"):
        for names in (None, "anna", {"anna": 1}, [1], ["anna", None], ["x"] * 1001):
            refused(await api.request(method, members, json={"members": names}), 400, 40003, "members")
        refused(await api.request(method, members, json={}), 400, 40003, "members")
        refused(await api.request(method, members, json={"members": [], "x": 1}), 400, 40003, "x")
        refused(await api.request(method, members, data=b"[", headers=JSON), 400, 40000)
    roles_of_nobody: list[Any] = ["admin", "", 1, ["owner"], {}]
    for role in roles_of_nobody:
        refused(await api.post(members, {"members": ["anna"], "role": role}), 400, 40003, "role")
    refused(await api.delete(members, json={"members": ["anna"], "role": "owner"}), 400, 40003, "role")
    assert await count(api, members) == 0


async def test_a_thousand_come_and_go_in_one_request(api: ApiClient) -> None:
    names = [f"user{number}" for number in range(1000)]
    await api.post("/v1/demo/bulk/users", {"users": [{"username": name} for name in names]})
    members = await make(api)
    assert list(roles(await api.post(members, {"members": names}))) == names
    assert await count(api, members) == 1000
    assert list(roles(await api.delete(members, json={"members": names}))) == names
    assert await count(api, members) == 0


async def test_pages_of_members_keep_the_order_in_which_they_came(api: ApiClient) -> None:
    names = ["eve", "anna", "dora", "carl", "ben"]
    await add(api, *sorted(names))
    members = await make(api)
    for name in names:
        await api.post(members, {"members": [name]})
    seen, path = [], f"{members}?limit=2"
    while path:
        answer = await api.get(path)
        page = answer.json
        assert (page["total_count"], answer.headers["X-Total-Count"]) == (5, "5")
        assert page["count"] == len(page["users"]) <= 2
        assert ('rel="next"' in answer.headers["Link"]) is (page["links"]["next"] is not None)
        seen += usernames(answer)
        path = page["links"]["next"]
    assert seen == names
    assert usernames(await api.get(page["links"]["previews"])) == names[2:4]
    assert usernames(await api.get(f"{members}?offset=5")) == []


async def test_a_deleted_user_is_a_member_nowhere_even_under_the_same_name(api: ApiClient) -> None:
    await add(api, "anna", "ben")
    first, second = await make(api, owner="anna"), await make(api)
    for members in (first, second):
        await api.post(members, {"members": ["ben"]})
    assert (await api.delete(path_of("ben"))).status == 204
    await add(api, "ben")
    assert roles(await api.get(first)) == {"anna": "owner"}
    assert (await count(api, first), await count(api, second)) == (1, 0)


async def test_a_renamed_member_stays_one(api: ApiClient) -> None:
    await add(api, "anna")
    members = await make(api, owner="anna")
    await api.post(f"{path_of('anna')}/rename", {"username": "anne"})
    assert roles(await api.get(members)) == {"anne": "owner"}
    assert (await api.get(members.removesuffix("/users"))).json["owner"]["username"] == "anne"


async def test_any_user_reads_the_members_of_a_public_channel_and_a_member_those_of_their_own(api: ApiClient) -> None:
    await add(api, "anna", "ben")
    public, private = await make(api, owner="anna"), await make(api, owner="anna", type=1)
    anna, ben = await as_user(api, "anna"), await as_user(api, "ben")
    assert roles(await anna.get(public)) == roles(await ben.get(public)) == {"anna": "owner"}
    assert roles(await anna.get(private)) == {"anna": "owner"}
    refused(await ben.get(private), 404, 40400)


@pytest.fixture
async def other(services: Services, make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    """Another node on the same stores."""
    async with open_services(make_settings(), clock) as opened:
        yield opened


async def race(*attempts: Awaitable[Any]) -> list[Any]:
    """What came of each; what is no ChatError is a failure."""
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, ChatError):
            raise outcome
    return outcomes


async def test_whoever_is_added_by_many_at_once_is_a_member_once(
    api: ApiClient, services: Services, other: Services
) -> None:
    await add(api, "anna", "ben")
    for _ in range(ROUNDS):
        channel = (await services.channels.create("demo", {}, None, SERVER)).channel
        names = ["anna", "ben"]
        outcomes = await race(
            *(
                node.channels.add_members("demo", channel.id, order, None)
                for node in (services, other)
                for order in (names, names[::-1])
            )
        )
        assert [sorted(member.user.username for member in outcome) for outcome in outcomes] == [names] * 4
        found, total = await services.channels.members("demo", channel.id, 10, 0, SERVER)
        assert (sorted(member.user.username for member in found), total) == (names, 2)


async def test_of_those_who_remove_a_member_at_once_one_is_told_so(
    api: ApiClient, services: Services, other: Services
) -> None:
    await add(api, "anna")
    for _ in range(ROUNDS):
        channel = (await services.channels.create("demo", {}, "anna", SERVER)).channel
        outcomes = await race(
            *(node.channels.remove_members("demo", channel.id, ["anna"]) for node in (services, other) * 2)
        )
        assert sorted(len(outcome) for outcome in outcomes) == [0, 0, 0, 1]


async def test_whoever_is_added_to_a_channel_that_is_being_deleted_is_told_or_gone_with_it(
    api: ApiClient, services: Services, other: Services
) -> None:
    await add(api, "anna")
    for _ in range(ROUNDS):
        channel = (await services.channels.create("demo", {}, None, SERVER)).channel
        added, deleted, again = await race(
            services.channels.add_members("demo", channel.id, ["anna"], None),
            other.channels.delete("demo", channel.id),
            services.channels.delete("demo", channel.id),
        )
        assert isinstance(added, list | NotFound)
        assert sorted(outcome is None for outcome in (deleted, again)) == [False, True]
        assert (await services.channels.page("demo", 10, 0, SERVER)) == ([], 0)


async def test_whoever_is_deleted_while_they_are_added_is_no_member_and_the_adder_hears_of_the_user(
    api: ApiClient, services: Services, other: Services
) -> None:
    channel = (await services.channels.create("demo", {}, None, SERVER)).channel
    for _ in range(ROUNDS):
        await add(api, "anna")
        *added, deleted = await race(
            services.channels.add_members("demo", channel.id, ["anna"], None),
            other.channels.add_members("demo", channel.id, ["anna"], MemberRole.OWNER),
            other.accounts.delete("demo", "anna"),
        )
        assert deleted is None
        assert all(isinstance(outcome, list | UserNotFound) for outcome in added), added
        assert (await services.channels.members("demo", channel.id, 10, 0, SERVER)) == ([], 0)


async def test_an_owner_who_is_deleted_while_their_channel_changes_leaves_it_whole(
    api: ApiClient, services: Services, other: Services
) -> None:
    for number in range(ROUNDS):
        await add(api, "anna")
        channel = (await services.channels.create("demo", {}, "anna", SERVER)).channel
        updated, added, deleted = await race(
            services.channels.update("demo", channel.id, {"subject": str(number)}, SERVER),
            services.channels.add_members("demo", channel.id, ["anna"], MemberRole.PARTICIPANT),
            other.accounts.delete("demo", "anna"),
        )
        assert not any(isinstance(outcome, Unavailable) for outcome in (updated, added, deleted))
        assert deleted is None
        left = await services.channels.get("demo", channel.id, SERVER)
        assert (left.owner, left.channel.members_count, left.channel.subject) == (None, 0, str(number))


async def test_two_who_want_one_uri_do_not_both_get_it(api: ApiClient, services: Services, other: Services) -> None:
    for number in range(ROUNDS):
        values = {"uri": f"board{number}"}
        outcomes = await race(*(node.channels.create("demo", values, None, SERVER) for node in (services, other) * 2))
        assert sum(not isinstance(outcome, ChatError) for outcome in outcomes) == 1
    assert (await services.channels.page("demo", 1, 0, SERVER))[1] == ROUNDS
