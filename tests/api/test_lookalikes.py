"""Names that differ in case or composition alone are one name, through every door; names that only look alike are two,
and each is found by its own. On both databases."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import jwt

from chatsrv.services import Services
from tests.api.manners import MANNERS
from tests.api.native.people import USERS, path_of, usernames
from tests.client import Answer, ApiClient
from tests.conftest import DemoApp

NATIVE, PANEL, OKSKY, PULSE = MANNERS
SAME = {
    "Zoë": "ZOE\u0308",
    "straße": "STRASSE",
    "ﬁx": "FIX",
    "Kelvin": "\u212aelvin",
    "Å": "\u212b",
    "İstanbul": "i\u0307stanbul",
    "ΣΊΣΥΦΟΣ": "σίσυφος",
    "\u1e9eow": "ßOW",
    "\u01c5em": "ǄEM",
}
"""The second is a way to write the first."""

DIFFERENT = (
    ("ırmak", "irmak"),
    ("anna", "\u0430nna"),
    ("paypal", "paypa1"),
    ("a b", "ab"),
    ("ﬀ", "f"),
    ("ö", "o"),
    ("ª", "a"),
)


def other_forms(name: str, other: str) -> set[str]:
    forms = {name, other, name.upper(), other.lower()}
    every = forms | {unicodedata.normalize(form, text) for text in forms for form in ("NFC", "NFD")}
    return {text for text in every if text.casefold() == name.casefold() or text in forms}


async def found(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return str(answer.json["username"])


async def test_another_way_to_write_a_name_is_taken_through_every_door_and_leads_to_who_has_it(
    api: ApiClient, services: Services, demo: DemoApp
) -> None:
    secret = (await services.apps.get("demo")).jwt_secret
    for name, other in SAME.items():
        assert (await api.post(USERS, {"username": name})).status == 201, name
        kept = unicodedata.normalize("NFC", name)
        again = {"username": other}
        assert (await api.post(USERS, again)).status == 409, name
        oksky = await OKSKY.speak(api, demo.key).post(OKSKY.users, OKSKY.new_user(other))
        assert (oksky.status, oksky.json["errors"][0]["title"]) == (422, "has already been taken"), name
        bulk = await api.post("/v1/demo/bulk/users", {"users": [again]})
        assert bulk.json["results"][0]["status"] == "updated"
        for form in (name, other, unicodedata.normalize("NFD", other)):
            assert await found(await api.get(path_of(form))) == kept, form
            for op in ("eq", "begins", "contains"):
                listed = await api.get(f"{USERS}?filter=username:{op}:{quote(form)}")
                assert usernames(listed) == [kept], (form, op)
            token = jwt.encode({"sub": form, "aid": "demo", "exp": 9_999_999_999}, secret)
            assert await found(await api.speaking_as(token).get(path_of(form))) == kept
        asked = await api.post("/v1/demo/presence/query", {"usernames": [other]})
        assert ([user["username"] for user in asked.json["users"]], asked.json["unknown"]) == ([kept], [])
        assert (await api.delete(path_of(other))).status == 204


async def test_names_that_only_look_alike_are_two_people_and_each_is_found_by_their_own(
    api: ApiClient, demo: DemoApp
) -> None:
    for pair in DIFFERENT:
        for name in pair:
            assert (await api.post(USERS, {"username": name, "external_id": name})).status == 201, name
        for name in pair:
            assert await found(await api.get(path_of(name))) == name
            assert usernames(await api.get(f"{USERS}?filter=username:eq:{quote(name)}")) == [name]
            panel = PANEL.speak(api, demo.key)
            one = await panel.get(f"{PANEL.users}/external/{quote(name)}")
            assert one.json["attributes"]["username"] == name
            assert (await api.delete(path_of(name))).status == 204


async def test_a_name_made_up_for_a_newcomer_can_be_seen_and_written_again(api: ApiClient, demo: DemoApp) -> None:
    pulse = PULSE.speak(api, demo.key)
    for name in (
        "\u3164",
        "\u200bAnna\u2060",
        "\u2800",
        "An\u034fna \u115f",
        "\u0301",
        "·",
        "İ",
        "a\u00a0b",
        "x" * 191,
    ):
        answer = await pulse.post(PULSE.users, PULSE.new_user(name))
        assert answer.status == 201, answer.body
    for username in usernames(await api.get(USERS)):
        # what the server takes as a username that a client chooses
        answer = await api.post(f"{path_of(username)}/rename", {"username": f"{username}!"})
        assert answer.status == 200, (username, answer.body)


SIGNS = ("%", "_", "\\", "/", "*", "[a]", "^", "'", "%%", "\\%", "/_", "😀")
NATIVE_WORDS = {"contains": "{}", "begins": "n{}", "ends": "{}e"}
PULSE_WORDS = {"contains": "ct", "begins": "pre", "ends": "suf"}


async def test_no_sign_stands_for_others_in_any_filter_of_any_dialect(api: ApiClient, demo: DemoApp) -> None:
    people = dict(enumerate(("plain", *SIGNS)))
    for number, sign in people.items():
        text = f"n{sign}e"
        body = {"username": f"u{number}", "name": text, "first_name": text, "external_id": text}
        assert (await api.post(USERS, body)).status == 201, sign
    panel, pulse = PANEL.speak(api, demo.key), PULSE.speak(api, demo.key)
    for sign in SIGNS:
        for op, words in NATIVE_WORDS.items():
            value = quote(words.format(sign), safe="")
            numbers = [number for number, other in people.items() if _has(op, other, sign)]
            listed = usernames(await api.get(f"{USERS}?filter=first_name:{op}:{value}"))
            assert listed == [f"u{number}" for number in numbers], (sign, op)
            answer = await pulse.get(f"{PULSE.users}?sort=created_at&filter[name]={PULSE_WORDS[op]}:{value}")
            names = [user["attributes"]["name"] for user in answer.json["data"]]
            assert names == [f"n{people[number]}e" for number in numbers], (sign, op)
        answer = await panel.get(f"{PANEL.users}?filter[external_id]={quote(sign, safe='')}")
        found = [user["attributes"]["username"] for user in answer.json["data"]]
        assert found == [f"u{number}" for number, other in people.items() if _has("contains", other, sign)], sign


def _has(op: str, sign: str, wanted: str) -> bool:
    text = f"n{sign}e"
    return {
        "contains": wanted in text,
        "begins": text.startswith(f"n{wanted}"),
        "ends": text.endswith(f"{wanted}e"),
    }[op]
