"""Keeping the limits of one running job: follow what operators change, ask the server, report what was held back."""

from __future__ import annotations

from typing import Any

from pqcore.database.connect import Database
from pqcore.database.load import Measure, Unread, read_load
from pqcore.engine.throttles.live import LiveLimits
from pqcore.errors import UsageError
from pqcore.jobs.claims import Throttled
from pqcore.jobs.limits import effective
from pqcore.jobs.model import Job
from pqcore.jobs.repository import JobRepository


class Keeper:
    """The one place that asks the server, once a heartbeat; ``live`` is what the job's threads look at."""

    def __init__(self, db: Database, jobs: JobRepository, job_id: int) -> None:
        self._db = db
        self._jobs = jobs
        self._job_id = job_id
        self._job: Job | None = None
        self._tuned: Any = None
        self._reported = 0.0
        self._reported_hold = False
        self._said: set[Measure] = set()
        self.live = LiveLimits()

    def begin(self, job: Job) -> None:
        """Put the job's limits in force and take the first reading.

        Raises:
            UsageError: its selection holds something that is no limit.
            DatabaseUnavailable: the database is away; call it again.
        """
        self.live.tune(effective(job.selection, job.limits))
        self._read()
        self._tuned = job.limits
        self._job = job  # last: from here on the heartbeat follows

    def follow(self, tuned: Any) -> None:
        """At each heartbeat: put changed limits in force and take a reading where one is needed.

        Raises:
            DatabaseUnavailable: the database is away; the limits in force stay, and so does the last reading.
        """
        if self._job is None:
            return
        if tuned != self._tuned:
            self._tuned = tuned
            try:
                self.live.tune(effective(self._job.selection, tuned))
            except UsageError as error:
                # nobody can write this through pqconsole; a job is not stopped for it
                self._jobs.note(self._job_id, "limits", f"Changed limits are passed over. {error}")
        self._read()

    def throttled(self) -> Throttled:
        """What has to be reported with the next heartbeat; ``reported`` tells that it was."""
        seconds = max(0.0, self.live.stopwatch.seconds - self._reported)
        # a rate holds back between batches: what it did since the last heartbeat counts, not this very moment
        reason = self.live.reason or (self.live.last_reason if seconds > 0 else None)
        return Throttled(seconds, reason)

    def reported(self, throttled: Throttled) -> None:
        """This was reported."""
        self._reported += throttled.seconds
        self._reported_hold = self.live.held

    @property
    def news(self) -> bool:
        """Whether a hold came or went since the last report."""
        return self.live.held is not self._reported_hold

    def _read(self) -> None:
        if not self.live.wants_readings:
            return
        load = read_load(self._db, self.live.measures)
        self.live.observe(load)
        for unread in load.unread:
            self._say(unread)

    def _say(self, unread: Unread) -> None:
        if unread.measure not in self._said:
            self._said.add(unread.measure)
            self._jobs.note(
                self._job_id, "limits", f"Not held back by {unread.measure}: {unread.message}. {unread.remedy}."
            )
