"""What is drafted may be out of date when it is written. Both databases."""

from __future__ import annotations

from chatsrv.domain.history import Move, Shown, leave, take
from chatsrv.domain.presence import ONLINE, Display, Presence, Warm
from chatsrv.domain.users import Clocks, User
from chatsrv.services import Services
from chatsrv.services.ledger import Draft, Ledger
from tests.conftest import DemoApp
from tests.services.visits import count_rows, make_people


async def drafted(services: Services, user: User) -> tuple[Ledger, Draft]:
    """That somebody came and went."""
    here, people = Presence(Display(ONLINE), Clocks()), dict[int, Shown]()
    moves = (Move(user.app_id, user.id, 1000, Warm(here, here)), leave(user.app_id, user.id, 2000))
    ledger = Ledger(services.settings, services.metrics)
    async with services.db.read() as tx:
        return ledger, await ledger.draft(tx, [step for move in moves if (step := take(people, move))])


async def test_of_an_app_that_is_deleted_meanwhile_nothing_is_written(services: Services, demo: DemoApp) -> None:
    [anna] = await make_people(services, "anna")
    ledger, draft = await drafted(services, anna)
    assert draft.tallies
    await services.apps.delete("demo")
    async with services.db.write() as tx:
        await ledger.write(tx, draft)
    assert await count_rows(services) == {}


async def test_of_a_user_who_is_deleted_meanwhile_it_is_counted_that_somebody_came(
    services: Services, demo: DemoApp
) -> None:
    [anna] = await make_people(services, "anna")
    ledger, draft = await drafted(services, anna)
    await services.accounts.delete("demo", "anna")
    async with services.db.write() as tx:
        await ledger.write(tx, draft)
    assert await count_rows(services) == {"presence_tallies": 1, "presence_counts": 3}
