"""Settings as `chatsrv config` shows them: no secret, and in the words of the environment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chatsrv.settings import ENV_PREFIX, PER_APP, PLATFORM_VARIABLES, Loaded, SettingInfo

MASK = "***"
HARMLESS = frozenset(("db", "host", "pgbouncer", "port", "ssl", "ssl_cert_reqs", "sslmode", "target_session_attrs"))
"""What may be shown of that behind the question mark of a URL."""

ENV_HEAD = """# Every setting with its default: take away the # in front of what is to be otherwise.
# In a shell: set -a; . ./chatsrv.env; set +a. For systemd: EnvironmentFile=. For containers: --env-file."""


def describe_one(info: SettingInfo, loaded: Loaded) -> dict[str, Any]:
    """`source`: the file, the variable, or `default`."""
    value = getattr(loaded.settings, info.name)
    return {
        "name": info.name,
        "value": _masked(info, value) if info.is_secret else value,
        "default": info.default,
        "source": loaded.sources.get(info.name, "default"),
        "variables": variables(info.name),
        "per_app": info.name in PER_APP,
        "secret": info.is_secret,
        "description": info.description,
    }


def variables(name: str) -> list[str]:
    """What sets it in the environment; the first wins."""
    return [ENV_PREFIX + name.upper(), *(short for short, setting in PLATFORM_VARIABLES.items() if setting == name)]


def _masked(info: SettingInfo, value: str) -> str:
    if not value:
        return ""
    return _without_password(value) if info.name.endswith("_url") else MASK


def _without_password(url: str) -> str:
    """Nothing of what is not written as a URL has to be: a password in it may stand anywhere."""
    try:
        parts = urlsplit(url)
        is_whole = "://" in url and "@" not in url.replace(parts.netloc, "", 1) and (parts.port or True)
    except ValueError:
        is_whole = False
    if not is_whole:
        return MASK
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    query = "&".join(f"{key}={value if key in HARMLESS else MASK}" for key, value in parse_qsl(parts.query, True))
    whole = f"{parts.scheme}://{name}{colon}{MASK if colon else ''}{at}{host}{parts.path}"
    return f"{whole}?{query}" if query else whole


def in_words(value: Any) -> str:
    """As the environment has it."""
    match value:
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ",".join(map(in_words, value))
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def env_file(infos: Iterable[SettingInfo]) -> str:
    settings = (f"# {_told(info)}\n# {variables(info.name)[0]}={in_words(info.default)}" for info in infos)
    return "\n\n".join((ENV_HEAD, *settings))


def _told(info: SettingInfo) -> str:
    also = variables(info.name)[1:]
    return info.description + (f" Also {also[0]}." if also else "")
