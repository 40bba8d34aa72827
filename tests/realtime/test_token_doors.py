"""One table of tokens that nobody should take, shown at each door that takes tokens: REST, a socket's connect, and its
`auth:refresh`. All three refuse with the same code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as make_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as make_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from tests.api.tenancy.world import UNLIMITED
from tests.client import ApiClient
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import Client, Connect, NewClient

# of the two databases the stricter one about what a text may hold
pytestmark = pytest.mark.parametrize("database_source", ["postgres_url"], indirect=True)

RSA, EC = make_rsa_key(65537, 2048), make_ec_key(SECP256R1())
UNKNOWN_KEY = 1302
OTHERS = make_rsa_key(65537, 2048)


def pem_of(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()  # type: ignore[no-any-return]


def private_of(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()  # type: ignore[no-any-return]


def segment(content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def by_hand(header: Any, claims: Any, secret: str | bytes) -> str:
    """Signed with HMAC, whatever it says."""
    signed = f"{segment(header)}.{segment(claims)}"
    key = secret if isinstance(secret, bytes) else secret.encode()
    return f"{signed}.{segment(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


class Forge:
    """Makes the tokens of the table for Anna of the demo app, who is let in by a good one."""

    def __init__(self, secret: str, neighbours_secret: str, now_s: int) -> None:
        self.secret = secret
        self.neighbours_secret = neighbours_secret
        self.now_s = now_s

    def claims(self, **changes: Any) -> dict[str, Any]:
        """A claim that is changed to None is left out."""
        given = {"sub": "anna", "aid": "demo", "iat": self.now_s, "exp": self.now_s + 600, **changes}
        return {name: value for name, value in given.items() if value is not None}

    def good(self, **changes: Any) -> str:
        return by_hand({"alg": "HS256"}, self.claims(**changes), self.secret)

    def headed(self, **header: Any) -> str:
        """Otherwise good, with this header."""
        return by_hand(header, self.claims(), self.secret)

    def raw(self, claims: str, header: str = '{"alg":"HS256"}') -> str:
        """Of these very letters, but for LATER; signed with the app's own secret."""
        text = claims.replace("LATER", str(self.now_s + 600))
        return by_hand(header.encode(), text.encode(), self.secret)

    def tricked(self) -> dict[str, str]:
        """By what is wrong, those that do not verify."""
        found: dict[str, str] = {}
        for alg in ("none", "None", "NONE", "nOnE", "", None, "HS256 ", "HS512", "RS256", "ES256", "PS256", ["HS256"]):
            found[f"alg {alg!r} and signed all the same"] = self.headed(alg=alg)
            found[f"alg {alg!r} and not signed"] = f"{segment({'alg': alg})}.{segment(self.claims())}."
        found["no alg"] = self.headed(typ="JWT")
        for name, key in (("RSA", RSA), ("EC", EC)):
            pem, public = pem_of(key), key.public_key()
            forms: dict[str, str | bytes] = {
                "PEM": pem,
                "PEM without its last newline": pem.strip(),
                "PEM on one line": pem.replace("\n", ""),
                "PEM with CRLF": pem.replace("\n", "\r\n"),
                "the letters of the PEM": "".join(pem.splitlines()[1:-1]),
                "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            }
            for form, secret in forms.items():
                for alg in ("HS256", "RS256", "ES256"):
                    found[f"{alg} with the public {name} key ({form}) as secret"] = by_hand(
                        {"alg": alg}, self.claims(), secret
                    )
        found["RS256 by a key that nobody registered"] = self.signed(OTHERS, "RS256")
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHERS.public_key()))
        certificate = "".join(pem_of(OTHERS).splitlines()[1:-1])
        for header in ({"jwk": jwk}, {"jku": "https://example.org/keys"}, {"x5u": "https://example.org/c"},
                       {"x5c": [certificate]}, {"kid": "1", "jwk": jwk}):  # fmt: skip
            found[f"a key of its own in {'/'.join(header)}"] = self.signed(OTHERS, "RS256", **header)
        found["ES256 header over an RSA signature"] = self.swapped(self.signed(RSA, "RS256"), "ES256")
        found["RS256 header over an EC signature"] = self.swapped(self.signed(EC, "ES256"), "RS256")
        for kid in ("/dev/null", "../../../../dev/null", "' UNION SELECT '", "http://127.0.0.1/", "\0", "x" * 4000):
            found[f"kid {kid[:30]!r} and an empty secret"] = by_hand({"alg": "HS256", "kid": kid}, self.claims(), b"")
            found[f"kid {kid[:30]!r} and its own text as secret"] = by_hand(
                {"alg": "HS256", "kid": kid}, self.claims(), kid
            )
        for crit in ([], ["exp"], ["b64"], "exp", None):
            found[f"crit {crit!r}"] = self.headed(alg="HS256", crit=crit)
        found["a neighbour's aid and our secret"] = self.good(aid="next-door")
        found["our aid and a neighbour's secret"] = by_hand({"alg": "HS256"}, self.claims(), self.neighbours_secret)
        found["alg twice, none last"] = self.raw(
            '{"sub":"anna","aid":"demo","exp":LATER}', '{"alg":"HS256","alg":"none"}'
        )
        return found | self.malformed() | self.mistimed()

    def signed(self, key: Any, algorithm: str, **header: Any) -> str:
        return jwt.encode(self.claims(), private_of(key), algorithm, headers=header)

    def swapped(self, token: str, alg: str) -> str:
        return f"{segment({'alg': alg, 'typ': 'JWT'})}.{token.partition('.')[2]}"

    def malformed(self) -> dict[str, str]:
        good = self.good()
        head, body, signature = good.split(".")
        last = signature[:-1] + chr(ord(signature[-1]) + 1)  # other spare bits, if they are bits of nothing
        return {
            "trailing dot": good + ".",
            "leading dot": "." + good,
            "two parts": f"{head}.{body}",
            "four parts": f"{good}.{signature}",
            "blank in the signature": f"{head}.{body}.{signature[:9]} {signature[9:]}",
            "blank in the claims": f"{head}.{body[:9]} {body[9:]}.{signature}",
            "a tab in the header": f"{head[:5]}\t{head[5:]}.{body}.{signature}",
            "padding that is not needed": f"{head}.{body}.{signature}==",
            "spare bits": f"{head}.{body}.{last}",
            "the other alphabet": f"{head}.{body}.+/{signature[2:]}",
            "a cut signature": f"{head}.{body}.{signature[:-4]}",
            "another's claims": f"{head}.{segment(self.claims(sub='eve'))}.{signature}",
            "claims that are a list": by_hand({"alg": "HS256"}, [self.claims()], self.secret),
            "deep claims": self.raw('{"a":' * 900 + "1" + "}" * 900),
            "claims cut short": self.raw('{"sub":"anna","aid":"demo"'),
            "aid twice, a neighbour's last": self.raw('{"sub":"anna","aid":"demo","exp":LATER,"aid":"next-door"}'),
        }  # fmt: skip

    def mistimed(self) -> dict[str, str]:
        found = {"no exp": self.good(exp=None)}
        value: Any
        for name in ("exp", "nbf", "iat"):
            for value in ("9999999999", "", True, [9_999_999_999], {}, -1, 1e300, 2**63, 2**64, 10**30):
                found[f"{name} {value!r}"] = self.good(**{name: value})
            for word in ("NaN", "Infinity", "-Infinity", "1e999", "null" if name == "exp" else "-0.5"):
                found[f"{name} {word}"] = self.raw(f'{{"sub":"anna","aid":"demo","exp":LATER,"{name}":{word}}}')
        for value in (["anna"], 7, {"name": "anna"}, True):
            found[f"sub {value!r}"] = self.good(sub=value)
        for value in (["demo"], 7, "", "Demo", "demo ", "demo\0", "../demo", "users", "\ud800", "x" * 64):
            found[f"aid {value!r}"] = self.good(aid=value)
        return found

    def not_yet(self) -> dict[str, str]:
        later = {"an hour": 3600, "centuries": 200_000_000_000}
        return {
            f"{name} in {what}": self.good(**{name: self.now_s + seconds})
            for name in ("iat", "nbf") for what, seconds in later.items()
        }  # fmt: skip

    def of_nobody(self) -> dict[str, str]:
        """They verify, and name nobody who is there."""
        names = (
            "nobody",
            "",
            " anna",
            "anna ",
            "anna\0",
            "an\u200bna",
            "\u0430nna",
            "anna\ud800",
            "x" * 5000,
            "%61nna",
        )
        return {f"sub {name[:20]!r}": self.good(sub=name) for name in names}


