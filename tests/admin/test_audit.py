"""What an operator picks from the audit trail of an app."""

from __future__ import annotations

import pytest

from chatsrv.domain.apps import ALL_SCOPES
from chatsrv.services import Services
from tests.admin.conftest import Browser

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def ask(operator: Browser, query: str) -> list[str]:
    entries = (await operator.ask("GET", f"/admin/apps/demo/audit?{query}")).json["entries"]
    return [entry["action"] for entry in entries]


async def test_the_trail_is_picked_from_by_act_and_by_whom_it_was_done_to(
    operator: Browser, services: Services
) -> None:
    key, _ = await services.apps.create_key("demo", "reports", ALL_SCOPES, (), None)
    await services.apps.revoke_key("demo", key.id)
    assert await ask(operator, f"subject={key.id.upper()}") == ["key_revoked", "key_created"]
    assert await ask(operator, "action=key_revoked&action=app_created") == ["key_revoked", "app_created"]
    assert await ask(operator, f"subject={key.id}&action=app_created") == []
    assert await ask(operator, "subject=nobody") == []


@pytest.mark.parametrize("field", ["subject", "action"])
async def test_what_no_database_can_be_asked_for_is_told(operator: Browser, field: str) -> None:
    seen = await operator.ask("GET", f"/admin/apps/demo/audit?{field}=a%00")
    assert (seen.status, seen.json["errors"][0]["field"]) == (400, field)
