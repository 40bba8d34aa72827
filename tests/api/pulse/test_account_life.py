"""From being made to having joined, and to being gone: who may come from which state into which."""

from __future__ import annotations

from itertools import product

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.native.people import come_online
from tests.api.pulse.people import NOBODY, PASSWORD, USERS, add, as_person, attributes_of, document, refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


WAYS = {
    "created": [],
    "invited": ["POST /invite"],
    "active": ["POST /deactivate", "DELETE /deactivate"],
    "deactivated": ["POST /deactivate"],
}
STEPS = {
    "POST /invite": {"created": "invited"},
    "DELETE /invite": {"invited": "created"},
    "POST /deactivate": {"created": "deactivated", "invited": "deactivated", "active": "deactivated"},
    "DELETE /deactivate": {"deactivated": "active"},
}


async def test_every_step_from_every_state(pulse: ApiClient) -> None:
    for number, (state, (step, results)) in enumerate(product(WAYS, STEPS.items())):
        here = f"{USERS}/{await add(pulse, 'Anna', email=f'anna{number}@mail.test')}"
        for way in WAYS[state]:
            method, _, action = way.partition(" ")
            assert (await pulse.request(method, here + action)).status == 200
        method, _, action = step.partition(" ")
        answer = await pulse.request(method, here + action)
        if state in results:
            assert attributes_of(answer)["status"] == results[state], (state, step)
        else:
            [error] = refused(answer, 422, "/data/attributes/status")
            assert error["code"] == "wrong_state"
        assert attributes_of(await pulse.get(here))["status"] == results.get(state, state)


async def test_the_bodies_that_clients_send_along_are_harmless(pulse: ApiClient) -> None:
    bodies = [b"", b"{}", b'{"data":{}}', b'{"data":{"type":"users"}}', b'{"data":{"type":"invite"}}', b"no JSON"]
    for number, body in enumerate(bodies):
        here = f"{USERS}/{await add(pulse, 'Anna', email=f'anna{number}@mail.test')}"
        for action, method in product(("invite", "deactivate/"), ("POST", "DELETE")):
            answer = await pulse.request(method, f"{here}/{action}", data=body)
            assert answer.status == 200, (method, action, body)


async def test_an_invitation_needs_an_email(pulse: ApiClient) -> None:
    here = f"{USERS}/{await add(pulse, 'Anna')}"
    [error] = refused(await pulse.post(f"{here}/invite"), 422, "/data/attributes/email")
    assert error["title"] == "can't be blank"


async def test_nobody_is_invited_who_is_nobody(pulse: ApiClient) -> None:
    for action in ("invite", "deactivate"):
        for id_ in (NOBODY, "1"):
            refused(await pulse.post(f"{USERS}/{id_}/{action}"), 404)
            refused(await pulse.delete(f"{USERS}/{id_}/{action}"), 404)


async def test_whoever_other_dialects_make_is_active(pulse: ApiClient, services: Services) -> None:
    user = (await services.users.create("demo", {"username": "ben", "email": "b@mail.test"}, SERVER)).user
    refused(await pulse.post(f"{USERS}/{user.uuid}/invite"), 422, "/data/attributes/status")
    assert attributes_of(await pulse.post(f"{USERS}/{user.uuid}/deactivate"))["status"] == "deactivated"
    assert (await pulse.get("/v1/demo/users/ben?fields=status")).json == {"status": 1}
    assert (await pulse.post("/v1/demo/users/ben/reactivate")).status == 200
    assert attributes_of(await pulse.get(f"{USERS}/{user.uuid}"))["status"] == "active"


@pytest.mark.parametrize("end", ["POST /deactivate", "DELETE "])
async def test_the_end_closes_sockets_and_ends_bearers(
    pulse: ApiClient, api: ApiClient, services: Services, end: str
) -> None:
    ben, id_ = await as_person(services, api, "ben")
    await come_online(services, "ben")
    user = await services.users.find("demo", "ben")
    assert await services.presence.sessions(user)
    method, _, action = end.partition(" ")
    assert (await pulse.request(method, f"{USERS}/{id_}{action}")).status == 200
    assert await services.presence.sessions(user) == []
    refused(await ben.get(f"{USERS}/{id_}"), 401)
    refused(await ben.post("/auth/signin", document("identity", email="ben@mail.test", password=PASSWORD)), 403)
