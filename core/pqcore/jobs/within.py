"""Which dead letters of a job lie in one of its key ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import dead_letters
from pqcore.jobs.cursor import decode_key
from pqcore.jobs.model import DeadLetter, Job, Purpose
from pqcore.jobs.records import letter_of
from pqcore.selection.document import parse
from pqcore.selection.target import Target, resolve

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Span:
    """The keys ``(lower, upper]`` of a range of ``purpose``, as ``pqcore.jobs.cursor`` writes them; None is open."""

    purpose: Purpose
    lower: str | None
    upper: str | None


def letters_within(db: Database, job: Job, span: Span, limit: int) -> tuple[DeadLetter, ...]:
    """The first ``limit`` dead letters whose row is in the span, in the order of their key digests.

    Only the database knows the order of its keys, so it is asked for the rows themselves: a row that is gone from the
    table is in no span. Every dead letter of the job is looked at, 500 at a time.

    Raises:
        SelectionError: the table of the job is gone, or has another key.
        DatabaseError: the database cannot answer.
    """
    if span.purpose in (Purpose.REQUEUE, Purpose.ROLLBACK, Purpose.FINALIZE):
        return _by_digest(db, job.id, span, limit)
    target = resolve(db, parse(job.selection or {}, scope=job.scope))
    found: list[DeadLetter] = []
    after = ""
    while len(found) < limit:
        page = _page(db, job.id, after)
        if page:
            inside = _inside(db, target, span, [decode_key(row.walk_key) for row in page])
            found += [letter_of(row) for row in page if decode_key(row.walk_key) in inside]
        if len(page) < _PAGE:
            break
        after = page[-1].key_digest
    return tuple(found[:limit])


def _by_digest(db: Database, job_id: int, span: Span, limit: int) -> tuple[DeadLetter, ...]:
    """Of a range that walks the digests of keys."""
    digest = dead_letters.c.key_digest
    query = sa.select(dead_letters).where(dead_letters.c.job_id == job_id)
    if span.lower is not None:
        query = query.where(digest > decode_key(span.lower)[0])
    if span.upper is not None:
        query = query.where(digest <= decode_key(span.upper)[0])
    with db.read() as conn:
        return tuple(letter_of(row) for row in conn.execute(query.order_by(digest).limit(limit)))


def _page(db: Database, job_id: int, after: str) -> Sequence[sa.Row[Any]]:
    digest = dead_letters.c.key_digest
    query = sa.select(dead_letters).where(dead_letters.c.job_id == job_id, digest > after)
    with db.read() as conn:
        return conn.execute(query.order_by(digest).limit(_PAGE)).all()


def _inside(db: Database, target: Target, span: Span, keys: Sequence[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """Those of the keys whose row is there and in the span."""
    columns = target.key
    one = len(columns) == 1
    query = sa.select(*columns).where(columns[0].in_([k[0] for k in keys]) if one else sa.tuple_(*columns).in_(keys))
    if span.lower is not None:
        query = query.where(db.dialect.after(columns, decode_key(span.lower)))
    if span.upper is not None:
        query = query.where(db.dialect.up_to(columns, decode_key(span.upper)))
    with db.read() as conn:
        return {tuple(row) for row in conn.execute(query)}
