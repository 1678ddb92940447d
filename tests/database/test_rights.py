"""What doctor says of rights: tried for real, with a role that lacks some."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.database.rights import missing_rights
from pqcore.errors import ReadOnlySession


def test_an_owner_lacks_nothing_and_nothing_is_changed(database: Database) -> None:
    install.apply(database, install.plan(database))
    assert missing_rights(database) == []


def test_a_role_that_may_only_read_is_told_so(database: Database, database_url: str) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("roles are made on PostgreSQL here")
    install.apply(database, install.plan(database))
    role = f"reader_{sa.make_url(database_url).database}"
    with database.write() as conn:
        conn.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'")
        conn.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {role}")
        conn.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        conn.exec_driver_sql(f"GRANT UPDATE ON pq_migration_jobs TO {role}")
    reader = Database.open(sa.make_url(database_url).set(username=role, password="reader").render_as_string(False))
    try:
        lacking = missing_rights(reader)
    finally:
        reader.close()
        with database.write() as conn:
            conn.exec_driver_sql(f"DROP OWNED BY {role}")
            conn.exec_driver_sql(f"DROP ROLE {role}")
    assert "UPDATE on pq_migration_ranges" in lacking
    assert "DELETE on pq_migration_dead_letters" in lacking
    assert "UPDATE on pq_migration_jobs" not in lacking


def test_a_read_only_session_is_no_missing_right(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'data.sqlite'}"
    database = Database.open(url)
    install.apply(database, install.plan(database))
    database.close()
    reader = Database.open(url, read_only=True)
    with pytest.raises(ReadOnlySession):
        missing_rights(reader)
    reader.close()
