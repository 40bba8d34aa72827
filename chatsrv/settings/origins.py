"""Origins: which web pages may talk to us. Compared letter by letter, they are kept as browsers write them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

ANY = "*"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_USUAL_PORTS = {"http": ":80", "https": ":443"}


def explain_origin(text: str) -> str | None:
    """What is wrong with it as an entry of a list of origins, and what would do; None where it is one, or `*`."""
    if text == ANY or (_ORIGIN.fullmatch(text) and _as_browsers_write(text) == text):
        return None
    meant = _as_browsers_write(text)
    if meant and _ORIGIN.fullmatch(meant):
        return f"{text!r} is not what browsers send; write {meant}"
    return f"{text!r} is no origin; write it as https://shop.example or https://shop.example:8443, or * for all"


def _as_browsers_write(text: str) -> str | None:
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme}://{host.removesuffix(_USUAL_PORTS.get(parts.scheme, ' '))}"
