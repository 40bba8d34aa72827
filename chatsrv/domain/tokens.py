"""What the claims of a user token must say. Signatures are checked elsewhere; time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from chatsrv.domain.errors import Distrust, Unauthenticated
from chatsrv.domain.instants import NEVER

NUMBERS = (int, float)


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """`sub` and `aid` of a token that is good at the moment it was checked, until `expires_at` (ms).

    `issued_at` (ms) is NEVER where the token does not say. `signed_by`: the mark of the app's key or secret.
    """

    username: str
    app_id: str
    issued_at: int
    expires_at: int
    signed_by: str = ""


def bad_token(message: str) -> Unauthenticated:
    return Unauthenticated(Distrust.BAD_TOKEN, message)


def check_claims(claims: Mapping[str, Any], now: int, leeway_s: int, signed_by: str = "") -> TokenClaims:
    """Raises Unauthenticated with the reason; `exp`, `sub` and `aid` are required, `nbf` and `iat` are not."""
    username, app_id = claims.get("sub"), claims.get("aid")
    if not isinstance(username, str) or not isinstance(app_id, str):
        raise bad_token("The token needs the claims sub (a username) and aid (an app), both strings.")
    exp, nbf, iat = _seconds(claims, "exp"), _seconds(claims, "nbf"), _seconds(claims, "iat")
    if exp is None:
        raise bad_token("The token needs the claim exp.")
    if now >= (exp + leeway_s) * 1000:
        raise Unauthenticated(Distrust.EXPIRED_TOKEN, "The token has expired.")
    if now < (max(nbf or NEVER, iat or NEVER) - leeway_s) * 1000:
        raise Unauthenticated(Distrust.EARLY_TOKEN, "The token is not valid yet.")
    return TokenClaims(username, app_id, int((iat or NEVER) * 1000), int(exp * 1000), signed_by)


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value: Any = claims.get(name)
    if value is None:
        return None
    # bool is an int to Python, but not this type; beyond the year 9999 no instant can be written
    if type(value) not in NUMBERS or not 0 <= value < 253_402_300_800:
        raise bad_token(f"The claim {name} must be seconds since 1970.")
    return cast(float, value)