@pytest.fixture
async def services(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    """Which count nothing: what is refused here is refused for what it is."""
    async with open_services(make_settings(**UNLIMITED, bad_packets_max=10**6), clock) as opened:
        yield opened


@pytest.fixture
async def forge(services: Services, demo: DemoApp, clock: Clock) -> Forge:
    neighbour, _ = await services.apps.create("next-door", None)
    await services.users.create(neighbour.id, {"username": "anna"}, SERVER)
    for key in (RSA, EC):
        await services.apps.change_setting(demo.id, "public_key", pem_of(key))
    secret = (await services.apps.get(demo.id)).jwt_secret
    return Forge(secret, neighbour.jwt_secret, clock.now() // 1000)


class Doors:
    def __init__(self, api: ApiClient, new_client: Callable[[], Client], anna: Client) -> None:
        self._api = api
        self._new_client = new_client
        self._anna = anna

    async def codes(self, token: str, *, connects: bool) -> set[int]:
        """What they say; REST must refuse with 401. A socket that connects costs more than all the rest."""
        rest = await self._api.speaking_as(token).get("/v1/demo/users/anna")
        assert rest.status == 401, rest.body
        refresh = await self._anna.io.call("auth:refresh", {"token": token})
        connect = await self._new_client().refused({"token": token}) if connects else refresh["error"]
        # without its two dots it is no token over REST, but an unknown key
        is_key = token.count(".") != 2 and rest.code == UNKNOWN_KEY
        return {refresh["error"]["code"], connect["code"], *([] if is_key else [rest.code])}


@pytest.fixture
async def doors(api: ApiClient, new_client: NewClient, connect: Connect, forge: Forge) -> Doors:
    return Doors(api, new_client, await connect("anna"))


async def wrong(doors: Doors, tokens: dict[str, str], code: int) -> list[str]:
    """Those of the tokens that some door refuses with another code; every third is shown to a connect, too."""
    found = []
    for number, (what, token) in enumerate(tokens.items()):
        codes = await doors.codes(token, connects=number % 3 == 0)
        if codes != {code}:
            found.append(f"{what}: {codes}")
    return found


async def test_a_token_that_does_not_verify_is_refused_at_every_door(doors: Doors, forge: Forge) -> None:
    assert await wrong(doors, forge.tricked(), 1021) == []


async def test_a_token_from_the_future_is_refused_at_every_door(doors: Doors, forge: Forge) -> None:
    assert await wrong(doors, forge.not_yet(), 40103) == []


async def test_a_token_of_nobody_is_refused_at_every_door(doors: Doors, forge: Forge) -> None:
    assert await wrong(doors, forge.of_nobody(), 40015) == []


async def test_a_token_that_is_over_is_refused_at_every_door(doors: Doors, forge: Forge, clock: Clock) -> None:
    tokens = {"just over": forge.good(exp=forge.now_s - 11), "long over": forge.good(exp=0)}
    assert await wrong(doors, tokens, 1020) == []


async def test_what_is_good_about_a_token_is_good_at_every_door(
    api: ApiClient, doors: Doors, connect: Connect, forge: Forge
) -> None:
    """Else the tables above would be refused for something else: their forge makes tokens that are taken, too."""
    client = await connect("anna")
    for token in (
        forge.good(),
        forge.good(sub="ANNA"),
        forge.good(sub="anna", nbf=forge.now_s),
        forge.headed(alg="HS256", kid="../x", jku="https://example.org", x5c=["x"]),
        forge.raw('{"sub":"eve","aid":"demo","exp":LATER,"sub":"anna"}'),
        forge.signed(RSA, "RS256"),
        forge.signed(EC, "ES256", kid="' OR 1=1"),
    ):
        assert (await api.speaking_as(token).get("/v1/demo/users/anna")).status == 200
        assert "expires_at" in await client.io.call("auth:refresh", {"token": token})
