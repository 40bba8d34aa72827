"""What the two databases would see differently, or not take at all, were it handed on as it came."""

from __future__ import annotations

from tests.api.panel.people import ANNA, SERVERS, USERS, failures, make, own, usernames
from tests.client import ApiClient


async def test_filters_and_pages_mean_the_same_on_both_databases(api: ApiClient) -> None:
    anna = await make(api, external_id="CRM-1")
    for query, expected in {
        f"filter[uuid]={anna['uuid'].upper()}": ["anna"],
        "filter[username]=NN": ["anna"],
        "filter[email]=ANNA@": ["anna"],
        "filter[external_id]=crm": ["anna"],
        "filter[external_id]=crm%00": [],
        "filter[uuid]=%00": [],
        "filter[username]=%00,ann": ["anna"],
        "filter[email]=%25": [],
        "filter[email]=%5C": [],
        f"per_page=1000&page={2**63 - 1}": [],
        "sort=-uuid,id": ["anna"],
    }.items():
        assert usernames(await api.get(f"{USERS}?{query}")) == expected, query
    assert (await api.get(f"{SERVERS}?per_page=1000&page={2**63 - 1}")).json["data"] == []


async def test_what_is_taken_and_what_cannot_be_kept_is_told_the_same_on_both(api: ApiClient) -> None:
    anna = await make(api, external_id="crm-1")
    taken = {**ANNA, "username": "ANNA", "email": "ANNA@MAIL.TEST", "external_id": "crm-1"}
    assert failures(await api.post(USERS, taken)) == [
        ("email", "unique"),
        ("external_id", "unique"),
        ("username", "unique"),
    ]
    other = {"username": "other", "email": "o@mail.test", "first_name": "O", "last_name": "P"}
    for fields in ({"external_id": "x\x00"}, {"first_name": "x\x00"}):
        assert failures(await api.post(USERS, {**other, **fields})) == [(next(iter(fields)), "regex")]
    assert failures(await api.post(SERVERS, {"name": "x", "user": 2**63})) == [("user", "exists")]
    await own(api, anna["id"])
    assert (await api.delete(f"{USERS}/{anna['id']}")).status == 400
    assert (await api.get(f"{USERS}/{2**63}")).status == 404
