"""The settings of one server: what there is, and where the values come from."""

from chatsrv.settings.loading import (
    ENV_PREFIX,
    PLATFORM_VARIABLES,
    Loaded,
    SettingsError,
    convert_one,
    load,
    replaced,
)
from chatsrv.settings.model import PER_APP, SettingInfo, Settings, describe

__all__ = [
    "ENV_PREFIX",
    "PER_APP",
    "PLATFORM_VARIABLES",
    "Loaded",
    "SettingInfo",
    "Settings",
    "SettingsError",
    "convert_one",
    "describe",
    "load",
    "replaced",
]
