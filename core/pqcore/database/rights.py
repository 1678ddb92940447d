"""Which rights of daily work this session lacks; tried for real, on no row, and rolled back."""

from __future__ import annotations

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import COMPANIONS, jobs, meta
from pqcore.errors import DatabaseError, ReadOnlySession


class _Undo(Exception):
    """Ends the trial transaction."""


def missing_rights(db: Database) -> list[str]:
    """What may not be done, as ``UPDATE on pq_migration_jobs``; empty where all of it may.

    Raises:
        ReadOnlySession: this session may write nothing at all.
        DatabaseUnavailable: the database is away.
    """
    lacking = []
    for table in (jobs, *(t for t in COMPANIONS if t is not meta)):
        column = table.columns[1 if len(table.columns) > 1 else 0]
        trials = {
            "UPDATE": sa.update(table).where(sa.false()).values({column.name: column}),
            "DELETE": sa.delete(table).where(sa.false()),
        }
        for right, statement in trials.items():
            if table is jobs and right == "DELETE":
                continue  # jobs are never deleted
            if not _may(db, statement):
                lacking.append(f"{right} on {table.name}")
    return lacking


def _may(db: Database, statement: sa.sql.dml.UpdateBase) -> bool:
    try:
        with db.write() as conn:
            conn.execute(statement)
            raise _Undo
    except _Undo:
        return True
    except ReadOnlySession:
        raise
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        return False
