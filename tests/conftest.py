"""Fixtures for all tests: database servers, started when first needed, and a fresh database for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from pqcore.database.connect import Database
from tests.support.databases import Servers, fresh_database, kinds

# How long an example takes is the machine's business, busy as it may be; what a test finds is not.
settings.register_profile("pqconsole", deadline=None)
settings.load_profile("pqconsole")

# killing, stopping and cutting off workers takes minutes: PQCONSOLE_TEST_FAULTS=1 sh tests/run --quick tests/faults
collect_ignore = [] if os.environ.get("PQCONSOLE_TEST_FAULTS") else ["faults"]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The database servers of this run."""
    running = Servers()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(
    params=[pytest.param(kind, id=kind, marks=[] if kind == "sqlite" else [pytest.mark.database]) for kind in kinds()]
)
def database_kind(request: pytest.FixtureRequest) -> str:
    """``sqlite``, ``postgresql``, ``mariadb`` and, where a server is given, ``mysql``."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(database_kind: str, servers: Servers, tmp_path: Path) -> Iterator[str]:
    """The URL of a new, empty database of each kind."""
    with fresh_database(database_kind, servers, tmp_path) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A new, empty database of each kind, opened."""
    opened = Database.open(database_url)
    try:
        yield opened
    finally:
        opened.close()
