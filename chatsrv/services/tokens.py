"""User tokens: JWTs that an app's backend signs, or that we sign for it."""

from __future__ import annotations

import json
import re
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from hmac import compare_digest
from hmac import new as new_hmac
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from chatsrv.domain.apps import App, PublicKey, check_app_id, mark_of
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.tokens import TokenClaims, bad_token, check_claims
from chatsrv.domain.users import User

RSA_BITS_MIN = 2048


_TOKEN = re.compile(r"[A-Za-z0-9_-]*={0,2}\.[A-Za-z0-9_-]*={0,2}\.[A-Za-z0-9_-]*={0,2}", re.ASCII)
_STANDARD = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token that was taken apart; nothing in it is true before `verify` says so."""

    text: str
    algorithm: Any
    claims: dict[str, Any]
    signature: bytes

    @property
    def app_id(self) -> str:
        """The app it says it is for, which only tells whose keys to verify with. Raises Unauthenticated."""
        app_id = self.claims.get("aid")
        try:
            return check_app_id(app_id if isinstance(app_id, str) else "")
        except Invalid as error:
            raise bad_token("The token needs the claim aid, the app it is for.") from error


def take_apart(token: str) -> Unverified:
    """Raises Unauthenticated."""
    try:
        if not _TOKEN.fullmatch(token):
            raise ValueError("not three segments of base64url")
        header, claims, signature = (_decode(part) for part in token.encode().translate(_STANDARD).split(b"."))
        return Unverified(token, _read_algorithm(header), _read(claims), signature)
    except (ValueError, TypeError, RecursionError) as error:
        raise bad_token("The token is no JWT.") from error


def _read_algorithm(raw: bytes) -> Any:
    """Whatever it may be: it is compared with the app's word, and never followed."""
    header = _read(raw)
    if "crit" in header or "b64" in header or not isinstance(header.get("kid", ""), str):
        raise ValueError("an extension that we do not know")
    return header.get("alg")


def _read(raw: bytes) -> dict[str, Any]:
    """As PyJWT reads it, but that it must be UTF-8."""
    content = json.loads(raw.decode())
    if not isinstance(content, dict):
        raise TypeError("no object")
    return content


def _decode(segment: bytes) -> bytes:
    """Of one content there is one segment; the padding that some issuers add is allowed."""
    bare = segment.rstrip(b"=")
    if bare != segment and len(segment) % 4:
        raise ValueError("wrong padding")
    decoded = a2b_base64(bare + b"=" * (-len(bare) % 4), strict_mode=True)
    if b2a_base64(decoded, newline=False).rstrip(b"=") != bare:
        raise ValueError("not the segment of its content")
    return decoded


def verify(token: Unverified, app: App, now: int, leeway_s: int) -> TokenClaims:
    """Which algorithm goes with which key is the app's word, never the token's. Raises Unauthenticated."""
    signer = _find_signer(token, app, now)
    if signer is None:
        raise bad_token("The token's signature does not verify for this app.")
    return check_claims(token.claims, now, leeway_s, signer)


def _find_signer(token: Unverified, app: App, now: int) -> str | None:
    """The mark of what signed it."""
    if token.algorithm == "HS256":
        signed, _, _ = token.text.rpartition(".")
        for secret in app.secrets(now):
            if compare_digest(_sign(secret, signed), token.signature):
                return mark_of(secret)
        return None
    keys = (key for key in app.public_keys if key.algorithm == token.algorithm and _is_signed_by(token.text, key))
    return next((key.id for key in keys), None)


def _sign(secret: str, text: str) -> bytes:
    """The HMAC object, and not the function, for that gives way to other threads however short the text is."""
    return new_hmac(secret.encode(), text.encode(), "sha256").digest()


def _is_signed_by(token: str, key: PublicKey) -> bool:
    try:
        jwt.decode(token, key.pem, algorithms=[key.algorithm], options=SIGNATURE_ONLY)
    except jwt.InvalidTokenError:
        return False
    return True


# PyJWT would ask the system's clock; check_claims is given the time
SIGNATURE_ONLY = jwt.types.Options(
    verify_signature=True,
    verify_exp=False,
    verify_nbf=False,
    verify_iat=False,
    verify_aud=False,
    verify_iss=False,
    verify_sub=False,
    verify_jti=False,
)


def mint(app: App, user: User, now: int, ttl_s: int) -> tuple[str, int]:
    """A token for that user, and when it expires (ms)."""
    issued_s = max(now, user.tokens_since) // 1000
    claims = {"sub": user.username, "aid": app.id, "iat": issued_s, "exp": issued_s + ttl_s}
    return jwt.encode(claims, app.jwt_secret, algorithm="HS256"), (issued_s + ttl_s) * 1000


def read_public_key(pem: str) -> PublicKey:
    """The one algorithm that a key is good for follows from its kind. Raises Invalid."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid(Problem("public_key", "must be a public key as PEM (-----BEGIN PUBLIC KEY-----)")) from error
    if isinstance(key, RSAPublicKey) and key.key_size >= RSA_BITS_MIN:
        return PublicKey("RS256", pem)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return PublicKey("ES256", pem)
    if isinstance(key, Ed25519PublicKey):
        return PublicKey("EdDSA", pem)
    raise Invalid(Problem("public_key", "must be an RSA key of 2048 bits or more, a P-256 key or an Ed25519 key"))
