"""What signs an app's tokens: a new secret without a gap, an old one that ends, and keys that are taken away."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chatsrv.domain.apps import App
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Distrust, NotFound, Unauthenticated
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from chatsrv.services.signing import OLD_SECRETS_MAX
from tests.conftest import DemoApp, MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

DAY_S = 86_400


@pytest.fixture(autouse=True)
async def anna(services: Services, demo: DemoApp) -> None:
    await services.users.create("demo", {"username": "anna"}, SERVER)


async def token(services: Services) -> str:
    """A new one, which lives for a month."""
    return (await services.callers.mint_token(await services.apps.get("demo"), "anna", 30 * DAY_S))[0]


async def is_good(services: Services, text: str) -> bool:
    try:
        await services.callers.identify(text)
    except Unauthenticated as error:
        return error.reason is not Distrust.BAD_TOKEN
    return True


async def test_tokens_of_the_old_secret_are_good_until_its_time_is_over(services: Services, clock: Clock) -> None:
    old = await token(services)
    before = (await services.apps.get("demo")).jwt_secret
    changed = await services.signing.rotate_secret("demo", DAY_S)
    assert changed.jwt_secret != before
    new = await token(services)
    assert [await is_good(services, text) for text in (old, new)] == [True, True]
    clock.advance(DAY_S - 2)
    assert await is_good(services, old)
    clock.advance(3)
    assert [await is_good(services, text) for text in (old, new)] == [False, True]


async def test_new_tokens_are_signed_with_the_new_secret_alone(services: Services) -> None:
    changed = await services.signing.rotate_secret("demo", DAY_S)
    jwt.decode(await token(services), changed.jwt_secret, ["HS256"], {"verify_exp": False, "verify_iat": False})


async def test_several_old_ones_count_side_by_side_each_for_its_own_time(services: Services, clock: Clock) -> None:
    first = await token(services)
    await services.signing.rotate_secret("demo", 10)
    second = await token(services)
    await services.signing.rotate_secret("demo", 100)
    assert [await is_good(services, text) for text in (first, second)] == [True, True]
    clock.advance(20)
    assert [await is_good(services, text) for text in (first, second)] == [False, True]


async def test_keeping_nothing_ends_every_earlier_secret_at_once(services: Services) -> None:
    first = await token(services)
    await services.signing.rotate_secret("demo", DAY_S)
    second = await token(services)
    changed = await services.signing.rotate_secret("demo", 0)
    assert changed.old_secrets == ()
    assert [await is_good(services, text) for text in (first, second)] == [False, False]
    assert await is_good(services, await token(services))


async def test_a_shorter_time_shortens_that_of_earlier_ones_and_a_longer_one_lengthens_none(
    services: Services, clock: Clock
) -> None:
    await services.signing.rotate_secret("demo", 100)
    await services.signing.rotate_secret("demo", 10)
    changed = await services.signing.rotate_secret("demo", 1000)
    assert [round((old.ends_at - clock.now()) / 1000) for old in changed.old_secrets] == [1000, 10, 10]


async def test_there_is_an_end_to_how_many_count(services: Services) -> None:
    first = await token(services)
    for _ in range(OLD_SECRETS_MAX):
        await services.signing.rotate_secret("demo", DAY_S)
        assert await is_good(services, first)
    changed = await services.signing.rotate_secret("demo", DAY_S)
    assert len(changed.old_secrets) == OLD_SECRETS_MAX
    assert not await is_good(services, first)


async def test_another_node_knows_by_the_log_and_without_it_within_a_second(
    services: Services, make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(), clock) as other:
        old = await token(services)
        assert await is_good(other, old)
        await services.signing.rotate_secret("demo", 0)
        clock.advance(other.settings.credential_cache_s)
        assert not await is_good(other, old)


async def test_no_secret_is_told_by_a_repr(services: Services) -> None:
    before = await services.apps.get("demo")
    changed = await services.signing.rotate_secret("demo", DAY_S)
    assert before.jwt_secret not in repr((before, changed))
    assert changed.jwt_secret not in repr((before, changed))


async def test_an_app_that_a_version_before_this_one_changed_has_no_old_secrets(services: Services) -> None:
    async with services.db.write() as tx:
        await tx.exec_driver_sql("UPDATE apps SET old_secrets = NULL")
    assert (await services.apps.get("demo")).old_secrets == ()
    assert await is_good(services, await token(services))


async def with_keys(services: Services, count: int) -> tuple[App, list[str]]:
    """The app with that many public keys, and a token of each."""
    tokens = []
    claims = {"sub": "anna", "aid": "demo", "exp": services.clock.now() // 1000 + 600}
    for _ in range(count):
        key = Ed25519PrivateKey.generate()
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        await services.apps.change_setting("demo", "public_key", pem)
        await services.apps.change_setting("demo", "public_key", f"{pem}\n")
        tokens.append(jwt.encode(claims, key, "EdDSA"))
    return await services.apps.get("demo"), tokens


async def test_one_public_key_of_several_is_taken_away_and_the_others_go_on(services: Services) -> None:
    app, tokens = await with_keys(services, 3)
    assert len({key.id for key in app.public_keys}) == len(app.public_keys) == 3
    await services.signing.remove_public_key("demo", app.public_keys[1].id)
    assert [await is_good(services, text) for text in tokens] == [True, False, True]
    with pytest.raises(NotFound, match="no public key"):
        await services.signing.remove_public_key("demo", app.public_keys[1].id)


async def test_whoever_names_no_app_is_told_so(services: Services) -> None:
    for attempt in (services.signing.rotate_secret("none", 1), services.signing.remove_public_key("none", "x")):
        with pytest.raises(NotFound, match="no app 'none'"):
            await attempt
