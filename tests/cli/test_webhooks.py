"""chatsrv webhook: made, looked at, and sent to once more from the command line."""

from __future__ import annotations

import pytest

from tests.cli.shell import Shell

URL = "https://8.8.8.8/hooks"


@pytest.fixture
async def demo(shell: Shell) -> Shell:
    await shell.answer("app", "create", "demo")
    return shell


async def test_a_webhook_is_made_shown_changed_and_removed(demo: Shell) -> None:
    made = await demo.run("webhook", "add", "demo", URL, "--event", "user.created", "--description", "The shop")
    assert "whsec_" in made.out
    assert "not shown again" in made.out
    [listed] = await demo.answer("webhook", "list", "demo")
    assert listed == {
        "id": 1,
        "state": "active",
        "last_delivery_at": None,
        "events": ["user.created"],
        "url": URL,
    }
    shown = await demo.answer("webhook", "show", "demo", "1")
    assert (shown["description"], shown["disabled_reason"], "secret" in shown) == ("The shop", None, False)
    assert (await demo.answer("webhook", "rotate-secret", "demo", "1"))["secret"].startswith("whsec_")
    assert (await demo.answer("webhook", "disable", "demo", "1"))["state"] == "disabled"
    assert (await demo.answer("webhook", "enable", "demo", "1"))["state"] == "active"
    assert await demo.answer("webhook", "remove", "demo", "1") == {"removed": 1}
    assert "Make one: chatsrv webhook add demo URL" in (await demo.run("webhook", "list", "demo")).out


async def test_what_goes_to_a_webhook_is_listed_and_replayed(demo: Shell) -> None:
    await demo.answer("webhook", "add", "demo", URL)
    await demo.answer("webhook", "ping", "demo", "1")
    person = demo.folder / "people"
    person.write_text('{"username": "anna"}\n')
    await demo.answer("user", "import", "demo", str(person))
    found = await demo.answer("webhook", "deliveries", "demo", "1")
    assert [(one["type"], one["status"], one["seq"]) for one in found] == [
        ("user.created", "pending", 3),
        ("ping", "pending", 2),
        ("ping", "pending", 1),
    ]
    assert len(await demo.answer("webhook", "deliveries", "demo", "1", "--limit", "2")) == 2
    assert await demo.answer("webhook", "deliveries", "demo", "1", "--status", "failed") == []
    assert await demo.answer("webhook", "replay", "demo", "1", str(found[0]["id"])) == {"replayed": 1}
    assert await demo.answer("webhook", "replay", "demo", "1", "--status", "failed") == {"replayed": 0}
    assert await demo.answer("webhook", "replay", "demo", "1", "--from", "2026-01-01") == {"replayed": 0}


async def test_what_cannot_be_is_told_in_a_line(demo: Shell) -> None:
    await demo.answer("webhook", "add", "demo", URL)
    for words, status, says in (
        ("add demo http://127.0.0.1/", 2, "run chatsrv webhook, with CHATSRV_WEBHOOK_PRIVATE_ADDRESSES=true"),
        (f"add nowhere {URL}", 1, "There is no app 'nowhere'"),
        ("show demo 9", 1, "chatsrv webhook list demo tells"),
        ("replay demo 1", 2, "name one delivery, or say which"),
        ("replay demo 1 5 --status failed", 2, "name one delivery, or say which"),
        ("replay demo 1 --from soon", 2, "is no date"),
        ("replay demo 1 99", 1, "There is no delivery '99'"),
    ):
        result = await demo.run("webhook", *words.split())
        assert (result.status, says in result.err) == (status, True), (words, result.err)
        assert result.err.count("(see ") <= 1
