"""Users of the panel: made, read, changed and deleted, and the same people in the other dialects."""

from __future__ import annotations

import asyncio

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.native.people import come_online
from tests.api.panel.people import ANNA, BEN, MALFORMED, NATIVE, NOT_FOUND, USERS, failures, make, own, refusal
from tests.api.raw import send
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_a_user_that_is_made_here_is_one_everywhere(api: ApiClient, services: Services) -> None:
    anna = await make(api, external_id="crm 1", root_admin=True)
    native = (await api.get(f"{NATIVE}/anna?fields=*")).json
    for name in ("id", "uuid", "username", "email", "first_name", "last_name", "external_id"):
        assert native[name] == anna[name], name
    assert (native["role"], native["status"]) == ("admin", 0)
    await api.patch(f"{NATIVE}/anna", {"first_name": "Ann", "language": "pt-BR", "role": "user"})
    read = (await api.get(f"{USERS}/{anna['id']}")).json["attributes"]
    assert (read["first_name"], read["language"], read["root_admin"]) == ("Ann", "pt-BR", False)
    await services.accounts.discard("demo", "anna", SERVER)
    assert refusal(await api.get(f"{USERS}/{anna['id']}")) == NOT_FOUND
    assert refusal(await api.get(f"{USERS}/external/crm%201")) == NOT_FOUND
    assert refusal(await api.patch(f"{USERS}/{anna['id']}", ANNA)) == NOT_FOUND
    assert (await api.get(USERS)).json["data"] == []
    await make(api, external_id="crm 1")


async def test_the_new_user_is_where_the_answer_says(api: ApiClient) -> None:
    for path in (USERS, f"{USERS}/", f"{USERS}?include=servers"):
        name = f"user{len(path)}"
        answer = await api.post(path, {**ANNA, "username": name, "email": f"{name}@mail.test"})
        resource = answer.json["meta"]["resource"]
        assert resource == f"{api.url}{USERS}/{answer.json['attributes']['id']}"
        assert (await api.get(resource)).json["attributes"]["username"] == name
    assert answer.json["attributes"]["relationships"]["servers"] == {"object": "list", "data": []}


async def test_texts_are_trimmed_and_an_empty_one_is_null(api: ApiClient) -> None:
    anna = await make(api, username="  Anna.Ray ", first_name=" Anna\u200b", external_id="   ", password="")
    assert (anna["username"], anna["first_name"], anna["external_id"]) == ("anna.ray", "Anna", None)
    assert failures(await api.post(USERS, {**BEN, "first_name": "  "})) == [("first_name", "required")]


async def test_a_number_is_a_username_and_unknown_fields_are_ignored(api: ApiClient) -> None:
    made = await make(api, username=12345, id=7, uuid="x", name="x", relationships={})
    assert (made["username"], "name" in made) == ("12345", False)
    assert made["uuid"] != "x"


@pytest.mark.parametrize("said", [True, 1, "1"])
async def test_whoever_is_a_root_admin_has_the_role(api: ApiClient, said: object) -> None:
    anna = await make(api, root_admin=said)
    path = f"{USERS}/{anna['id']}"
    assert anna["root_admin"] is True
    # left out, it stays
    assert (await api.patch(path, ANNA)).json["attributes"]["root_admin"] is True
    for no in (False, 0, "0"):
        await api.patch(path, {**ANNA, "root_admin": said})
        assert (await api.patch(path, {**ANNA, "root_admin": no})).json["attributes"]["root_admin"] is False
    await api.patch(f"{NATIVE}/anna", {"role": "agent"})
    await api.patch(path, {**ANNA, "root_admin": False})
    assert (await api.get(f"{NATIVE}/anna?fields=role")).json == {"role": "agent"}
    await api.patch(f"{NATIVE}/anna", {"role": "Admin"})
    assert (await api.get(path)).json["attributes"]["root_admin"] is True


