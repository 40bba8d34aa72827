"""Where settings come from. Defaults < TOML file < environment < options."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from chatsrv.settings.model import Settings

ENV_PREFIX = "CHATSRV_"
PLATFORM_VARIABLES = {
    "PORT": "port",
    "DATABASE_URL": "database_url",
    "REDIS_URL": "redis_url",
    "WEB_CONCURRENCY": "workers",
}
GUESSED_BY = {"WEB_CONCURRENCY_SET_BY": "heroku/python"}
"""Heroku's buildpack sets WEB_CONCURRENCY by itself, to what would suit another kind of server: nobody has asked for
so many workers. A number that a person has set comes without this mark."""
LISTS = frozenset(("allowed_origins", "webhook_ports", "webhook_retries_s"))
"""Settings that are written with commas in the environment."""
OTHER_VARIABLES = frozenset(("CHATSRV_CONFIG",))


class SettingsError(Exception):
    """A setting that cannot be: its text names the setting and says what would do."""


class Loaded(msgspec.Struct, frozen=True):
    """Settings, where each value came from, and what was odd on the way."""

    settings: Settings
    sources: dict[str, str]
    warnings: tuple[str, ...]


def load(
    environment: Mapping[str, str], config: Path | None = None, options: Mapping[str, Any] | None = None
) -> Loaded:
    """Reads all sources in their order of precedence; raises SettingsError for what cannot be."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    file = config or (Path(environment["CHATSRV_CONFIG"]) if environment.get("CHATSRV_CONFIG") else None)
    if file:
        _take(_from_file(file), str(file), values, sources)
    for variable, name, text in _from_environment(environment):
        _take({name: _listed(name, text)}, variable, values, sources)
    given = {name: value for name, value in (options or {}).items() if value is not None}
    _take(given, "option", values, sources)
    return Loaded(_convert(values, sources), sources, tuple(_odd_variables(environment)))


def _take(found: Mapping[str, Any], source: str, values: dict[str, Any], sources: dict[str, str]) -> None:
    values.update(found)
    sources.update(dict.fromkeys(found, source))


def _from_file(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {file}: {error.strerror}") from error
    except ValueError as error:  # of TOML or of UTF-8
        raise SettingsError(f"{file} is not TOML: {error}") from error
    for name in values:
        if name not in Settings.__struct_fields__:
            raise SettingsError(f"{file}: there is no setting {name!r}{_nearest(name)}")
    return values


def _from_environment(environment: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    """Empty variables count as not given: platforms set such. Ours come last and win."""
    is_guess = any(environment.get(variable) == value for variable, value in GUESSED_BY.items())
    for variable, name in PLATFORM_VARIABLES.items():
        if environment.get(variable) and not (is_guess and variable == "WEB_CONCURRENCY"):
            yield variable, name, environment[variable]
    for name in Settings.__struct_fields__:
        variable = ENV_PREFIX + name.upper()
        if environment.get(variable):
            yield variable, name, environment[variable]


def _listed(name: str, text: str) -> Any:
    if name in LISTS:
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _odd_variables(environment: Mapping[str, str]) -> Iterable[str]:
    known = {ENV_PREFIX + name.upper() for name in Settings.__struct_fields__} | OTHER_VARIABLES
    for variable in sorted(environment):
        if variable.startswith(ENV_PREFIX) and variable not in known:
            name = variable.removeprefix(ENV_PREFIX).lower()
            yield f"{variable} is set, but there is no setting {name!r}{_nearest(name)}"


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, Settings.__struct_fields__, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _convert(values: Mapping[str, Any], sources: Mapping[str, str]) -> Settings:
    try:
        # lax: the environment has nothing but strings
        return msgspec.convert(dict(values), Settings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`").partition("[")[0]
        where = f"{name} (from {sources[name]}): " if name in sources else ""
        raise SettingsError(f"settings: {where}{reason}") from error


def convert_one(name: str, text: str) -> Any:
    """The value of one setting from its text, by the setting's own type and limits; `replaced` checks relations."""
    kind = next(item.type for item in msgspec.structs.fields(Settings) if item.name == name)
    try:
        return msgspec.convert(_listed(name, text), kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings: {name}: {error}") from error


def replaced(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """The settings with some other values; raises SettingsError where a relation does not hold."""
    try:
        return msgspec.structs.replace(settings, **values)
    except ValueError as error:
        raise SettingsError(str(error)) from error
