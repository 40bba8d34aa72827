"""Apps and their keys: what is kept of a secret, when a key ends, and what an app may set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Conflict, Distrust, Invalid, NotFound, Unauthenticated
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services, open_services
from chatsrv.services.apps import Apps
from tests.conftest import DemoApp, MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
def apps(services: Services) -> Apps:
    return services.apps


async def refuses(apps: Apps, *texts: str) -> bool:
    """Whether each of the texts is taken for no key at all."""
    for text in texts:
        with pytest.raises(Unauthenticated) as caught:
            await apps.identify(text)
        assert caught.value.reason is Distrust.UNKNOWN_KEY
    return True


def pem_of(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | dsa.DSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


async def test_an_app_comes_with_a_key_that_may_do_everything(apps: Apps) -> None:
    made, key = await apps.create("demo", "Demo")
    assert (made.id, made.name) == ("demo", "Demo")
    app, found = await apps.identify(key)
    assert app == made == await apps.get("demo") == await apps.find("demo")
    assert (found.app_id, found.name, found.scopes) == ("demo", "default", ALL_SCOPES)


async def test_every_app_and_key_has_secrets_of_its_own(apps: Apps) -> None:
    one, key = await apps.create("one", None)
    other, other_key = await apps.create("other", None)
    assert one.name == "one"
    assert len({one.jwt_secret, other.jwt_secret, key, other_key}) == 4
    assert len(one.jwt_secret) >= 43


async def test_an_app_id_is_given_once(apps: Apps, demo: DemoApp) -> None:
    with pytest.raises(Conflict) as caught:
        await apps.create("demo", None)
    assert caught.value.field == "appId"
    with pytest.raises(Invalid):
        await apps.create("Demo", None)
    assert len(await apps.list_keys("demo")) == 1


async def test_of_a_key_only_a_hash_is_kept(apps: Apps, services: Services, demo: DemoApp) -> None:
    (kept,) = await apps.list_keys("demo")
    secret = demo.key.removeprefix(f"cs_{kept.id}_")
    assert kept.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    async with services.db.read() as tx:
        rows = (await tx.exec_driver_sql("SELECT * FROM server_keys")).all()
    assert secret not in str(rows)


async def test_only_the_whole_key_is_a_key(apps: Apps, demo: DemoApp) -> None:
    prefix, key_id, secret = demo.key.split("_", 2)
    wrong = [demo.key[:-1], demo.key + "x", demo.key.upper(), f"{prefix}_{key_id}_", f"{prefix}_{key_id}", prefix]
    wrong += [f"{prefix}_{'0' * 12}_{secret}", f"xx_{key_id}_{secret}", f"{prefix}_{key_id[:-1]}\0_{secret}", "", " "]
    wrong += [f"{prefix}_{'%' * 12}_{secret}", f"{prefix}_{'ä' * 12}_{secret}", f"{key_id}_{secret}"]
    assert await refuses(apps, *wrong)
    assert (await apps.identify(demo.key))[0].id == "demo"


async def test_a_key_ends_when_it_expires_to_the_millisecond(apps: Apps, demo: DemoApp, clock: Clock) -> None:
    _, text = await apps.create_key("demo", "short", ALL_SCOPES, (), clock.now() + 60_000)
    await apps.identify(text)
    clock.advance(60)
    assert await refuses(apps, text)
    await apps.identify(demo.key)


async def test_a_revoked_key_is_refused_within_the_second_that_the_setting_says(
    apps: Apps, demo: DemoApp, clock: Clock
) -> None:
    key, text = await apps.create_key("demo", "spare", ALL_SCOPES, (), None)
    await apps.identify(text)
    await apps.revoke_key("demo", key.id)
    clock.advance(1)
    assert await refuses(apps, text)
    with pytest.raises(NotFound, match="no live key"):
        await apps.revoke_key("demo", key.id)


async def test_a_clock_that_is_set_back_does_not_make_a_revoked_key_good_for_longer(
    apps: Apps, demo: DemoApp, clock: Clock
) -> None:
    key, text = await apps.create_key("demo", "spare", ALL_SCOPES, (), None)
    await apps.identify(text)
    clock.advance(-3600)
    await apps.revoke_key("demo", key.id)
    assert await refuses(apps, text)


async def test_without_a_cache_another_node_refuses_a_revoked_key_at_once(
    apps: Apps, demo: DemoApp, make_settings: MakeSettings
) -> None:
    async with open_services(make_settings(credential_cache_s=0)) as other:
        await other.apps.identify(demo.key)
        (key,) = await apps.list_keys("demo")
        await apps.revoke_key("demo", key.id)
        assert await refuses(other.apps, demo.key)


async def test_a_key_is_rotated_into_one_like_it_and_lives_on(apps: Apps, demo: DemoApp, clock: Clock) -> None:
    scopes = frozenset({Scope.USERS_READ})
    expires_at = clock.now() + 60_000
    old, old_text = await apps.create_key("demo", "backend", scopes, ("10.1.2.3/8",), expires_at)
    new, new_text = await apps.rotate_key("demo", old.id)
    assert (new.name, new.scopes, new.networks, new.expires_at) == ("backend", scopes, ("10.0.0.0/8",), expires_at)
    assert new.id != old.id
    for text, key in ((old_text, old), (new_text, new)):
        assert (await apps.identify(text))[1] == key


async def test_a_key_that_is_over_is_not_rotated_back_to_life(apps: Apps, demo: DemoApp, clock: Clock) -> None:
    revoked, _ = await apps.create_key("demo", "revoked", ALL_SCOPES, (), None)
    await apps.revoke_key("demo", revoked.id)
    expired, _ = await apps.create_key("demo", "expired", ALL_SCOPES, (), clock.now() + 1000)
    clock.advance(1)
    for key in (revoked, expired):
        with pytest.raises(NotFound, match="no live key"):
            await apps.rotate_key("demo", key.id)


async def test_keys_of_other_apps_are_out_of_reach(apps: Apps, demo: DemoApp) -> None:
    await apps.create("other", None)
    (key,) = await apps.list_keys("demo")
    for attempt in (apps.rotate_key("other", key.id), apps.revoke_key("other", key.id)):
        with pytest.raises(NotFound):
            await attempt
    await apps.identify(demo.key)


async def test_whoever_names_no_app_is_told_so(apps: Apps) -> None:
    attempts = (
        apps.get("nobody"),
        apps.delete("nobody"),
        apps.list_keys("nobody"),
        apps.create_key("nobody", "key", ALL_SCOPES, (), None),
        apps.change_setting("nobody", "grace_s", "1"),
    )
    for attempt in attempts:
        with pytest.raises(NotFound, match="no app 'nobody'"):
            await attempt
    assert await apps.find("nobody") is None


async def test_a_bad_network_makes_no_key(apps: Apps, demo: DemoApp) -> None:
    with pytest.raises(Invalid, match="network"):
        await apps.create_key("demo", "key", ALL_SCOPES, ("10.0.0.0/99",), None)
    assert len(await apps.list_keys("demo")) == 1


async def test_a_deleted_app_takes_its_keys_along(apps: Apps, demo: DemoApp, clock: Clock) -> None:
    await apps.identify(demo.key)
    await apps.delete("demo")
    clock.advance(1)
    assert await refuses(apps, demo.key)
    await apps.create("demo", None)
    clock.advance(1)
    assert await refuses(apps, demo.key)


async def change(apps: Apps, words: Iterable[str]) -> None:
    for word in words:
        name, _, text = word.partition("=")
        await apps.change_setting("demo", name, text)


async def test_an_app_has_settings_of_its_own_and_goes_back_to_the_servers(apps: Apps, demo: DemoApp) -> None:
    await change(apps, ("grace_s=5", "auto_create_users=true", "sessions_per_user=2", "name=Ours"))
    app = await apps.get("demo")
    assert app.settings == {"grace_s": 5.0, "auto_create_users": True, "sessions_per_user": 2}
    assert (app.name, apps.setting(app, "grace_s"), apps.setting(app, "mobile_grace_s")) == ("Ours", 5.0, 60.0)
    await change(apps, ("grace_s=", "auto_create_users=", "sessions_per_user=", "name="))
    app = await apps.get("demo")
    assert (app.settings, app.name, apps.setting(app, "grace_s")) == ({}, "demo", 15.0)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("port=1", "is nothing that an app may set; there are allowed_origins, auto_create_users, grace_s, .*name"),
        ("jwt_secret=x", "is nothing that an app may set"),
        ("grace_s=soon", "grace_s: Expected `float`"),
        ("grace_s=-1", "grace_s: Expected `float` >= 0"),
        ("grace_s=60", "grace_s must be less than handoff_grace_s"),
        ("handoff_grace_s=15", "grace_s must be less than handoff_grace_s"),
        ("sessions_per_user=1.5", "Expected `int`"),
        ("sessions_per_user=0", "Expected `int` >= 1"),
        ("mobile_grace_s=inf", "mobile_grace_s must be a finite number"),
        ("orphan_grace_s=nan", "orphan_grace_s"),
        ("auto_create_users=maybe", "Expected `bool`"),
        ("allowed_origins=https://shop.example/", "is not what browsers send; write https://shop.example$"),
        ("allowed_origins=https://shop.example/path", "write https://shop.example$"),
        ("allowed_origins=HTTPS://Shop.Example", "write https://shop.example$"),
        ("allowed_origins=https://shop.example:443", "write https://shop.example$"),
        ("allowed_origins=https://a:b@shop.example", "write https://shop.example$"),
        ("allowed_origins=https://a.example,shop.example", "'shop.example' is no origin"),
        ("allowed_origins=null", "'null' is no origin"),
        ("allowed_origins=https://*.shop.example", "is no origin"),
        ("allowed_origins=https://shop.example https://b.example", "is no origin"),
        ("allowed_origins=https://[::1", "is no origin"),
    ],
)
async def test_what_an_app_cannot_set_is_refused_and_nothing_changes(
    apps: Apps, demo: DemoApp, word: str, sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        await change(apps, [word])
    assert (await apps.get("demo")).settings == {}


async def test_an_app_allows_origins_of_its_own(apps: Apps, demo: DemoApp) -> None:
    await change(
        apps, ["allowed_origins=https://shop.example, http://localhost:5173,capacitor://localhost,http://[::1]:8080"]
    )
    allowed = ("https://shop.example", "http://localhost:5173", "capacitor://localhost", "http://[::1]:8080")
    assert (await apps.get("demo")).allowed_origins == allowed
    await change(apps, ["allowed_origins=*", "grace_s=5"])
    assert (await apps.get("demo")).allowed_origins == ("*",)
    await change(apps, ["allowed_origins="])
    assert (await apps.get("demo")).settings == {"grace_s": 5.0}


async def test_a_relation_holds_between_the_apps_own_settings(apps: Apps, demo: DemoApp) -> None:
    await change(apps, ("handoff_grace_s=200", "grace_s=100"))
    with pytest.raises(Invalid, match="grace_s must be less than handoff_grace_s"):
        await change(apps, ("handoff_grace_s=",))
    assert (await apps.get("demo")).settings == {"handoff_grace_s": 200.0, "grace_s": 100.0}


async def test_a_public_key_decides_its_algorithm(apps: Apps, demo: DemoApp) -> None:
    pems = [
        pem_of(rsa.generate_private_key(65537, 2048).public_key()),
        pem_of(ec.generate_private_key(ec.SECP256R1()).public_key()),
        pem_of(ed25519.Ed25519PrivateKey.generate().public_key()),
    ]
    await change(apps, [f"public_key={pem}" for pem in pems])
    keys = (await apps.get("demo")).public_keys
    assert [(key.algorithm, key.pem) for key in keys] == list(zip(("RS256", "ES256", "EdDSA"), pems, strict=True))
    await change(apps, ["public_key="])
    assert (await apps.get("demo")).public_keys == ()


async def test_a_key_that_is_too_weak_or_of_another_kind_is_refused(apps: Apps, demo: DemoApp) -> None:
    weak = pem_of(rsa.generate_private_key(65537, 1024).public_key())
    other_curve = pem_of(ec.generate_private_key(ec.SECP384R1()).public_key())
    for pem in (weak, other_curve, "nonsense", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(Invalid, match="public_key"):
            await change(apps, [f"public_key={pem}"])


async def test_apps_are_listed_with_the_number_of_their_users(apps: Apps, services: Services) -> None:
    for app_id in ("beta", "alpha"):
        await apps.create(app_id, None)
    await services.users.create("beta", {"username": "anna"}, SERVER)
    assert [(app.id, count) for app, count in await apps.list_apps()] == [("alpha", 0), ("beta", 1)]
