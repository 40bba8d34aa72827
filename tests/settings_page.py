"""docs/settings.md and config/production.toml, made from the settings themselves: `make docs` writes both."""

from __future__ import annotations

import json
from pathlib import Path

from chatsrv.settings import PER_APP, PLATFORM_VARIABLES, SettingInfo, describe

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "settings.md"
FILE = ROOT / "config" / "production.toml"

HEAD = """# Settings

Defaults < the TOML file named by `--config` or `CHATSRV_CONFIG` < environment < options. Units stand in the names:
`_s` seconds, `_ms` milliseconds, `_bytes` bytes. In TOML the names are as here; in the environment they are upper
case behind `CHATSRV_`. `PORT`, `DATABASE_URL`, `REDIS_URL` and `WEB_CONCURRENCY` work as platforms set them. A key in
the file that is no setting is an error, a variable that is none a warning. What is marked *app* can be set for one app:
`chatsrv app set APP grace_s=5`.

| setting | default | meaning |
|---|---|---|
"""


def render() -> str:
    return HEAD + "".join(f"{_row(info)}\n" for info in describe())


def _row(info: SettingInfo) -> str:
    platform = [name for name, setting in PLATFORM_VARIABLES.items() if setting == info.name]
    also = f" Also `{platform[0]}`." if platform else ""
    app = " *app*" if info.name in PER_APP else ""
    return f"| `{info.name}`{app} | {_shown(info.default)} | {info.description}{also} |"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value) or "empty"


FILE_HEAD = """# Every setting with its default, for a server in production.
# Secrets belong into the environment, not into a file.
# A variable CHATSRV_<NAME> wins over what stands here; so do PORT, DATABASE_URL, REDIS_URL and
# WEB_CONCURRENCY.
"""


def render_file() -> str:
    return FILE_HEAD + "".join(f"\n# {info.description}\n{_line(info)}\n" for info in describe())


def _line(info: SettingInfo) -> str:
    """Commented out where the default is empty; JSON writes these values as TOML does."""
    is_empty = not info.default and isinstance(info.default, str | tuple)
    return f"{'# ' if is_empty else ''}{info.name} = {json.dumps(info.default)}"


if __name__ == "__main__":
    PAGE.write_text(render())
    FILE.write_text(render_file())