async def test_a_change_keeps_what_it_does_not_name(api: ApiClient) -> None:
    anna = await make(api, external_id="crm-1", language="en")
    path = f"{USERS}/{anna['id']}"
    changed = (await api.patch(path, {**ANNA, "first_name": "Ann"})).json["attributes"]
    assert {**changed, "updated_at": ""} == {**anna, "first_name": "Ann", "updated_at": ""}
    cleared = (await api.patch(path, {**ANNA, "external_id": None})).json["attributes"]
    assert (cleared["external_id"], cleared["first_name"]) == (None, "Anna")
    assert refusal(await api.get(f"{USERS}/external/crm-1")) == NOT_FOUND


async def test_the_same_name_in_another_case_is_no_rename(api: ApiClient, services: Services) -> None:
    await api.post(NATIVE, {"username": "Anna"})
    await come_online(services, "Anna")
    anna = (await api.get(USERS)).json["data"][0]["attributes"]["id"]
    kept = (await api.patch(f"{USERS}/{anna}", {**ANNA, "username": "aNNA"})).json["attributes"]
    assert kept["username"] == "Anna"
    assert (await api.get(f"{NATIVE}/anna")).json["presence_status"] == 1
    renamed = (await api.patch(f"{USERS}/{anna}", {**ANNA, "username": "Berg"})).json["attributes"]
    assert renamed["username"] == "berg"
    assert (await api.get(f"{NATIVE}/berg")).json["presence_status"] == 0
    assert (await api.get(f"{NATIVE}/anna")).status == 404


async def test_whoever_owns_nothing_can_be_deleted(api: ApiClient) -> None:
    anna = await make(api)
    lobby = await own(api, anna["id"])
    path = f"{USERS}/{anna['id']}"
    refused = await api.delete(path)
    assert refusal(refused) == (
        400,
        "DisplayException",
        "Cannot delete a user with active servers attached to their account. "
        "Please delete their servers before continuing.",
    )
    await api.delete(f"/api/application/servers/{lobby['id']}")
    gone = await api.delete(path, headers={"Content-Type": "application/json"})
    assert (gone.status, gone.body, "Content-Type" in gone.headers) == (204, b"", False)
    assert refusal(await api.delete(path)) == NOT_FOUND
    assert (await api.get(f"{NATIVE}/anna")).status == 404


async def test_of_several_who_take_one_name_at_once_one_gets_it_and_the_others_are_told(api: ApiClient) -> None:
    answers = await asyncio.gather(*(api.post(USERS, {**ANNA, "email": f"{number}@mail.test"}) for number in range(6)))
    refused = [answer for answer in answers if answer.status != 201]
    assert len(refused) == 5
    assert [failures(answer) for answer in refused] == [[("username", "unique")]] * 5


async def test_only_ids_name_users(api: ApiClient) -> None:
    anna = await make(api, external_id="a/b \u00e9")
    for text in (
        "anna",
        "0",
        "-1",
        "1x",
        "%31x",
        "9" * 19,
        "9" * 400,
        "\u0661",
        "%00",
        "external",
        anna["uuid"],
        "1.0",
    ):
        assert refusal(await api.get(f"{USERS}/{text}")) == NOT_FOUND, text
    for text in ("a%2Fb%20%C3%A9", "a%2Fb%20e%CC%81"):
        assert (await api.get(f"{USERS}/external/{text}")).json["attributes"] == anna
    for text in ("A%2Fb%20%C3%A9", "%00", "nobody", "%ED%A0%80"):
        assert refusal(await api.get(f"{USERS}/external/{text}")) == NOT_FOUND, text


async def test_a_user_of_another_app_is_not_there(api: ApiClient, services: Services) -> None:
    _, key = await services.apps.create("other", None)
    theirs = api.speaking_as(key)
    eve = await make(theirs, external_id="crm-1")
    await own(theirs, eve["id"])
    assert (await make(api, external_id="crm-1"))["id"] != eve["id"]
    for answer in (
        await api.get(f"{USERS}/{eve['id']}"),
        await api.patch(f"{USERS}/{eve['id']}", ANNA),
        await api.delete(f"{USERS}/{eve['id']}"),
    ):
        assert refusal(answer) == NOT_FOUND
    assert failures(await api.post("/api/application/servers", {"name": "x", "user": eve["id"]})) == [
        ("user", "exists")
    ]
    assert (await api.get(f"{USERS}?include=servers")).json["meta"]["pagination"]["total"] == 1
    assert (await theirs.get(USERS)).json["data"][0]["attributes"] == eve


