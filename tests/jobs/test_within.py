"""The dead letters of a key range: those whose row lies in it, in the order that the database gives its keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
import sqlalchemy as sa

from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.database.tables import dead_letters
from pqcore.formats.context import key_digest, row_key_text
from pqcore.jobs.cursor import encode_key
from pqcore.jobs.model import Job, Purpose, Status
from pqcore.jobs.within import Span, letters_within
from pqcore.migrations.base import Scope

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = ["Zebra", "apple", "Äpfel", "banana", "Banane", "_x", "10", "9"]


def put(database: Database, key_type: str, keys: Sequence[object]) -> Job:
    """A table with these keys, each a dead letter of job 1."""
    install.apply(database, install.plan(database))
    with database.write() as conn:
        conn.execute(sa.text(f"CREATE TABLE things (id {key_type} NOT NULL PRIMARY KEY, digest VARCHAR(64))"))
        conn.execute(sa.text("INSERT INTO things VALUES (:id, 'x')"), [{"id": key} for key in keys])
        for key in keys:
            text = row_key_text((key,))
            conn.execute(
                dead_letters.insert().values(
                    job_id=1, key_digest=key_digest(text), row_key=text, walk_key=encode_key((key,)),
                    reason="unparseable", message="x", created_at=NOW,
                )
            )  # fmt: skip
    selection = {"table": "things", "field": "digest", "options": {"mode": "digest", "source": "id"}}
    return Job(1, Scope.HASHES, Status.FAILED, selection)


@pytest.mark.parametrize(("key_type", "keys"), [("BIGINT", list(range(700))), ("VARCHAR(40)", WORDS)])
def test_ranges_share_the_dead_letters_out_as_the_walk_did(
    database: Database, key_type: str, keys: list[object]
) -> None:
    job = put(database, key_type, keys)
    with database.read() as conn:
        walked = list(conn.execute(sa.text("SELECT id FROM things ORDER BY id")).scalars())
    cuts = [None, walked[len(walked) // 3], walked[len(walked) // 2], None]
    shares = []
    for low, high in pairwise(cuts):
        lower, upper = (None if cut is None else encode_key((cut,)) for cut in (low, high))
        found = letters_within(database, job, Span(Purpose.MIGRATE, lower, upper), 1000)
        start = 0 if low is None else walked.index(low) + 1
        end = len(walked) if high is None else walked.index(high) + 1
        shares.append({letter.row_key for letter in found})
        assert shares[-1] == {row_key_text((key,)) for key in walked[start:end]}
    assert sum(map(len, shares)) == len(keys)


def test_a_range_of_dead_letters_goes_by_their_digests(database: Database) -> None:
    job = put(database, "BIGINT", list(range(20)))
    digests = sorted(key_digest(row_key_text((n,))) for n in range(20))
    span = Span(Purpose.REQUEUE, encode_key((digests[4],)), encode_key((digests[9],)))
    found = letters_within(database, job, span, 1000)
    assert [key_digest(letter.row_key) for letter in found] == digests[5:10]
    assert len(letters_within(database, job, Span(Purpose.REQUEUE, None, None), 7)) == 7


def test_a_row_that_is_gone_is_in_no_range(database: Database) -> None:
    job = put(database, "BIGINT", [1, 2, 3])
    with database.write() as conn:
        conn.execute(sa.text("DELETE FROM things WHERE id = 2"))
    found = letters_within(database, job, Span(Purpose.VERIFY, None, None), 10)
    assert {letter.row_key for letter in found} == {"[1]", "[3]"}
