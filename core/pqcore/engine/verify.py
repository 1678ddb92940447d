"""Verifying a range: every value in the new form is read again and proved. Nothing of the table is written."""

from __future__ import annotations

from collections.abc import Sequence

from pqcore.database.clock import now
from pqcore.database.tables import dead_letters
from pqcore.engine.batch import size_of
from pqcore.engine.checkpoint import Counts, checkpoint
from pqcore.engine.context import JobContext
from pqcore.engine.pages import digest_of, known_dead, read_new, read_page
from pqcore.engine.points import Point, reach
from pqcore.engine.ranges import Key, RangeRun
from pqcore.formats.context import row_key_text
from pqcore.jobs.cursor import encode_key
from pqcore.migrations.base import Failed, FailureReason, Record, Skipped

Proof = tuple[Record, Failed | None]

_PAGE = 1000


class VerifyRange(RangeRun[Record, Proof]):
    """Rows in the new form by their key; what does not prove itself becomes a dead letter (``verify_failed``)."""

    def _read(self, after: Key | None, rows: int) -> Sequence[Record]:
        with self._context.db.read() as conn:
            return read_new(conn, self._context, after, self._upper, rows)

    def _place(self, item: Record) -> Key:
        return item.key

    def _size(self, items: Sequence[Record]) -> int:
        return size_of(items)

    def _compute(self, items: Sequence[Record]) -> Sequence[Proof]:
        ready: list[Proof] = []
        for record in items:
            if self._context.stop.is_set():
                break
            outcome = self._context.migration.verify(record)
            ready.append((record, outcome if isinstance(outcome, Failed) else None))
        return ready

    def _settle(self, ready: Sequence[Proof], cursor: Key | None, *, range_done: bool) -> float:
        failed = [(record, failure) for record, failure in ready if failure is not None]
        counts = Counts(migrated=len(ready) - len(failed), failed=len(failed))
        reach(Point.BEFORE_WRITE)
        with self._context.db.write() as conn:
            known = known_dead(conn, self._context, [record for record, _ in failed])
            rows = [
                {
                    "job_id": self._claim.job_id,
                    "key_digest": digest_of(record.key),
                    "row_key": row_key_text(record.key),
                    "walk_key": encode_key(record.key),
                    "reason": FailureReason.VERIFY_FAILED.value,
                    "message": failure.message,
                }
                for record, failure in failed
                if digest_of(record.key) not in known
            ]
            if rows:
                conn.execute(dead_letters.insert().values(created_at=now()), rows)
            reach(Point.AFTER_WRITE)
            checkpoint(conn, self._claim, counts, cursor=cursor, range_done=range_done)
            reach(Point.BEFORE_COMMIT)
        reach(Point.AFTER_COMMIT)
        return 0.0


def uncovered(context: JobContext) -> bool:
    """Whether a selected row still needs to be migrated; looks until the job is asked to stop."""
    after: Key | None = None
    while not context.stop.is_set():
        with context.db.read() as conn:
            page = read_page(conn, context, after, context.ceiling, _PAGE, only_old=True)
        for record in page:
            if context.stop.is_set():
                return False
            # a row that is skipped has nothing to migrate; anything else would be written by a new run
            if not isinstance(context.migration.migrate(record), Skipped):
                return True
        if len(page) < _PAGE:
            return False
        after = page[-1].key
    return False