async def test_a_body_is_read_whatever_its_type(api: ApiClient) -> None:
    body = b'{"username": "u%d", "email": "u%d@mail.test", "first_name": "A", "last_name": "B"}'
    types = ("application/json", "application/vnd.api+json; charset=utf-8", "text/plain", "x", None)
    for number, kind in enumerate((*types, "application/x-www-form-urlencoded"), 100):
        headers = {"Content-Type": kind} if kind else {}
        made = await api.post(USERS, data=body % (number, number), headers=headers, skip_auto_headers=["Content-Type"])
        assert made.json["attributes"]["username"] == f"u{number}"
    form = await api.post(USERS, data={**ANNA, "root_admin": "1", "external_id": ""})
    assert (form.json["attributes"]["email"], form.json["attributes"]["root_admin"]) == ("Anna@Mail.test", True)


async def test_what_is_no_object_has_no_fields_and_what_is_no_json_is_refused(api: ApiClient) -> None:
    anna = await make(api)
    required = [(name, "required") for name in ("email", "username", "first_name", "last_name")]
    for body in (b"", b"null", b"[1]", b'"x"', b"7", b"{}"):
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            answer = await api.post(USERS, data=body, headers={"Content-Type": kind})
            assert failures(answer) == required, (body, kind)
    deep = b'{"a":' * 500 + b"1" + b"}" * 500
    for body in (b"{", b"{'a': 1}", b"\xff", b'{"a": "\\ud800"}', b"NaN", b'{"a":%s}' % (b"9" * 5000), deep):
        for method, path in (("POST", USERS), ("PATCH", f"{USERS}/{anna['id']}"), ("DELETE", f"{USERS}/{anna['id']}")):
            answer = await api.request(method, path, data=body, headers={"Content-Type": "application/json"})
            assert refusal(answer) == MALFORMED, (method, body[:20])
    assert (await api.get(USERS, headers={"Content-Type": "application/json"})).status == 200
    many = "&".join(f"f{number}=1" for number in range(2000))
    answer = await api.post(USERS, data=many, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert refusal(answer) == MALFORMED
    big = await api.post(USERS, data=b" " * 70_000)
    assert refusal(big) == (413, "PostTooLargeException", "The body may have at most 65536 bytes.")


async def test_nothing_is_made_where_no_address_can_be_given(api: ApiClient) -> None:
    body = b'{"username": "anna", "email": "a@b", "first_name": "A", "last_name": "B"}'
    head = f"POST {USERS}\nHost: a b\nContent-Type: application/json\nContent-Length: {len(body)}"
    answer = await send(api, head, body)
    assert refusal(answer)[:2] == (400, "BadRequestHttpException")
    assert (await api.get(USERS)).json["data"] == []


async def test_what_another_dialect_wrote_may_be_sent_back_as_it_was_read(api: ApiClient) -> None:
    odd = {"username": "Ünï cødé", "email": "com,ma@x.org", "first_name": "Ü", "last_name": "B", "language": "de"}
    assert (await api.post(NATIVE, odd)).status == 201
    shown = (await api.get(f"{USERS}?filter[email]=com")).json["data"][0]["attributes"]
    changed = await api.patch(f"{USERS}/{shown['id']}", {**shown, "first_name": "Una"})
    assert changed.status == 200, changed.json
    assert {**shown, "first_name": "Una", "updated_at": changed.json["attributes"]["updated_at"]} == (
        changed.json["attributes"]
    )
    assert changed.json["attributes"]["username"] == "Ünï cødé"
    refused = await api.patch(f"{USERS}/{shown['id']}", {**shown, "username": "Ünï cødé 2", "language": "fr"})
    assert [error["meta"] for error in refused.json["errors"]] == [
        {"source_field": "username", "rule": "p_username"},
        {"source_field": "language", "rule": "in"},
    ]
