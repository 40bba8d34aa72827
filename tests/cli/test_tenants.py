"""chatsrv app, key and token: from the first app to its end, before and beside a server."""

import asyncio

from tests.cli.shell import Shell


async def test_an_app_and_its_user_are_made_before_the_first_serve_and_known_to_it(shell: Shell) -> None:
    made = await shell.answer("app", "create", "shop", "--name", "Our shop")
    assert set(made) == {"app_id", "key", "jwt_secret"}
    (shell.folder / "one.ndjson").write_text('{"username": "anna"}\n')
    await shell.answer("user", "import", "shop", "one.ndjson")
    token = await shell.answer("token", "shop", "anna", "--ttl", "30d")
    async with shell.serving() as server:
        assert server.key == ""  # there is an app, so that none is made
        for credential in (made["key"], token["token"]):
            status, user = await type(server)(server.process, server.url, credential).get("/v1/shop/users/anna")
            assert (status, user["username"]) == (200, "anna")


async def test_an_app_is_shown_changed_and_deleted_without_a_secret_in_sight(shell: Shell) -> None:
    made = await shell.answer("app", "create", "shop")
    changed = await shell.answer("app", "set", "shop", "grace_s=5")
    assert changed["settings"] == {"grace_s": 5.0}
    shown = await shell.run("app", "show", "shop")
    assert ["settings", "grace_s=5.0"] in [line.split() for line in shown.out.splitlines()]
    assert made["key"] not in shown.out
    assert made["jwt_secret"] not in shown.out
    assert await shell.answer("app", "delete", "shop", "--yes") == {"deleted": "shop", "users": 0}
    assert (await shell.run("app", "list")).out == "There is no app yet. Make one: chatsrv app create demo\n"


async def test_a_name_that_is_taken_or_missing_is_a_failure_that_tells_where_to_look(filled: Shell) -> None:
    taken = await filled.run("app", "create", "demo")
    missing = await filled.run("key", "revoke", "demo", "nokey")
    unknown = await filled.run("token", "demo", "nobody")
    assert [result.status for result in (taken, missing, unknown)] == [1, 1, 1]
    assert "There is an app 'demo' already. (choose another id" in taken.complaint
    assert f"chatsrv key list demo tells which there are; the data folder is {filled.folder}" in missing.complaint
    assert "chatsrv user import" in unknown.complaint


async def test_keys_are_limited_rotated_revoked_and_listed_in_whole_lines(filled: Shell) -> None:
    limits = ("--scope", "users:read", "--network", "10.0.0.0/8", "--expires", "30d")
    old = await filled.answer("key", "create", "demo", "--name", "reports", *limits)
    new = await filled.answer("key", "rotate", "demo", old["id"])
    await filled.answer("key", "revoke", "demo", old["id"])
    rows = {row["id"]: row for row in await filled.answer("key", "list", "demo")}
    assert [rows[old["id"]]["state"], rows[new["id"]]["state"]] == ["revoked", "live"]
    assert rows[new["id"]]["scopes"] == ["users:read"]
    assert rows[new["id"]]["networks"] == ["10.0.0.0/8"]
    table = (await filled.run("key", "list", "demo")).out.splitlines()
    assert len(table) == 4
    assert table[1].split()[1:3] == ["default", "live"]
    assert table[1].endswith("all")


async def test_commands_that_run_at_the_same_time_do_not_keep_each_other_out(filled: Shell) -> None:
    words = [("key", "create", "demo"), ("user", "export", "demo"), ("user", "export", "demo")]
    results = await asyncio.gather(*(filled.run_process(*each) for each in words))
    assert [result.status for result in results] == [0, 0, 0], [result.err for result in results]
