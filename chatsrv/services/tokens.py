"""User tokens: JWTs that an app's backend signs, or that we sign for it."""

from __future__ import annotations

from collections.abc import Iterable

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from chatsrv.domain.apps import App, PublicKey, check_app_id
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.tokens import TokenClaims, bad_token, check_claims
from chatsrv.domain.users import User

RSA_BITS_MIN = 2048


def claimed_app(token: str) -> str:
    """The app a token says it is for, unverified: it only tells whose keys to verify with."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise bad_token("The token is no JWT.") from error
    app_id = claims.get("aid")
    try:
        return check_app_id(app_id if isinstance(app_id, str) else "")
    except Invalid as error:
        raise bad_token("The token needs the claim aid, the app it is for.") from error


def verify(token: str, app: App, now: int, leeway_s: int) -> TokenClaims:
    """Which algorithm goes with which key is the app's word, never the token's. Raises Unauthenticated."""
    for algorithm, key in _verifiers(app):
        try:
            # PyJWT would ask the system's clock; check_claims is given the time
            claims = jwt.decode(token, key, algorithms=[algorithm], options=SIGNATURE_ONLY)
        except jwt.InvalidTokenError:
            continue
        return check_claims(claims, now, leeway_s)
    raise bad_token("The token's signature does not verify for this app.")


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


def _verifiers(app: App) -> Iterable[tuple[str, str]]:
    yield "HS256", app.jwt_secret
    for key in app.public_keys:
        yield key.algorithm, key.pem


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
