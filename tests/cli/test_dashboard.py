"""chatsrv dashboard, and what else opens or shuts doors while a server runs."""

from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.cli.shell import Server, Shell


async def sign_in(server: Server, link: str) -> int:
    """As the page behind the link does it."""
    page, _, token = link.partition("#")
    assert page.endswith("/signin")
    async with ClientSession(headers={"Origin": server.url}) as session:
        async with session.get(page.replace(page.removesuffix("/signin"), server.url)) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
        async with session.post(f"{server.url}/admin/session", json={"link": token}) as answer:
            return answer.status


async def test_the_first_start_and_every_later_call_give_a_link_that_signs_in_once(shell: Shell) -> None:
    async with shell.serving() as server:
        assert server.dashboard.startswith(f"{server.url}/signin#")
        made = await shell.answer("dashboard", "--url", "https://chat.example/")
        assert made["url"].startswith("https://chat.example/signin#")
        for link in (server.dashboard, made["url"]):
            assert [await sign_in(server, link) for _ in range(2)] == [200, 401]
        result = await server.stop()
        token = server.dashboard.partition("#")[2]
        assert token not in result.err
    async with shell.serving() as server:
        assert server.dashboard == ""


async def test_the_link_leads_to_the_server_that_runs_here_whatever_its_port(shell: Shell) -> None:
    async with shell.serving() as server:
        made = await shell.answer("dashboard")
        assert made["url"].startswith(f"{server.url}/signin#")
        assert await sign_in(server, made["url"]) == 200
        assert (await server.stop()).status == 0
    assert (await shell.answer("dashboard"))["url"].startswith("http://localhost:8080/signin#")


async def test_a_secret_is_rotated_beside_the_server_and_ends_when_it_was_told_to(shell: Shell) -> None:
    async with shell.serving() as server:
        (shell.folder / "one.ndjson").write_text('{"username": "anna"}\n')
        await shell.answer("user", "import", "demo", "one.ndjson")
        old = (await shell.answer("token", "demo", "anna"))["token"]
        kept = await shell.answer("app", "rotate-secret", "demo")
        assert len(kept["old_secrets_until"]) == 1
        assert (await Server(server.process, server.url, old).get("/v1/demo/users/anna"))[0] == 200
        ended = await shell.answer("app", "rotate-secret", "demo", "--keep", "0")
        assert ended["old_secrets_until"] == []
        assert ended["jwt_secret"] != kept["jwt_secret"]
        assert (await Server(server.process, server.url, old).get("/v1/demo/users/anna"))[0] == 401
        shown = await shell.run("app", "show", "demo")
        assert ended["jwt_secret"] not in shown.out
    wrong = await shell.run("app", "rotate-secret", "demo", "--keep", "soon")
    assert (wrong.status, "is no duration" in wrong.complaint) == (2, True)


async def test_one_of_several_public_keys_is_named_and_taken_away(shell: Shell) -> None:
    await shell.answer("app", "create", "shop")
    for number in range(2):
        key = Ed25519PrivateKey.generate().public_key()
        (shell.folder / f"{number}.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        shown = await shell.answer("app", "set", "shop", f"public_key=@{number}.pem")
    first, second = shown["public_keys"]
    left = await shell.answer("app", "remove-public-key", "shop", first.removeprefix("EdDSA "))
    assert left["public_keys"] == [second]
    missing = await shell.run("app", "remove-public-key", "shop", "nothing")
    assert missing.status == 1
    assert "chatsrv app show shop tells which there are" in missing.complaint
