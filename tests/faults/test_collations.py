"""Changes that a case-insensitive collation does not see, between read and write: seen all the same."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.engine.points import Point
from pqcore.errors import OperationFailed
from pqcore.jobs.model import Purpose, Status
from tests.engine.items import ITEMS, Bench, body_of, listening, sha1, sha512

KEY = 5
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    # what the application writes, and the content afterwards
    "letter case of the digest": ({"digest": sha1(body_of(KEY)).upper()}, body_of(KEY)),
    "letter case of the content": (
        {"body": body_of(KEY).upper(), "digest": sha1(body_of(KEY).upper())},
        body_of(KEY).upper(),
    ),
    "a space behind the content": (
        {"body": body_of(KEY) + " ", "digest": sha1(body_of(KEY) + " ")},
        body_of(KEY) + " ",
    ),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_the_row_is_read_again(database: Database, change: str) -> None:
    bench = Bench(database)
    bench.fill(20)
    values, content = CHANGES[change]
    changed = threading.Event()

    def write(point: Point) -> None:
        if point is Point.BEFORE_WRITE and not changed.is_set():
            changed.set()
            with bench.db.write() as conn:
                conn.execute(sa.update(ITEMS).where(ITEMS.c.id == KEY).values(values))

    with listening(write):
        job = bench.run(bench.job(), threads=1)
    assert (job.status, job.progress.conflicted, job.progress.failed) == (Status.DONE, 1, 0)
    assert bench.rows()[KEY] == (content, sha512(content))
    bench.assert_all_new()


@pytest.mark.parametrize("body", [body_of(KEY) + " ", body_of(KEY).upper()], ids=["a space", "letter case"])
def test_a_content_changed_without_its_digest_stays_visible(database: Database, body: str) -> None:
    """The digest says what the content was when it was recorded, in the new form as in the old."""
    bench = Bench(database)
    bench.fill(20)
    changed = threading.Event()

    def write(point: Point) -> None:
        if point is Point.BEFORE_WRITE and not changed.is_set():
            changed.set()
            with bench.db.write() as conn:
                conn.execute(sa.update(ITEMS).where(ITEMS.c.id == KEY).values(body=body))

    with listening(write):
        job = bench.run(bench.job(), threads=1)
    assert bench.rows()[KEY] == (body, sha512(body_of(KEY)))
    worker = bench.worker()
    with pytest.raises(OperationFailed, match="1 value does not prove"):
        worker.operate(job.id, Purpose.VERIFY)
    worker.stop()
    assert [letter.row_key for letter in bench.jobs.dead_letters(job.id)] == [f"[{KEY}]"]
