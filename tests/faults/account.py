"""The account after a run: every row in exactly one correct state, nothing done twice, nothing lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from pqcore.database import install
from pqcore.database.tables import ranges, runs, throughput
from pqcore.formats import wrapped_key
from pqcore.formats.context import Context
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.wrapped_key import open_wrapped_key
from pqcore.jobs.model import PROGRESS, Job, Status
from tests.engine.items import sha512
from tests.faults.estate import FIELDS, HISTORY, MARKS, TABLES, WRITES, Estate

Row = tuple[str, int]  # table and key


@dataclass(frozen=True)
class Figures:
    """What an account counted; sums up over runs."""

    rows: int = 0  # rows whose last value was proved
    changes: int = 0  # entries of the history that were followed
    migrated: int = 0  # changes from old to new form by a worker
    conflicted: int = 0  # rows that lost the race to the application and were read again
    writes: int = 0  # of the application

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


class Account:
    """Reads an estate once all work on it has ended, and lists what is wrong with it."""

    def __init__(self, estate: Estate, job_ids: Sequence[int], acknowledged: Iterable[int] = ()) -> None:
        self._estate = estate
        self._data_set = install.data_set_id(estate.db)
        self.jobs = [estate.jobs.get(job_id) for job_id in job_ids]
        self.problems: list[str] = []
        with estate.db.read() as conn:
            self._rows = {
                (name, row.id): row for name, table in TABLES.items() for row in conn.execute(sa.select(table))
            }
            self._history = conn.execute(sa.select(HISTORY).order_by(HISTORY.c.n)).all()
            self._writes = conn.execute(sa.select(WRITES).order_by(WRITES.c.seq)).all()
            last = sa.select(MARKS.c.job_id, sa.func.max(MARKS.c.seq)).group_by(MARKS.c.job_id)
            self._marks = {row[0]: row[1] for row in conn.execute(last)}
            self._runs = conn.execute(sa.select(runs).where(runs.c.job_id.in_(job_ids))).all()
            self._ranges = conn.execute(sa.select(ranges).where(ranges.c.job_id.in_(job_ids))).all()
            self._minutes = conn.execute(sa.select(throughput).where(throughput.c.job_id.in_(job_ids))).all()
        known = {write.seq for write in self._writes}
        self._say(f"write {seq} of the application is gone" for seq in acknowledged if seq not in known)
        self._last = {(write.tab, write.id): write for write in self._writes}

    def close(self) -> Figures:
        """Check all there is to check. Raises ``AssertionError`` with every problem found."""
        self._states()
        self._contents()
        self._changes()
        assert not self.problems, "\n".join([f"{len(self.problems)} problems", *self.problems[:40]])
        return Figures(
            len(self._rows),
            len(self._history),
            len(self._migrations),
            sum(job.progress.conflicted for job in self.jobs),
            len(self._writes),
        )

    def leftovers(self) -> set[Row]:
        """Rows in the old form. Those written before the last sweep of their table began are a problem."""
        found = set()
        for row, now in self._rows.items():
            if row[1] in self._estate.planted[row[0]] or self._is_new(row[0], self._value(row, now)):
                continue
            found.add(row)
            swept = max(
                (self._marks.get(job.id, 0) for job in self.jobs if job.table == TABLES[row[0]].name), default=0
            )
            if self._last[row].seq <= swept:
                self.problems.append(f"{row} is in the old form, though it was written before the last sweep")
        return found

    def _swept(self, table: str) -> int:
        """The application's last write before the last sweep over this table began."""
        marks = (self._marks.get(job.id, 0) for job in self.jobs if job.table == TABLES[table].name)
        return max(marks, default=0)

    def _say(self, sentences: Iterable[str]) -> None:
        self.problems.extend(sentences)

    @property
    def _migrations(self) -> list[Any]:
        """Changes that were not the application's."""
        return [h for h in self._history if h.old_value is not None and h.old_version == h.new_version]

    def _states(self) -> None:
        for job in self.jobs:
            self._state(job)
        self._say(f"job {r.job_id} is still leased to {r.lease_owner}" for r in self._runs if r.lease_owner is not None)
        self._say(f"range {r.job_id}/{r.seq} is still leased" for r in self._ranges if r.lease_owner is not None)
        self._say(f"range {r.job_id}/{r.seq} is {r.state}" for r in self._ranges if r.state != "done")
        counted = sum(job.progress.migrated for job in self.jobs)
        if counted != len(self._migrations):
            self.problems.append(f"{counted} rows were counted as migrated, {len(self._migrations)} were")

    def _state(self, job: Job) -> None:
        if job.status is not Status.DONE:
            self.problems.append(f"job {job.id} is {job.status.value}: {job.error}")
        table = next(name for name, found in TABLES.items() if found.name == job.table)
        mine = [r for r in self._ranges if r.job_id == job.id and r.purpose in PROGRESS]
        total = sum(r.migrated + r.skipped + r.failed for r in mine)
        if job.processed_count != total:
            self.problems.append(f"job {job.id} processed {job.processed_count}, its ranges {total}")
        minutes = sum(r.processed for r in self._minutes if r.job_id == job.id)
        if job.processed_count != minutes:
            self.problems.append(f"job {job.id} processed {job.processed_count}, its minutes {minutes}")
        planted = {f"[{key}]" for key in self._estate.planted[table]}
        letters = [letter.row_key for letter in self._estate.jobs.dead_letters(job.id)]
        if sorted(letters) != sorted(planted) or job.progress.failed != len(planted):
            self.problems.append(f"job {job.id} has dead letters {letters}, counted {job.progress.failed}")
        if bool(job.error) != bool(planted):
            self.problems.append(f"job {job.id} has dead letters {letters}, and its error says {job.error!r}")

    def _contents(self) -> None:
        """Every row holds the application's last content, in a form that proves itself."""
        for row, last in self._last.items():
            now = self._rows.get(row)
            if last.content is None:
                if now is not None:
                    self.problems.append(f"{row} was deleted and is there")
            elif now is None:
                self.problems.append(f"{row} is gone")
            elif now.version != last.version:
                self.problems.append(f"{row} is at version {now.version}, the application wrote {last.version}")
            elif row[1] not in self._estate.planted[row[0]]:
                self._content(row, now, last.content)
        self._say(f"{row} came from nowhere" for row in self._rows if row not in self._last)

    def _content(self, row: Row, now: Any, content: str) -> None:
        if row[0] == "items":
            if now.body != content:
                self.problems.append(f"{row} lost an update")
            if now.digest != sha512(content):
                self.problems.append(f"{row} does not hold the digest of its content")
            return
        context = Context(self._data_set, TABLES["vault"].name, "wrapped", (row[1],))
        try:
            opened = open_wrapped_key(now.wrapped, self._estate.keys.get, context)
        except (FormatError, NotAuthentic) as error:
            self.problems.append(f"{row} does not open: {type(error).__name__}")
            return
        if opened.hex() != content:
            self.problems.append(f"{row} opens to an older data key")

    def _changes(self) -> None:
        """Each change starts from where the one before ended; workers only ever go from old to new, once a write."""
        value: dict[Row, str | None] = {}
        migrated: Counter[Row] = Counter()
        for change in self._history:
            row = (change.tab, change.id)
            if value.get(row) != change.old_value:
                self.problems.append(f"{row}: change {change.n} does not start from the value before")
            value[row] = change.new_value
            if change.old_value is None or change.old_version != change.new_version:
                continue
            migrated[row] += 1
            if self._is_new(change.tab, change.old_value) or not self._is_new(change.tab, change.new_value):
                self.problems.append(f"{row}: change {change.n} is no migration from old to new")
        written = Counter((write.tab, write.id) for write in self._writes if write.old_form)
        self._say(
            f"{row} was migrated {count} times, and written in the old form {written[row]} times"
            for row, count in migrated.items()
            if count > written[row]
        )

    @staticmethod
    def _value(row: Row, now: Any) -> str:
        value: str = getattr(now, FIELDS[row[0]])
        return value

    @staticmethod
    def _is_new(table: str, value: str) -> bool:
        if table == "items":
            return value.startswith("sha-512:")
        return wrapped_key.recognise(value)
