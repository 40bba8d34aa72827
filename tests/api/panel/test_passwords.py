"""Passwords that the panel sets: whoever has one can sign in by their email."""

from __future__ import annotations

import pytest

from chatsrv.domain.errors import Unauthenticated
from chatsrv.services import Services
from tests.api.panel.people import ANNA, BEN, USERS, details, failures, make
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_whoever_got_a_password_can_sign_in_until_it_is_another(api: ApiClient, services: Services) -> None:
    anna = await make(api, password="  first one ")
    signed_in = await services.bearers.sign_in(ANNA["email"], "  first one ")
    assert [account.user.id for account in signed_in.identity.accounts] == [anna["id"]]
    path = f"{USERS}/{anna['id']}"
    for kept in ({}, {"password": None}, {"password": ""}):
        assert (await api.patch(path, {**ANNA, **kept})).status == 200
        await services.bearers.sign_in(ANNA["email"], "  first one ")
    await api.patch(path, {**ANNA, "password": "second"})
    await services.bearers.sign_in(ANNA["email"], "second")
    with pytest.raises(Unauthenticated):
        await services.bearers.sign_in(ANNA["email"], "  first one ")


async def test_a_password_is_never_shown(api: ApiClient) -> None:
    answer = await api.post(USERS, {**ANNA, "password": "opensesame"})
    assert b"opensesame" not in answer.body
    assert b"opensesame" not in (await api.get(USERS)).body


async def test_nothing_is_written_where_the_password_cannot_be(api: ApiClient, services: Services) -> None:
    _, key = await services.apps.create("other", None)
    await make(api.speaking_as(key), password="theirs")
    anna, ben = await make(api), await make(api, BEN)
    taken = await api.patch(f"{USERS}/{anna['id']}", {**ANNA, "first_name": "Ann", "password": "ours"})
    assert failures(taken) == [("password", "unique")]
    assert details(taken) == ["Somebody with this email signs in elsewhere, too: only they can change it."]
    long = await api.patch(f"{USERS}/{ben['id']}", {**BEN, "first_name": "B", "password": "x" * 1025})
    assert failures(long) == [("password", "regex")]
    listed = [user["attributes"] for user in (await api.get(USERS)).json["data"]]
    assert listed == [anna, ben]
    await services.bearers.sign_in(ANNA["email"], "theirs")
