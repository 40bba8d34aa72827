"""User tokens: which ones verify, and what they are good for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as make_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as make_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.api.native.people import USERS, add
from tests.api.native.refusals import refused
from tests.client import Answer, ApiClient

# of the two databases the stricter one about what a text may hold
pytestmark = pytest.mark.parametrize("database_source", ["postgres_url"], indirect=True)

KEYS: dict[str, Any] = {
    "RS256": make_rsa_key(65537, 2048),
    "ES256": make_ec_key(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate(),
}


def private(algorithm: str) -> str:
    pem: bytes = KEYS[algorithm].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def public(algorithm: str) -> str:
    pem: bytes = KEYS[algorithm].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def segment(content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def by_hand(header: Any, claims: Any, secret: str) -> str:
    """A token that no library would make, signed with HMAC all the same."""
    signed = f"{segment(header)}.{segment(claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{segment(signature)}"


class Signer:
    """Makes tokens for anna of the demo app, and asks with them."""

    def __init__(self, api: ApiClient, secret: str, now: int) -> None:
        self.api = api
        self.secret = secret
        self.now = now

    def claims(self, **changes: Any) -> dict[str, Any]:
        """A claim that is changed to None is left out."""
        claims = {"sub": "anna", "aid": "demo", "iat": self.now, "exp": self.now + 60, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    async def ask(self, algorithm: str = "HS256", key: str | None = None, **changes: Any) -> Answer:
        token = jwt.encode(self.claims(**changes), self.secret if key is None else key, algorithm=algorithm)
        return await self.show(token)

    async def claim(self, claims: Any) -> Answer:
        """Whatever the claims are, the signature is good."""
        return await self.show(by_hand({"alg": "HS256"}, claims, self.secret))

    async def show(self, token: str) -> Answer:
        return await self.api.speaking_as(token).get(f"{USERS}/anna")


@pytest.fixture
async def signer(api: ApiClient, services: Services, clock: Clock) -> Signer:
    await add(api, "anna")
    secret = (await services.apps.get("demo")).jwt_secret
    return Signer(api, secret, clock.now() // 1000)


async def test_hs256_with_the_secret_of_the_app_verifies(signer: Signer) -> None:
    assert (await signer.ask()).status == 200
    assert (await signer.ask(sub="ANNA")).status == 200
    assert (await signer.ask(iat=None)).status == 200
    assert (await signer.ask(extra={"a": [1]}, aud="x", iss="y", jti="z")).status == 200


@pytest.mark.parametrize("algorithm", list(KEYS))
async def test_a_registered_public_key_verifies_its_own_algorithm(
    signer: Signer, services: Services, clock: Clock, algorithm: str
) -> None:
    refused(await signer.ask(algorithm, private(algorithm)), 401, 1021)
    await services.apps.change_setting("demo", "public_key", public(algorithm))
    clock.advance(1)
    assert (await signer.ask(algorithm, private(algorithm))).status == 200
    assert (await signer.ask()).status == 200
    for other in KEYS.keys() - {algorithm}:
        refused(await signer.ask(other, private(other)), 401, 1021)


async def test_a_public_key_is_never_taken_for_a_secret(signer: Signer, services: Services, clock: Clock) -> None:
    for algorithm in KEYS:
        await services.apps.change_setting("demo", "public_key", public(algorithm))
    clock.advance(1)
    for algorithm in KEYS:
        pem = public(algorithm)
        for secret in (pem, pem.strip(), pem.replace("\n", "")):
            refused(await signer.show(by_hand({"alg": "HS256"}, signer.claims(), secret)), 401, 1021)
            refused(await signer.show(by_hand({"alg": algorithm}, signer.claims(), secret)), 401, 1021)


async def test_the_token_does_not_choose_its_algorithm(signer: Signer) -> None:
    for alg in ("none", "None", "NONE", "", None, "HS384", "HS512", "RS256", "hs256", ["HS256"], 7):
        refused(await signer.show(by_hand({"alg": alg}, signer.claims(), signer.secret)), 401, 1021)
        refused(await signer.show(f"{segment({'alg': alg})}.{segment(signer.claims())}."), 401, 1021)
    refused(await signer.show(by_hand({"alg": "HS256"}, signer.claims(), "")), 401, 1021)
    refused(
        await signer.show(by_hand({"alg": "HS256", "crit": ["b64"], "b64": False}, signer.claims(), "x")), 401, 1021
    )


async def test_a_token_that_was_tampered_with_does_not_verify(signer: Signer) -> None:
    head, body, signature = jwt.encode(signer.claims(), signer.secret).split(".")
    refused(await signer.show(f"{head}.{segment(signer.claims(sub='eve'))}.{signature}"), 401, 1021)
    refused(await signer.show(f"{head}.{body}.{signature[:-4]}"), 401, 1021)
    refused(await signer.show(f"{head}.{body}."), 401, 1021)


async def test_what_is_no_token_is_refused_as_one(signer: Signer) -> None:
    for token in ("..", "a.b.c", "ä.b.c", f"{segment([])}.{segment([])}.x", f"x.{segment(b'[' * 3000)}.x"):
        refused(await signer.show(token), 401, 1302 if "ä" in token else 1021)
    odd: list[Any] = [[], "x", None, 7, {}, b"\xff", b"[" * 3000, b'{"aid":"demo"', b'{"aid":' + b"9" * 5000 + b"}"]
    for claims in odd:
        refused(await signer.claim(claims), 401, 1021)


async def test_exp_is_required_and_times_are_numbers(signer: Signer) -> None:
    refused(await signer.ask(exp=None), 401, 1021)
    odd: list[Any] = ["9999999999", True, [1], {}, -1, 10**20, 1e300]
    for name in ("exp", "nbf", "iat"):
        for value in odd:
            refused(await signer.claim(signer.claims(**{name: value})), 401, 1021)
    for word in (b"NaN", b"Infinity", b"-Infinity"):
        refused(await signer.claim(b'{"sub":"anna","aid":"demo","exp":' + word + b"}"), 401, 1021)


async def test_ten_seconds_of_difference_are_forgiven_and_no_more(signer: Signer, clock: Clock) -> None:
    token = jwt.encode(signer.claims(), signer.secret)
    clock.advance(68)
    assert (await signer.show(token)).status == 200
    clock.advance(3)
    refused(await signer.show(token), 401, 1020)
    now = clock.now() // 1000
    for name in ("nbf", "iat"):
        assert (await signer.claim(signer.claims(**{"exp": now + 99, name: now + 9}))).status == 200
        refused(await signer.claim(signer.claims(**{"exp": now + 99, name: now + 15})), 401, 40103)


async def test_sub_and_aid_must_name_somebody(signer: Signer) -> None:
    no_names: list[Any] = [None, 7, ["anna"], {}, True]
    for value in no_names:
        refused(await signer.claim(signer.claims(sub=value)), 401, 1021)
    for value in ("nobody", "", "a\x00b", "\ud800", "x" * 300):
        refused(await signer.claim(signer.claims(sub=value)), 401, 40015)
    for value in [*no_names, "nope", "", "Demo", "a\x00b", "\ud800", "users", "x" * 300]:
        refused(await signer.claim(signer.claims(aid=value)), 401, 1021)


async def test_whoever_is_deleted_is_no_subject_any_more(signer: Signer) -> None:
    await signer.api.delete(f"{USERS}/anna")
    refused(await signer.ask(), 401, 40015)


async def test_over_rest_a_token_creates_nobody_whatever_the_app_says(
    signer: Signer, services: Services, clock: Clock
) -> None:
    await services.apps.change_setting("demo", "auto_create_users", "true")
    clock.advance(1)
    refused(await signer.ask(sub="newcomer"), 401, 40015)
    assert (await signer.api.get(USERS)).headers["X-Total-Count"] == "1"


async def test_a_user_reads_everybody_and_writes_themselves(signer: Signer) -> None:
    await add(signer.api, "ben")
    anna = signer.api.speaking_as(jwt.encode(signer.claims(), signer.secret))
    for path in (USERS, f"{USERS}?presence=true&fields=*", f"{USERS}/ben", "/v1/users/ben"):
        assert (await anna.get(path)).status == 200
    for method in ("PUT", "PATCH"):
        mine = await anna.request(method, f"{USERS}/ANNA", json={"first_name": method, "email": "a@b"})
        assert (mine.status, mine.json["first_name"]) == (200, method)
    assert (await anna.delete(f"{USERS}/anna")).status == 204


async def test_a_user_may_not_write_what_is_for_the_app_to_decide(signer: Signer) -> None:
    await add(signer.api, "ben")
    anna = signer.api.speaking_as(jwt.encode(signer.claims(), signer.secret))
    for body in ({"role": "admin"}, {"external_id": "x"}, {"external_id": None}, {"first_name": "A", "role": "user"}):
        refused(await anna.put(f"{USERS}/anna", body), 403, 40105)
        refused(await anna.put(f"{USERS}/ben", {"first_name": "X"}), 403, 40105)
    for method, path in {
        "POST": USERS,
        "PATCH": f"{USERS}/ben",
        "DELETE": f"{USERS}/ben",
        "PUT": "/v1/demo/bulk/users",
        "GET": "/v1/demo/bulk/users",
    }.items():
        refused(await anna.request(method, path, json={"username": "eve"}), 403, 40105)
    for verb in ("rename", "deactivate", "reactivate", "tokens"):
        refused(await anna.post(f"{USERS}/anna/{verb}", {"username": "eve"}), 403, 40105)
    refused(await anna.post("/v1/users", {"username": "eve"}), 403, 40105)
    refused(await anna.post("/v1/demo/bulk/users", {"users": []}), 403, 40105)
    found = (await signer.api.get(f"{USERS}/anna?fields=role,external_id,first_name")).json
    assert found == {"role": "user", "external_id": None, "first_name": None}
