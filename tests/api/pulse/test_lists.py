"""Lists of users: sorted, filtered, and cut into pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.pulse.people import TEAMS, USERS, add, add_team, join, names, refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def populate(pulse: ApiClient, services: Services) -> dict[str, str]:
    """One in each state, by name; Eva is made first and Cleo last."""
    ids = {"Eva": await add(pulse, "Eva")}
    ids["dan"] = await add(pulse, "dan", email="x@Mail.test", avatar="d.png")
    await pulse.post(f"{USERS}/{ids['dan']}/invite")
    ids["Ben"] = (await services.users.create("demo", {"username": "Ben", "email": "b@b.test"}, SERVER)).user.uuid
    ids["Anna"] = await add(pulse, "Anna")
    await pulse.post(f"{USERS}/{ids['Anna']}/deactivate")
    ids["Cleo"] = await add(pulse, "Cleo", email="c@mail.test")
    await pulse.delete(f"{USERS}/{ids['Cleo']}")
    return ids


SORTS = {
    "": "Eva dan Ben Anna Cleo",
    "name": "Anna Ben Cleo dan Eva",
    "-name": "Eva dan Cleo Ben Anna",
    "email": "Eva Anna Ben Cleo dan",
    "status": "Ben Eva Anna Cleo dan",
    "created_at": "Eva dan Ben Anna Cleo",
    "-created_at,name": "Cleo Anna Ben dan Eva",
    "discarded_at,-name": "Eva dan Ben Anna Cleo",
    "alive,name": "Ben dan Eva Anna Cleo",
    "-alive,name": "Anna Cleo Ben dan Eva",
    "updated_at": "Eva Ben dan Anna Cleo",
}


async def test_every_sort(pulse: ApiClient, services: Services) -> None:
    ids = await populate(pulse, services)
    for sort, expected in SORTS.items():
        found = names(await pulse.get(f"{USERS}?sort={sort}"))
        if "_at" in sort and "discarded" not in sort:
            # several may have been made within one millisecond
            assert sorted(found) == sorted(ids), sort
        else:
            assert found == expected.split(), sort


FILTERS = {
    "filter[name]=eq:anna": "Anna",
    "filter[name]=!eq:anna": "Eva dan Ben Cleo",
    "filter[name]=gt:cleo": "Eva dan",
    "filter[name]=gte:cleo": "Eva dan Cleo",
    "filter[name]=lt:ben": "Anna",
    "filter[name]=lte:ben": "Ben Anna",
    "filter[name]=pre:D": "dan",
    "filter[name]=suf:A": "Eva Anna",
    "filter[name]=ct:N": "dan Ben Anna",
    "filter[name]=!ct:n": "Eva Cleo",
    "filter[name]=ct:%25": "",
    "filter[name]=in:anna,Ben": "Ben Anna",
    "filter[name]=!in:anna,Ben": "Eva dan Cleo",
    "filter[email]=blank": "Eva Anna",
    "filter[email]=present": "dan Ben Cleo",
    "filter[email_blank]=1": "Eva Anna",
    "filter[email_present]=1": "dan Ben Cleo",
    "filter[email_blank]=0": "dan Ben Cleo",
    "filter[email]=suf:@mail.test": "dan Cleo",
    "filter[avatar]=eq:d.png": "dan",
    "filter[avatar]=eq:D.PNG": "",
    "filter[avatar_present]=true": "dan",
    "filter[status]=eq:active": "Ben",
    "filter[status]=in:created,invited": "Eva dan",
    "filter[status]=!in:created,invited": "Ben Anna Cleo",
    "filter[discarded_at]=present": "Cleo",
    "filter[discarded_at]=blank": "Eva dan Ben Anna",
    "filter[discarded_at_blank]=1": "Eva dan Ben Anna",
    "filter[discarded_at_present]=1": "Cleo",
    "filter[discarded_at]=gt:2020-01-01": "Cleo",
    "filter[created_at]=gte:2020-01-01T00:00:00Z": "Eva dan Ben Anna Cleo",
    "filter[created_at]=lt:2020-01-01": "",
    "filter[updated_at]=lte:2020-01-01T00:00:00.000%2B01:00": "",
    "filter[name]=ct:a&filter[status]=eq:created": "Eva",
    "filter[name]=ct:a&filter[name]=ct:v": "Eva",
    "filter%5Bname%5D=eq%3Aanna": "Anna",
    "filter[account][name]=eq:demo": "Eva dan Ben Anna Cleo",
    "filter[account][created_at]=lt:2020-01-01": "",
}


async def test_every_filter(pulse: ApiClient, services: Services) -> None:
    ids = await populate(pulse, services)
    filters = {
        **FILTERS,
        f"filter[id]=in:{ids['Ben']},{ids['Eva'].upper()}": "Eva Ben",
        "filter[id]=blank": "",
        f"filter[account_memberships][user_id]=eq:{ids['dan']}": "dan",
    }
    for query, expected in filters.items():
        answer = await pulse.get(f"{USERS}?{query}")
        assert names(answer) == expected.split(), query
        assert answer.json["meta"] == {"record_count": len(expected.split())}, query


async def test_a_filter_on_teams_wants_one_that_matches(pulse: ApiClient) -> None:
    anna, ben = await add(pulse, "Anna"), await add(pulse, "Ben")
    await add(pulse, "Cleo")
    night, day = await add_team(pulse, "Night shift"), await add_team(pulse, "Day shift")
    first = await join(pulse, night, anna)
    await join(pulse, day, anna)
    await join(pulse, day, ben)
    filters = {
        "filter[teams][name]=ct:SHIFT": "Anna Ben",
        "filter[teams][name]=eq:night shift": "Anna",
        "filter[teams][name]=!eq:day shift": "Anna",
        "filter[teams][name]=blank": "",
        f"filter[teams][id]=eq:{day}": "Anna Ben",
        "filter[teams][parent_team_id]=blank": "Anna Ben",
        "filter[teams][parent_team_id_present]=1": "",
        "filter[teams][created_at]=lt:2020-01-01": "",
        f"filter[team_memberships][id]=eq:{first}": "Anna",
        f"filter[team_memberships][team_id]=in:{night},{day}": "Anna Ben",
        "filter[team_memberships][updated_at]=gt:2020-01-01": "Anna Ben",
        f"filter[teams][name]=ct:shift&filter[name]=eq:ben&include=teams&filter[teams][id]=eq:{day}": "Ben",
    }
    for query, expected in filters.items():
        assert names(await pulse.get(f"{USERS}?{query}")) == expected.split(), query
    for query, expected in {"filter[name]=pre:n": "Night shift", "sort=-name&page[size]=1": "Night shift"}.items():
        assert names(await pulse.get(f"{TEAMS}?{query}")) == [expected], query


async def test_what_is_unknown_is_refused_by_its_parameter(pulse: ApiClient) -> None:
    bad: dict[str, Any] = {
        "sort=shoe": "sort",
        "sort=name,-id": "sort",
        "sort=Name": "sort",
        "include=shoes": "include",
        "include=teams.shoes": "include",
        "include=account_memberships.user.team_memberships.team": "include",
        "filter=x": "filter",
        "filter[shoe]=eq:1": "filter[shoe]",
        "filter[shoe_blank]=1": "filter[shoe_blank]",
        "filter[role]=eq:admin": "filter[role]",
        "filter[teams]=eq:1": "filter[teams]",
        "filter[teams][shoe]=eq:1": "filter[teams][shoe]",
        "filter[shoes][name]=eq:1": "filter[shoes][name]",
        "filter[name]=anna": "filter[name]",
        "filter[name]=like:anna": "filter[name]",
        "filter[name]=EQ:anna": "filter[name]",
        "filter[name_blank]=maybe": "filter[name_blank]",
        "filter[name]=eq:%00": "filter[name]",
        "filter[created_at]=gt:yesterday": "filter[created_at]",
        "filter[created_at]=ct:2026": "filter[created_at]",
        "page[size]=101": "page[size]",
        "page[size]=0": "page[size]",
        "page[size]=-1": "page[size]",
        "page[size]=ten": "page[size]",
        "page[size]=": "page[size]",
        "page[number]=0": "page[number]",
        "page[number]=%D9%A1": "page[number]",
        "page[number]=99999999999999999999": "page[number]",
        "&".join(["filter[teams][id]=present"] * 21): "filter",
    }
    for query, parameter in bad.items():
        [error] = refused(await pulse.get(f"{USERS}?{query}"), 400, parameter)
        assert error["code"] == "invalid_parameter"
    assert names(await pulse.get(f"{USERS}?{'&'.join(['filter[teams][id]=present'] * 20)}")) == []
    refused(await pulse.get(f"{TEAMS}?sort=email"), 400, "sort")
    refused(await pulse.get(f"{TEAMS}?filter[email]=eq:a"), 400, "filter[email]")


async def test_what_nobody_asks_for_here_is_passed_over(pulse: ApiClient) -> None:
    await add(pulse, "Anna")
    for query in (
        "stats[total]=count",
        "fields=x",
        "page=3",
        "page[limit]=5",
        "x[=1",
        "a%ED%A0%80=%FF",
        "[]=1",
        "=",
        "][",
    ):
        assert names(await pulse.get(f"{USERS}?{query}")) == ["Anna"], query


async def test_pages_and_their_links(pulse: ApiClient) -> None:
    for number in range(5):
        await add(pulse, f"User {number}")
    here = f"{USERS}?filter[name]=ct:user&sort=-name&page[size]=2&include=account"
    first = await pulse.get(here)
    assert list(first.json) == ["data", "included", "links", "meta"]
    assert first.json["meta"] == {"record_count": 5}
    assert list(first.json["links"]) == ["self", "first", "next", "last"]
    filters = f"{quote('filter[name]', safe='')}=ct%3Auser&include=account"
    sizes = f"{quote('page[size]', safe='')}=2&sort=-name"
    expected = f"{USERS}?{filters}&{quote('page[number]', safe='')}=2&{sizes}"
    assert first.json["links"]["next"] == expected
    assert await follow(pulse, here, "next") == ["User 4", "User 3", "User 2", "User 1", "User 0"]
    last = await pulse.get(first.json["links"]["last"])
    assert list(last.json["links"]) == ["self", "first", "prev", "last"]
    assert last.json["links"]["self"] == first.json["links"]["last"]
    assert names(await pulse.get(last.json["links"]["prev"])) == ["User 2", "User 1"]


async def follow(pulse: ApiClient, path: str, relation: str) -> list[str]:
    found: list[str] = []
    following: str | None = path
    while following:
        assert urlsplit(following).path == USERS
        answer = await pulse.get(following)
        found += names(answer)
        following = answer.json["links"].get(relation)
    return found


async def test_no_page_is_beyond_all_pages(pulse: ApiClient) -> None:
    empty = await pulse.get(f"{USERS}?page[number]=1")
    assert (empty.json["data"], list(empty.json["links"])) == ([], ["self", "first", "last"])
    assert empty.json["links"]["first"] == empty.json["links"]["last"]
    for number in range(26):
        await add(pulse, f"User {number}")
    assert len(names(await pulse.get(USERS))) == 25
    assert len(names(await pulse.get(f"{USERS}?page[size]=100"))) == 26
    beyond = await pulse.get(f"{USERS}?page[number]=999999999")
    assert beyond.json["data"] == []
    assert len(names(await pulse.get(beyond.json["links"]["prev"]))) == 1
    await pulse.get(f"{TEAMS}?page[number]=999999999&page[size]=100")
