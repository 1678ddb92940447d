"""Limits of a job: those of its selection, and what was changed since."""

from __future__ import annotations

from typing import Any

import pytest

from pqcore.database.connect import Database
from pqcore.database.tables import control
from pqcore.errors import JobNotFound, UsageError
from pqcore.jobs.limits import JobLimits, checked, described, effective, merged
from pqcore.jobs.model import Status
from pqcore.selection.document import BatchSettings, ThrottleSettings
from pqcore.selection.windows import Window
from tests.engine.items import Bench

SELECTION = {
    "table": "t",
    "field": "f",
    "batch": {"rows": 100},
    "throttle": {"rows_per_second": 50, "windows": ["22:00-06:00"]},
}


class TestInForce:
    def test_those_of_the_selection(self) -> None:
        wanted = JobLimits(BatchSettings(rows=100), ThrottleSettings(50.0, (Window(1320, 360),)))
        assert effective(SELECTION, None) == wanted
        assert effective(None, None) == JobLimits()

    def test_changes_come_before_the_selection(self) -> None:
        limits = effective(SELECTION, {"throttle": {"rows_per_second": 7, "max_running": 3}, "batch": {"target_ms": 9}})
        assert limits.throttle == ThrottleSettings(7.0, (Window(1320, 360),), max_running=3)
        assert limits.batch == BatchSettings(rows=100, target_ms=9)

    def test_null_is_as_if_the_selection_had_none(self) -> None:
        changes = {"throttle": {"rows_per_second": None, "windows": None}, "batch": {"rows": None}}
        assert effective(SELECTION, changes) == JobLimits()

    def test_they_survive_their_document(self) -> None:
        limits = effective(SELECTION, {"throttle": {"max_replica_lag": 2.5, "time_zone": "Europe/Berlin"}})
        assert effective(limits.document(), None) == limits

    @pytest.mark.parametrize("broken", [{"batch": 5}, {"throttle": ["x"]}, {"throttle": {"max_running": "many"}}])
    def test_what_others_wrote_into_the_column_is_refused(self, broken: dict[str, Any]) -> None:
        with pytest.raises(UsageError):
            effective(SELECTION, broken)


class TestChanges:
    def test_a_later_one_keeps_what_it_does_not_name(self) -> None:
        before = {"throttle": {"rows_per_second": 5, "max_running": 2}}
        after = merged(before, {"throttle": {"rows_per_second": None}, "batch": {"rows": 9}})
        assert after == {"throttle": {"rows_per_second": None, "max_running": 2}, "batch": {"rows": 9}}

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"throttle": {"rows_per_secon": 5}}, "rows_per_second"),
            ({"throttle": {"rows_per_secon": None}}, "rows_per_second"),
            ({"throttle": {"rows_per_second": 0}}, "throttle.rows_per_second"),
            ({"throttle": {"rows_per_second": float("nan")}}, "throttle.rows_per_second"),
            ({"throttle": {"windows": []}}, "throttle.windows"),
            ({"throttle": {"windows": ["6-22"]}}, "HH:MM-HH:MM"),
            ({"throttle": {"time_zone": "Mars"}}, "no time zone"),
            ({"throttle": {"max_replica_lag": -1}}, "throttle.max_replica_lag"),
            ({"throttle": {"max_running": 1.5}}, "throttle.max_running"),
            ({"batch": {"rows": 0}}, "batch.rows"),
            ({"selection": {"limit": 1}}, "batch, throttle"),
        ],
    )
    def test_what_is_no_limit_is_refused(self, change: dict[str, Any], says: str) -> None:
        with pytest.raises(UsageError) as refusal:
            checked(change)
        assert says in str(refusal.value)

    def test_in_words(self) -> None:
        change = {"throttle": {"windows": ["22:00-06:00", "12:00-13:00"], "max_running": None}, "batch": {"rows": 9}}
        assert described(change) == "windows 22:00-06:00 12:00-13:00, max_running none, rows 9"


class TestRepository:
    def test_a_change_is_kept_checked_and_logged(self, database: Database) -> None:
        bench = Bench(database)
        job_id = bench.job(throttle={"rows_per_second": 50})
        job = bench.jobs.tune(job_id, {"throttle": {"rows_per_second": 5}})
        assert job.limits == {"throttle": {"rows_per_second": 5}}
        job = bench.jobs.tune(job_id, {"throttle": {"max_running": 4}, "batch": {"rows": 10}})
        assert job.limits == {"throttle": {"rows_per_second": 5, "max_running": 4}, "batch": {"rows": 10}}
        assert effective(job.selection, job.limits).throttle == ThrottleSettings(5.0, max_running=4)
        with pytest.raises(UsageError):
            bench.jobs.tune(job_id, {"throttle": {"max_running": 0}})
        assert bench.jobs.get(job_id).limits == job.limits
        assert bench.jobs.tune(job_id, None).limits is None
        words = [e.message for e in bench.jobs.events(job_id) if e.kind == "tune"]
        assert words == [
            "Tuned: back to the limits of the selection",
            "Tuned: max_running 4, rows 10",
            "Tuned: rows_per_second 5",
        ]

    def test_a_tuned_job_is_due_as_before(self, database: Database) -> None:
        bench = Bench(database)
        bench.fill(5)
        job_id = bench.job()
        bench.jobs.tune(job_id, {"batch": {"rows": 2}})
        bench.jobs.pause(job_id)
        assert bench.jobs.resume(job_id).limits == {"batch": {"rows": 2}}
        worker = bench.worker()
        assert worker.drain().done == 1
        worker.stop()
        job = bench.jobs.get(job_id)
        assert (job.status, job.limits) == (Status.DONE, {"batch": {"rows": 2}})

    def test_a_job_that_there_is_not(self, database: Database) -> None:
        bench = Bench(database)
        with pytest.raises(JobNotFound):
            bench.jobs.tune(7, {"batch": {"rows": 2}})
        with database.read() as conn:
            assert conn.execute(control.select()).all() == []
