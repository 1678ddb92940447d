"""The engine of the scale benchmark, in a process of its own so that its memory can be told:

    python -m benchmarks.support.scaled URL JOB_ID THREADS

It runs one job of cheap digests and prints what it saw of itself as one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial

from benchmarks.support.machine import cpu_seconds, family_bytes, forget_peak, peak_rss_bytes, rss_bytes

from pqcore.actor import current
from pqcore.database.connect import Database
from pqcore.engine import points
from pqcore.engine.executors import Opening
from pqcore.engine.worker import Worker
from pqcore.garbage import collect_seldom
from pqcore.jobs.model import Job, Status
from pqcore.jobs.repository import JobRepository
from pqcore.keys.memory import MemoryKeyProvider


@dataclass(frozen=True)
class Seen:
    """One run.

    Attributes:
        idle: bytes of resident memory with everything loaded and connected, before the job.
        peak: the most while it ran, of all its processes.
        first_write: seconds from the claim to the first committed batch.
        seconds: from the claim to ``done``.
        marks: (seconds, rows done with), about twice a second.
        cpu: processor seconds while the job ran, of all its processes.
        processes: whether it took processes.
    """

    idle: int
    peak: int
    first_write: float
    seconds: float
    marks: list[tuple[float, int]]
    cpu: float
    processes: bool

    def at(self, rows: float) -> float:
        """Seconds when so many rows were done with; between two marks, in proportion."""
        before = (self.first_write, 0)
        for mark in self.marks:
            if mark[1] >= rows:
                share = (rows - before[1]) / max(mark[1] - before[1], 1)
                return before[0] + share * (mark[0] - before[0])
            before = mark
        return self.seconds


def run(url: str, job_id: int, threads: int) -> Seen:
    """Run the job to its end; it has to end with every row migrated."""
    with closing(Database.open(url)) as db:
        jobs = JobRepository(db, current())
        total = jobs.get(job_id)  # connected
        opening = Opening(partial(Database.open, url), MemoryKeyProvider)
        worker = Worker(db, MemoryKeyProvider(), jobs, threads=threads, opening=lambda: opening)
        most = 0
        marks: list[tuple[float, int]] = []
        first: list[float] = []

        def pass_by(point: points.Point) -> None:
            if point is points.Point.AFTER_COMMIT and not first:
                first.append(time.perf_counter() - began)

        def progress(job: Job) -> None:
            nonlocal most
            most = max(most, family_bytes())
            marks.append((time.perf_counter() - began, job.progress.seen))

        idle = rss_bytes()
        forget_peak()
        points.listen(pass_by)
        collect_seldom()  # as the command does
        began, cpu = time.perf_counter(), cpu_seconds(os.getpid())
        try:
            ended = worker.run_job(total.id, progress)
        finally:
            points.listen(None)
            seconds, cpu = time.perf_counter() - began, cpu_seconds(os.getpid()) - cpu
            processes = worker._in_processes is not None
            worker.stop()
    if ended.status is not Status.DONE or ended.progress.migrated != ended.progress.total:
        raise SystemExit(f"job {job_id}: {ended.status}, {ended.progress}, {ended.error}")
    return Seen(idle, max(peak_rss_bytes(), most), first[0], seconds, marks, cpu, processes)


if __name__ == "__main__":
    print(json.dumps(asdict(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
