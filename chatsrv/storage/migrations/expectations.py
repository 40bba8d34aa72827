"""How much of what SQLite is to expect.

Without figures it takes any two columns of an index for a good choice, and reads a million users to find eight by
their names. What it would measure itself is true of the moment: of an app that was empty then, or of a hundred rows.
So it is told, once and for all: an app may be large, and whatever else is asked for picks few.
"""

from __future__ import annotations

from sqlalchemy import Connection

MANY = 1_000_000
ONE = {"id", "uuid", "username_key", "name", "uri"}
UNLESS_MISSING = {"email_key", "external_id"}
"""Columns that are unique where they have a value, which most rows may not have."""
FEW, SOME = 2, 100
ALL = {"app_id", "discarded_at"}


def expect_large_apps(connection: Connection) -> None:
    """Of each table that belongs to apps, for each of its indexes; to be called whenever there are new ones."""
    if connection.dialect.name != "sqlite":
        return  # PostgreSQL looks by itself, and goes on looking
    run = connection.exec_driver_sql
    run("PRAGMA analysis_limit=1")
    run("ANALYZE")  # makes the table of figures, if there is none
    run("DELETE FROM sqlite_stat1")
    for (table,) in run("SELECT name FROM sqlite_schema WHERE type = 'table'").all():
        indexes = {
            index: (is_unique, [row[2] for row in run(f"PRAGMA index_info('{index}')")])
            for _, index, is_unique, *_ in run(f"PRAGMA index_list('{table}')").all()
        }
        if any(columns[0] == "app_id" for _, columns in indexes.values()):
            for index, (is_unique, columns) in indexes.items():
                figures = _figures(bool(is_unique), columns)
                run("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", (table, index, figures))


def _figures(is_unique: bool, columns: list[str]) -> str:
    """Rows of the table; then how many are alike in the first column, in the first two, and so on."""
    if is_unique and columns == ["app_id"]:
        return f"{MANY} 1"  # what there is once for each app
    alike = [MANY]
    for column in columns:
        alike.append(min(alike[-1], _alike(column)))
    return " ".join(map(str, alike))


def _alike(column: str) -> int:
    if column in ALL:
        return MANY
    if column in ONE:
        return 1
    return FEW if column in UNLESS_MISSING else SOME
