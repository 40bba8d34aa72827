"""docs/webhooks.md: what it says of signatures is what is sent, in both languages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook as Verifier

from chatsrv.domain.clock import Clock
from chatsrv.domain.webhooks import Due, EventType, Webhook
from chatsrv.outbound import Poster
from chatsrv.services.lookups import Names
from chatsrv.settings import Settings
from tests.clients.npm import needs_node

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
NEW, OLD, OTHER = (f"whsec_{letter * 32}" for letter in "ABC")
BODY = '{"text": "\u00fc \\u00fc"}'
WEBHOOK = Webhook(1, "demo", "https://8.8.8.8/", "", (), True, 0, 0, NEW, OLD, 10**15)


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


async def signed() -> dict[str, str]:
    poster = Poster(Settings(), Clock(), Names())
    headers = poster._headers(WEBHOOK, Due(1, 1, "evt_1", 1, BODY, 0, 0))
    await poster.close()
    return headers


async def test_every_type_is_explained() -> None:
    for type_ in EventType:
        assert f"`{type_.value}`" in PAGE


async def test_the_lines_in_python_verify_what_is_sent() -> None:
    made: dict[str, Any] = {}
    exec(block("python"), made)
    verify, headers = made["verify"], await signed()
    body = BODY.encode()
    assert [verify(secret, headers, body) for secret in (NEW, OLD, OTHER)] == [True, True, False]
    assert not verify(NEW, headers, body + b" ")
    assert not verify(NEW, {**headers, "webhook-id": "evt_2"}, body)
    long_ago = str(int(time.time()) - 301)
    assert not verify(NEW, {**headers, "webhook-timestamp": long_ago}, body)
    Verifier(NEW).verify(BODY, headers)


@needs_node
async def test_the_lines_in_node_verify_what_is_sent(tmp_path: Path) -> None:
    headers = await signed()
    cases = [(NEW, headers, BODY), (OLD, headers, BODY), (OTHER, headers, BODY), (NEW, headers, f"{BODY} ")]
    cases.append((NEW, {**headers, "webhook-timestamp": str(int(time.time()) - 301)}, BODY))
    ask = f"console.log(JSON.stringify({json.dumps(cases)}.map((one) => verify(one[0], one[1], Buffer.from(one[2])))));"
    (tmp_path / "verify.mjs").write_text(block("js") + ask)
    node = shutil.which("node")
    assert node
    done = subprocess.run([node, tmp_path / "verify.mjs"], capture_output=True, check=True, timeout=30)
    assert json.loads(done.stdout) == [True, True, False, False, False]
