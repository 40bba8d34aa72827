"""Tokens taken apart and verified: nothing passes that PyJWT, left alone with the same key, would refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.domain.apps import App, PublicKey
from chatsrv.domain.errors import Unauthenticated
from chatsrv.services.tokens import SIGNATURE_ONLY, take_apart, verify

NOW_S = 1_772_357_400
SECRET = "a secret that is long enough for anybody"
KEY = Ed25519PrivateKey.generate()
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
APP = App("demo", "Demo", SECRET, 0, public_keys=(PublicKey("EdDSA", PUBLIC),))
CLAIMS = {"sub": "anna", "aid": "demo", "iat": NOW_S, "exp": NOW_S + 60}


def segment(content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def by_hand(header: Any, claims: Any = CLAIMS, secret: str = SECRET) -> str:
    return signed(f"{segment(header)}.{segment(claims)}", secret)


def signed(text: str, secret: str = SECRET) -> str:
    return f"{text}.{segment(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def passes(token: str, app: App = APP) -> bool:
    """In the order in which callers are identified."""
    try:
        unverified = take_apart(token)
        app_id = unverified.app_id
        claims = verify(unverified, app, NOW_S * 1000, 10)
    except Unauthenticated:
        return False
    return (claims.username, claims.app_id, app_id) == ("anna", "demo", "demo")


def passes_pyjwt(token: str) -> bool:
    for algorithm, key in (("HS256", SECRET), ("EdDSA", PUBLIC)):
        try:
            jwt.decode(token, key, algorithms=[algorithm], options=SIGNATURE_ONLY)
        except (jwt.PyJWTError, ValueError, RecursionError):
            continue
        return True
    return False


GOOD = jwt.encode(CLAIMS, SECRET)


@pytest.mark.parametrize(
    "token",
    [
        GOOD,
        jwt.encode(CLAIMS, SECRET, headers={"kid": "one", "typ": None, "jku": "https://example.org"}),
        jwt.encode(CLAIMS, PRIVATE, "EdDSA"),
        jwt.encode(CLAIMS | {"extra": {"a": [1, None, 1.5]}, "näme": "ü\u2028"}, SECRET),
        by_hand({"alg": "HS256"}),
        # as one load balancer pads them
        signed(".".join(part + "=" * (-len(part) % 4) for part in GOOD.split(".")[:2])),
    ],
)
def test_a_good_token_passes(token: str) -> None:
    assert passes_pyjwt(token)
    assert passes(token)


HEADERS: list[Any] = [
    *({"alg": alg} for alg in ("none", "None", "", None, "HS384", "hs256", ["HS256"], {"HS256": 1}, 7, True, "EdDSA")),
    {},
    [],
    None,
    "HS256",
    b"",
    b"\xff",
    b"[" * 100_000,
    b'{"alg":"HS256"',
    b'{"alg":"HS256"} x',
    b'{"alg":NaN}',
    b'\xef\xbb\xbf{"alg":"HS256"}',
    '{"alg":"HS256"}'.encode("utf-16"),
    b'{"alg":"HS256","alg":"none"}',
    {"alg": "HS256", "kid": 7},
    {"alg": "HS256", "kid": None},
    {"alg": "HS256", "b64": False},
    {"alg": "HS256", "b64": True},
    *({"alg": "HS256", "crit": crit} for crit in ([], ["exp"], "b64", None, ["b64"], [7])),
    {"alg": "HS256", "crit": ["b64"], "b64": False},
    {"alg": "HS256", "crit": ["b64"], "b64": True},
]


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_a_header_that_asks_for_anything_else_is_refused(header: Any) -> None:
    assert not passes(by_hand(header))
    assert not passes(f"{segment(header)}.{segment(CLAIMS)}.")


CLAIMS_TEXT = json.dumps(CLAIMS).encode()
NO_CLAIMS: list[Any] = [
    *([], "x", None, 7, True, {}),
    *(b"", b"\xff", b"[" * 100_000, b'{"sub":"anna"', b'{"exp":' + b"9" * 5000 + b"}"),
    b'{"sub":"anna","aid":"demo","exp":NaN}',
    b'{"sub":"anna","aid":"demo","exp":1e999}',
    b'{"sub":"anna\xff","aid":"demo","exp":1772357460}',
    CLAIMS_TEXT + b"x",
    json.dumps(CLAIMS).encode("utf-16"),
    *(CLAIMS | change for change in ({"exp": "1"}, {"aid": 7}, {"aid": "Demo!"}, {"sub": ["anna"]})),
]


@pytest.mark.parametrize("claims", NO_CLAIMS, ids=lambda claims: str(claims)[:40])
def test_claims_that_say_nothing_are_refused(claims: Any) -> None:
    assert not passes(by_hand({"alg": "HS256"}, claims))


def test_a_signature_by_anything_but_the_apps_keys_is_refused() -> None:
    other = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert not passes(jwt.encode(CLAIMS, SECRET + "x"))
    assert not passes(jwt.encode(CLAIMS, other, "EdDSA"))
    assert not passes(by_hand({"alg": "HS256"}, secret=PUBLIC))
    assert not passes(by_hand({"alg": "EdDSA"}, secret=PUBLIC))
    assert not passes(GOOD.rpartition(".")[0] + ".")


def test_an_app_without_a_secret_has_none_that_could_be_guessed() -> None:
    assert not passes(by_hand({"alg": "HS256"}, secret=""), App("demo", "Demo", "", 0))


@pytest.mark.parametrize(
    "text", ["", ".", "..", "...", "a.b.c", "ä.b.c", "\ud800.b.c", GOOD + ".", "." + GOOD, GOOD + "\n"]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    assert not passes(text)


def test_of_one_token_there_is_one_text() -> None:
    head, body, signature = GOOD.split(".")
    others = [f"{head}.{body}.{signature}{end}" for end in ("=", "==", "===", "A", " ", "\x00")]
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others += [f"{head}.{body}.{signature[:-1]}{char}" for char in last if char != signature[-1]]
    others += [f"{head}.{body}.{signature.replace('-', '+').replace('_', '/')}+"]
    for other in others:
        assert passes(other) <= passes_pyjwt(other)
    assert sum(passes(other) for other in others) <= 1  # padded as it should be


@given(st.data())
def test_nothing_passes_that_pyjwt_refuses(data: st.DataObject) -> None:
    """Edits of a good token, and tokens signed by the app itself around an edited header or edited claims."""
    parts = [b'{"alg":"HS256","typ":"JWT"}', json.dumps(CLAIMS).encode()]
    which = data.draw(st.integers(0, 2))
    if which == 2:
        token = edited(data, GOOD.encode()).decode("latin-1")
    else:
        parts[which] = edited(data, parts[which])
        token = signed(".".join(segment(part) for part in parts))
    assert passes(token) <= passes_pyjwt(token)


def edited(data: st.DataObject, text: bytes) -> bytes:
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 8)))
    return text[:begin] + data.draw(st.binary(max_size=8)) + text[end:]
