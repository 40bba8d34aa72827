"""A calm cluster for tests that disturb no server, and one of its own for every test that does."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.faults.cluster import Cluster, Prepared, create_app, running_cluster
from tests.faults.crowd import Crowd, gathered, outlast_hold

LOG_SIZE = 100
"""The smallest that the change log may be, so that a test can pass it."""

NEVER_RECONCILES = {"reconcile_every_s": 3600}
"""What is late by itself must not look right because reconciliation came round in time."""


@pytest.fixture(scope="session")
async def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A database with one app, to be copied."""
    folder = tmp_path_factory.mktemp("prepared")
    database = folder / "chatsrv.db"
    shutil.copy(sqlite_template, database)
    return Prepared(database, await create_app(Shell(folder, {"DATABASE_URL": f"sqlite:///{database}"}), "demo"))


@pytest.fixture(scope="session")
async def calm(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Two nodes for all tests of this process; a test leaves them as it found them."""
    folder = tmp_path_factory.mktemp("calm")
    async with running_cluster(folder, prepared, 2, changelog_max=LOG_SIZE, **NEVER_RECONCILES) as cluster:
        await outlast_hold(cluster)
        yield cluster
        cluster.assert_no_errors()


@pytest.fixture
async def crowd(calm: Cluster) -> AsyncIterator[Crowd]:
    """Users and clients of this test on the calm cluster."""
    async with gathered(calm) as one:
        yield one


@pytest.fixture
async def cluster(prepared: Prepared, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Two nodes of this test alone: whatever is done to them, they log no error."""
    async with running_cluster(tmp_path, prepared, 2) as one:
        await outlast_hold(one)
        yield one
        one.assert_no_errors()
