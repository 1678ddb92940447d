"""The story of one row: what the companion tables know of it. Neither values nor secrets are part of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import dead_letters, events, originals, signatures
from pqcore.formats.context import key_digest
from pqcore.jobs.model import DeadLetter, Event, Job
from pqcore.jobs.records import event_of, letter_of
from pqcore.selection.target import table_name

_EVENTS = 50


@dataclass(frozen=True, slots=True)
class Original:
    """The old value of a column that is kept, sealed, since ``at``."""

    field: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    """A post-quantum signature kept beside the row, made by job ``job_id``."""

    field: str
    algorithm: str
    key_id: str
    job_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class RowStory:
    """What is known of a row of a job's table.

    ``events`` are the latest of the job, oldest first: they say what was done with every row of it.
    """

    row_key: str
    letter: DeadLetter | None
    originals: tuple[Original, ...]
    signatures: tuple[Beside, ...]
    events: tuple[Event, ...]

    @property
    def known(self) -> bool:
        """Whether anything is kept of this very row."""
        return bool(self.letter or self.originals or self.signatures)


def row_keys(typed: str) -> tuple[str, ...]:
    """The row key texts that an operator may mean: ``17``, ``abc``, ``["a", 3]``; the likeliest first."""
    text = typed.strip()
    found: list[list[Any]] = []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list):
        found.append(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        found.append([value])
    # a text key may look like a number, and a UUID is written in lower case
    found += [[text]] if text == text.lower() else [[text], [text.lower()]]
    return tuple(dict.fromkeys(json.dumps(key, separators=(",", ":"), ensure_ascii=True) for key in found))


def row_story(db: Database, job: Job, keys: Sequence[str]) -> RowStory:
    """The story of the first of these row keys (``row_key_text``) of which anything is kept, else of the first.

    ``job`` has to be as the repository gives it: its selection names the table. Blocks on the database.
    """
    stories = [_story(db, job, key) for key in keys]
    return next((story for story in stories if story.known), stories[0])


def _story(db: Database, job: Job, key: str) -> RowStory:
    digest = key_digest(key)
    schema = (job.selection or {}).get("schema")
    place = table_name(schema if isinstance(schema, str) else None, job.table)
    with db.read() as conn:
        letter = conn.execute(
            sa.select(dead_letters).where(dead_letters.c.job_id == job.id, dead_letters.c.key_digest == digest)
        ).first()
        kept = conn.execute(
            sa.select(originals.c.field, originals.c.created_at)
            .where(originals.c.job_id == job.id, originals.c.key_digest == digest)
            .order_by(originals.c.field)
        ).all()
        beside = conn.execute(
            sa.select(signatures)
            .where(signatures.c.table_name == place, signatures.c.key_digest == digest)
            .order_by(signatures.c.field)
        ).all()
        log = conn.execute(
            sa.select(events).where(events.c.job_id == job.id).order_by(events.c.id.desc()).limit(_EVENTS)
        ).all()
    return RowStory(
        key,
        None if letter is None else letter_of(letter),
        tuple(Original(row.field, row.created_at) for row in kept),
        tuple(Beside(row.field, row.algorithm, row.key_id, row.job_id, row.created_at) for row in beside),
        tuple(event_of(row) for row in reversed(log)),
    )
