"""How SQLite finds users: never by reading all of an app. PostgreSQL keeps its own figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.tallies import Width
from chatsrv.domain.users import ExternalId
from chatsrv.storage import chronicle, deliveries, history, holders, users
from chatsrv.storage.database import Database, open_database, parse_url

NAMES = [f"u{number}" for number in range(64)]
LOOKUPS: Mapping[str, Callable[[AsyncConnection], Awaitable[object]]] = {
    "a name": lambda tx: users.get(tx, "demo", "anna"),
    "a name among the discarded": lambda tx: users.get(tx, "demo", "anna", with_discarded=True),
    "an external id": lambda tx: users.get(tx, "demo", ExternalId("e")),
    "many names": lambda tx: users.find_by_username(tx, "demo", NAMES),
    "whoever holds something": lambda tx: holders.find_holders(
        tx, "demo", {"username": "anna", "email": "a@example.org", "external_id": "e"}
    ),
    "whoever an upsert may mean": lambda tx: users.find_any(
        tx, "demo", usernames=NAMES, emails=NAMES, external_ids=NAMES, uuids=NAMES
    ),
}


@pytest.mark.parametrize("lookup", LOOKUPS)
async def test_whoever_is_looked_up_is_found_by_an_index_of_what_they_are_looked_up_by(
    sqlite_template: Path, lookup: str
) -> None:
    plans = await plans_of(sqlite_template, LOOKUPS[lookup])
    searches = [step for step in plans if "users" in step]
    assert searches
    for step in searches:
        assert step.startswith("SEARCH users")
        assert any(f"{column}=?" in step for column in ("username_key", "email_key", "external_id", "uuid")), step


async def test_the_living_are_counted_without_a_look_at_their_rows(sqlite_template: Path) -> None:
    (step,) = await plans_of(sqlite_template, lambda tx: users.count(tx, "demo"))
    assert "COVERING INDEX ix_users_app_id_discarded_at_id" in step


HISTORY: Mapping[str, tuple[Callable[[AsyncConnection], Awaitable[object]], str]] = {
    "when somebody was here": (
        lambda tx: history.find_intervals(tx, 1, 0, 9, (5, 1), 50),
        "SEARCH presence_spans USING INDEX ix_presence_spans_user_id_to_at (user_id=? AND to_at>?)",
    ),
    "when many were": (
        lambda tx: history.find_intervals_of(tx, [1, 2], 0, 9),
        "SEARCH presence_spans USING INDEX ix_presence_spans_user_id_to_at (user_id=? AND to_at>?)",
    ),
    "who was here today": (
        lambda tx: chronicle.find_last_public(tx, [1, 2], 5),
        "SEARCH presence_spans USING INDEX ix_presence_spans_user_id_to_at (user_id=? AND to_at>?)",
    ),
    "how many were here": (
        lambda tx: history.find_buckets(tx, "demo", Width.DAY, 0, 9),
        "SEARCH presence_counts USING INDEX sqlite_autoindex_presence_counts_1 (app_id=? AND width_ms=? AND at>?",
    ),
    "what is counted now": (
        lambda tx: chronicle.find_buckets(tx, ["demo"]),
        "SEARCH presence_counts USING INDEX sqlite_autoindex_presence_counts_1 (app_id=? AND width_ms=? AND at=?)",
    ),
    "who is here": (
        lambda tx: chronicle.find_shown(tx, [1, 2]),
        "SEARCH presence_now USING INTEGER PRIMARY KEY (rowid=?)",
    ),
    "what is too old": (
        lambda tx: history.forget_spans(tx, "demo", 5, 9),
        "SEARCH presence_spans USING COVERING INDEX ix_presence_spans_app_id_to_at (app_id=? AND to_at<?)",
    ),
    "what is not counted any more": (
        lambda tx: history.forget_counts(tx, "demo", 5, 9),
        "SEARCH presence_counts USING COVERING INDEX sqlite_autoindex_presence_counts_1 (app_id=? AND width_ms=?",
    ),
    "whether anything is": (
        lambda tx: history.is_stale(tx, "demo", 5, 9),
        "SEARCH presence_spans USING INDEX ix_presence_spans_app_id_to_at (app_id=? AND to_at<?)",
    ),
}


@pytest.mark.parametrize("question", HISTORY)
async def test_history_is_found_by_its_indexes_and_never_read_through(sqlite_template: Path, question: str) -> None:
    look, expected = HISTORY[question]
    plans = await plans_of(sqlite_template, look)
    assert any(step.startswith(expected) for step in plans), plans
    assert not [step for step in plans if step.startswith("SCAN presence_")]


async def test_of_a_long_queue_no_more_is_read_than_is_sent(sqlite_template: Path) -> None:
    """The few at its head are chosen in their order by the index alone, before anything else of them is read."""
    plans = await plans_of(sqlite_template, lambda tx: deliveries.find_due(tx, 1, 9, 20))
    chosen = plans[plans.index("LIST SUBQUERY 1") + 1]
    assert chosen.startswith(
        "SEARCH webhook_deliveries USING COVERING INDEX ix_webhook_deliveries_webhook_id_seq_next_attempt_at"
    )
    # what is sorted is the few, after they were chosen
    assert [step for step in plans if "TEMP B-TREE" in step] == plans[-1:] == ["USE TEMP B-TREE FOR ORDER BY"]


async def plans_of(file: Path, look: Callable[[AsyncConnection], Awaitable[object]]) -> list[str]:
    """What SQLite says of each statement that is run."""
    async with open_database(parse_url(f"sqlite:///{file}", file.parent), 1, 10) as db:
        asked = await _statements(db, look)
        async with db.read() as tx:
            return [
                row[-1]
                for statement, values in asked
                for row in await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]


async def _statements(
    db: Database, look: Callable[[AsyncConnection], Awaitable[object]]
) -> list[tuple[str, tuple[Any, ...]]]:
    asked: list[tuple[str, tuple[Any, ...]]] = []
    async with db.read() as tx:
        await tx.execute(text("SELECT 1"))
        engine = tx.sync_engine

        def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
            asked.append((statement, tuple(values)))

        event.listen(engine, "before_cursor_execute", note)
        try:
            await look(tx)
        finally:
            event.remove(engine, "before_cursor_execute", note)
    return asked
