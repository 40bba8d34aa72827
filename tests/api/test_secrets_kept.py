"""What opens a door is kept as a hash: no secret that was handed out is in the database, in Redis or in the log."""

from __future__ import annotations

import io
import logging
import shutil
from collections.abc import AsyncIterator, Mapping
from hmac import compare_digest
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from aiohttp import ClientSession

from chatsrv import logs
from chatsrv.domain.errors import Unauthenticated
from chatsrv.services import Services, open_services
from chatsrv.settings import Settings
from tests.api.manners import MANNERS
from tests.api.tenancy.tenants import PASSWORD, Tenant, furnish
from tests.api.tenancy.watch import redis_items, sql_rows
from tests.api.tenancy.world import UNLIMITED
from tests.client import ApiClient
from tests.listening import served_node


class Kept:
    """A furnished app, and all that is left of what its secrets were used for."""

    def __init__(
        self, services: Services, tenant: Tenant, operators: Mapping[str, str], folder: Path, log: str
    ) -> None:
        self.services = services
        self.tenant = tenant
        self.operators = operators
        self.folder = folder
        self.log = log

    def secrets(self) -> dict[str, str]:
        tenant = self.tenant
        return {
            "server key": tenant.key,
            "secret part of the key": tenant.key.split("_", 2)[2],
            "user token": tenant.token,
            "access token": tenant.customer_access,
            "bearer": tenant.customer_bearer,
            "invitation": tenant.invitation,
            "password": PASSWORD,
            **self.operators,
        }


@pytest.fixture(scope="module")
async def kept(sqlite_template: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    folder = tmp_path_factory.mktemp("secrets")
    shutil.copy(sqlite_template, folder / "chatsrv.db")
    settings = Settings(
        database_url=f"sqlite:///{folder}/chatsrv.db",
        redis_url=valkey_url,
        redis_prefix=f"t{uuid4().hex}",
        data_dir=str(folder),
        password_memory_kib=8,
        password_time_cost=1,
        drain_s=0,
        **UNLIMITED,  # type: ignore[arg-type]
    )
    before, root, out = structlog.get_config(), logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    logs.configure("text", "debug", out)
    try:
        async with open_services(settings) as services, served_node(services) as url, ClientSession() as session:
            api = ApiClient(session, url, {})
            tenant = await furnish(api, services, "demo")
            await use_them_all(api, tenant)
            operators = await use_the_operators(api, services)
            yield Kept(services, tenant, operators, folder, out.getvalue())
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.configure(**before)
        logs.clear_contextvars()


async def use_them_all(api: ApiClient, tenant: Tenant) -> None:
    """In each dialect, rightly and wrongly."""
    for manner in MANNERS:
        for credential in tenant.credentials(manner.name).values():
            assert (await manner.speak(api, credential).get(manner.users)).status == 200
            assert (await manner.speak(api, f"{credential}x").get(manner.users)).status == 401
    _, panel, _, pulse = MANNERS
    user = {**panel.new_user("someone"), "password": PASSWORD}
    assert (await panel.speak(api, tenant.key).post(panel.users, user)).status == 201
    body = {"data": {"type": "identity", "attributes": {"token": tenant.invitation, "password": PASSWORD}}}
    for path, status in (("/auth/accept_invitation", 200), ("/auth/accept_invitation", 422), ("/auth/signin", 422)):
        assert (await pulse.speak(api, tenant.key).post(path, body)).status == status


async def use_the_operators(api: ApiClient, services: Services) -> dict[str, str]:
    """Rightly and wrongly."""
    link, _ = await services.admin.make_link()
    session, _ = await services.admin.sign_in_by_link(link, "127.0.0.1")
    token = await services.operators.open_app(session, "demo")
    for text, status in ((token, 200), (f"{token}x", 401), (session, 401)):
        assert (await api.with_headers({"Authorization": f"Bearer {text}"}).get("/v1/demo/users")).status == status
    return {"link": link, "session": session, "operator's token": token}


def written(folder: Path) -> bytes:
    """Every byte of the database's files, of pages that are free again, too."""
    return b"".join(file.read_bytes() for file in sorted(folder.glob("chatsrv.db*")))


async def test_no_secret_is_in_the_database(kept: Kept) -> None:
    rows, found = str(sorted(await sql_rows(kept.services), key=str)), written(kept.folder)
    for name, secret in kept.secrets().items():
        assert secret not in rows, name
        assert secret.encode() not in found, name
    # the one that must be there, since tokens are signed with it: what is looked for would be found
    secret = (await kept.services.apps.get("demo")).jwt_secret
    assert secret in rows
    assert secret.encode() in found


async def test_no_secret_is_in_redis_or_in_the_log(kept: Kept) -> None:
    items = str(sorted(await redis_items(kept.services), key=str))
    assert "demo" in items
    assert "/api/v1/users" in kept.log
    everything = {**kept.secrets(), "jwt secret": (await kept.services.apps.get("demo")).jwt_secret}
    for name, secret in everything.items():
        assert secret not in items, name
        assert secret not in kept.log, name


async def test_a_wrong_key_is_compared_in_constant_time_whether_or_not_there_is_one_like_it(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def compare(one: str, other: str) -> bool:
        compared.append(one)
        return compare_digest(one, other)

    monkeypatch.setattr("chatsrv.services.apps.compare_digest", compare)
    good = kept.tenant.key
    for wrong in (f"{good}x", f"cs_{'0' * 12}_{good.split('_', 2)[2]}", "cs_", "nothing like it"):
        compared.clear()
        with pytest.raises(Unauthenticated):
            await kept.services.apps.identify(wrong)
        assert [len(one) for one in compared] == [64], wrong
