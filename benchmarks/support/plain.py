"""The plain script that one would write by hand: for each key read the row, convert it, update it, commit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from pqcore.crypto.catalogue import find
from pqcore.database.connect import Database
from pqcore.database.install import data_set_id
from pqcore.keys.provider import KeyProvider
from pqcore.migrations.base import Migrated, Record, Scope
from pqcore.migrations.build import build
from pqcore.selection.catalog import Catalog
from pqcore.selection.compile import predicate
from pqcore.selection.document import parse
from pqcore.selection.target import resolve


def by_plain_script(
    db: Database,
    keys: KeyProvider,
    scope: Scope,
    document: Mapping[str, Any],
    algorithm: str,
    *,
    within: float | None = None,
) -> tuple[int, float]:
    """The rows of a selection, one at a time, converted with the same code as the engine's.

    Args:
        algorithm: ``NAME`` or ``NAME/VARIANT``.
        within: seconds after which to stop; None is at the end.

    Returns:
        Rows migrated, and seconds.
    """
    selection = parse(document, scope=scope)
    target = resolve(Catalog(db), selection)
    where = predicate(selection, target)
    migration = build(
        scope,
        find(algorithm),
        table=target.name,
        field=selection.field,
        options=selection.options,
        keys=keys,
        data_set=data_set_id(db),
    )
    table, key = target.table, target.key
    columns = [table.c[name] for name in migration.reads]
    row_is = sa.and_(*(column == sa.bindparam(f"key_{column.name}") for column in key))
    read = sa.select(*columns).where(row_is)
    write = sa.update(table).where(row_is).values({name: sa.bindparam(f"new_{name}") for name in migration.writes})
    done = 0
    with db.engine.connect() as conn:
        began = time.perf_counter()
        keys_of_rows = conn.execute(
            sa.select(*key).where(where if where is not None else sa.true()).order_by(*key)
        ).all()
        conn.commit()
        for values in keys_of_rows:
            named: dict[str, Any] = {f"key_{c.name}": value for c, value in zip(key, values, strict=True)}
            row = conn.execute(read, named).one()
            outcome = migration.migrate(Record(tuple(values), dict(zip(migration.reads, row, strict=True))))
            if isinstance(outcome, Migrated):
                conn.execute(write, named | {f"new_{name}": value for name, value in outcome.values.items()})
                done += 1
            conn.commit()
            if within is not None and time.perf_counter() - began > within:
                break
        seconds = time.perf_counter() - began
    return done, seconds
