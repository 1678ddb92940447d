"""A worker: a pool of threads that claims jobs and runs them, in a console or in a process of its own."""

from __future__ import annotations

import math
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Lock, Thread
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from pqcore.database.clock import now, now_plus
from pqcore.database.connect import Database
from pqcore.database.errors import translate
from pqcore.database.tables import workers
from pqcore.engine import backoff
from pqcore.engine.executors import Opening, ProcessTurns, ThreadTurns, Turns, wants_processes
from pqcore.engine.operation import OperationRun
from pqcore.engine.run import JobRun
from pqcore.errors import OperationFailed, PQConsoleError, StateConflict
from pqcore.jobs import throughput
from pqcore.jobs.claims import JobClaim, claim_due, claim_job
from pqcore.jobs.leases import lease_seconds
from pqcore.jobs.model import Job, Progress, Purpose, Status
from pqcore.jobs.operation_claims import claim_operation
from pqcore.jobs.repository import JobRepository
from pqcore.keys.provider import KeyProvider

_POLL_SECONDS = 1.0
_PRESENCE_SECONDS = 2.0
_FORGET_SECONDS = 86_400.0
_TIDY_SECONDS = 3600.0
_MOST_HELD = 16

Report = Callable[[Job], None]
T = TypeVar("T")


def default_threads() -> int:
    """One thread a core, at most 8: the cryptography that dominates releases the interpreter lock."""
    return max(1, min(8, os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain did: how many jobs ended in which way."""

    done: int = 0
    failed: int = 0
    stopped: int = 0  # cancelled, paused or stopped on the way


class Worker:
    """Claims and runs jobs of one database.

    ``failure`` says why a worker gave up (a right is missing, or the database's file, say); None while it works.

    Args:
        kind: ``console`` or ``work``; shown in the list of workers.
        threads: how many batches run at once, over all jobs of this worker.
        jobs_at_once: how many jobs a started worker runs side by side.
        opening: gives, when it is first needed, how a process of its own opens the same database and keys;
            None, also as its answer, runs everything in threads.
    """

    def __init__(
        self,
        db: Database,
        keys: KeyProvider,
        jobs: JobRepository,
        *,
        threads: int | None = None,
        kind: str = "work",
        jobs_at_once: int = 2,
        opening: Callable[[], Opening | None] | None = None,
    ) -> None:
        lease_seconds()  # a value that cannot be used is refused here, not in the middle of a job
        self._db = db
        self._keys = keys
        self._jobs = jobs
        self._kind = kind
        self._jobs_at_once = jobs_at_once
        self._stopping = Event()
        self._awake = Event()
        self._lock = Lock()
        self._runs: dict[int, tuple[JobRun, Thread | None]] = {}
        self._supervisor: Thread | None = None
        self.failure: PQConsoleError | None = None
        self._presence: Thread | None = None
        self.threads = threads or default_threads()
        self.id = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._opening = opening
        self._in_threads = ThreadTurns(self.threads)
        self._in_processes: ProcessTurns | None = None

    @property
    def active(self) -> tuple[int, ...]:
        """Ids of the jobs that run here now."""
        with self._lock:
            return tuple(self._runs)

    @property
    def operations(self) -> dict[int, Purpose]:
        """What is done now, by id, with those of ``active`` that have ended."""
        with self._lock:
            return {job_id: run.purpose for job_id, (run, _) in self._runs.items() if isinstance(run, OperationRun)}

    def start(self, progress: Report | None = None) -> None:
        """Claim and run what is due, in threads of this worker, until ``stop``; ``progress`` is called in them."""
        self._supervisor = Thread(target=self._supervise, args=(progress,), name="pqconsole-worker", daemon=True)
        self._supervisor.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Stop between batches, checkpoint, release leases, and wait for it; True when all has ended in time."""
        self._ask_all_to_stop()
        with self._lock:
            threads = [thread for _, thread in self._runs.values() if thread is not None]
        for thread in (*threads, self._supervisor, self._presence):
            if thread is not None:
                thread.join(timeout)
        for turns in (self._in_threads, self._in_processes):
            if turns is not None:
                turns.shutdown(wait=timeout is None)
        return not self.active

    def wait(self) -> None:
        """Until the jobs that were submitted have ended, or this worker was stopped."""
        while True:
            with self._lock:
                threads = [thread for _, thread in self._runs.values() if thread is not None]
            if not threads:
                return
            for thread in threads:
                thread.join()

    def request_stop(self) -> None:
        """Ask for the same without waiting; may be called from a signal handler."""
        # in a thread of its own: the thread that a signal interrupts may hold the lock of one of these events
        Thread(target=self._ask_all_to_stop, name="pqconsole-stop", daemon=True).start()

    def _ask_all_to_stop(self) -> None:
        self._stopping.set()
        self._awake.set()
        with self._lock:
            runs = [run for run, _ in self._runs.values()]
        for run in runs:
            run.stop()
        if self._in_processes is not None:
            self._in_processes.stop()

    def submit(self, job_id: int) -> None:
        """Claim this job now and run it in a thread of its own. Raises ``StateConflict``, ``JobNotFound``."""
        self._announce()
        self._spawn(claim_job(self._db, self.id, job_id), None)

    def run_job(self, job_id: int, progress: Report | None = None) -> Job:
        """Claim this job, whatever its schedule, and run it in the calling thread; returns it as it ended.

        Raises:
            StateConflict, JobNotFound: it cannot be run.
        """
        self._announce()
        self._run(claim_job(self._db, self.id, job_id), progress)
        return self._jobs.get(job_id)

    def operate(self, job_id: int, purpose: Purpose, progress: Report | None = None) -> Progress:
        """Verify, roll back or finalize an ended job in the calling thread; stopped, the same call goes on later.

        Returns:
            What was done: ``migrated`` counts the values proved, restored or destroyed, ``conflicted`` those that
            are no longer ours, ``failed`` those that do not prove themselves.

        Raises:
            StateConflict, JobNotFound: the job's state does not allow it, or it was stopped on the way.
            OperationFailed: values do not prove themselves, or the work broke off; the message says what to do.
        """
        run = self._claim_operation(job_id, purpose)
        self._add(run, None)
        return self._carry_operation(run, progress)

    def submit_operation(
        self,
        job_id: int,
        purpose: Purpose,
        ended: Callable[[Progress | PQConsoleError], None],
        *,
        begun: bool = False,
    ) -> None:
        """Claim an ended job now and operate on it in a thread of its own, which calls ``ended`` with what came of it.

        Args:
            begun: only go on with what was interrupted.

        Raises:
            StateConflict, JobNotFound: the job's state does not allow it.
        """
        run = self._claim_operation(job_id, purpose, begun=begun)

        def body() -> None:
            try:
                outcome: Progress | PQConsoleError = self._carry_operation(run, None)
            except PQConsoleError as error:
                outcome = error
            except SQLAlchemyError as error:
                outcome = translate(error, self._db.dialect.name, self._db.label)
            except Exception as error:  # whoever waits for it is told in any case
                outcome = OperationFailed(
                    f"An unexpected error ({type(error).__name__}) ended it", "Run the same command again to go on"
                )
            ended(outcome)

        thread = Thread(target=body, name=f"pqconsole-{purpose.value}-{job_id}", daemon=True)
        self._add(run, thread)
        thread.start()

    def stop_job(self, job_id: int) -> bool:
        """Ask what runs here of this job to stop between two batches, resumable; False where nothing does."""
        with self._lock:
            run, _ = self._runs.get(job_id, (None, None))
        if run is None:
            return False
        run.stop()
        return True

    def _claim_operation(self, job_id: int, purpose: Purpose, *, begun: bool = False) -> OperationRun:
        self._announce()
        claim, before = claim_operation(self._db, self.id, job_id, purpose, begun=begun)
        return OperationRun(self._db, self._keys, self._jobs, lambda _job: self._in_threads, self.threads, claim).of(
            purpose, before
        )

    def _carry_operation(self, run: OperationRun, progress: Report | None) -> Progress:
        self._carry(run, progress)
        if self.failure is not None:
            raise self.failure
        if run.failure is not None:
            raise OperationFailed(run.failure.rstrip("."))
        if run.reason is not None:
            raise StateConflict(f"Job {run.job_id} was left before all was done", "Run the same command again to go on")
        return run.counts()

    def drain(self, progress: Report | None = None) -> Drained:
        """Run what is due, one job after the other in the calling thread, until nothing is."""
        self._announce()
        ended: Counter[Status] = Counter()
        while not self._stopping.is_set():
            claim = self._patiently(lambda: claim_due(self._db, self.id))
            if claim is None:
                break
            self._run(claim, progress)
            if self.failure is not None:
                raise self.failure
            job = self._patiently(partial(self._jobs.get, claim.job_id))
            if job is None:
                ended[Status.PENDING] += 1  # stopped while the database was away
                break
            ended[job.status] += 1
            if progress is not None:
                progress(job)
        done, failed = ended[Status.DONE], ended[Status.FAILED]
        return Drained(done, failed, ended.total() - done - failed)

    def _patiently(self, ask: Callable[[], T]) -> T | None:
        """Ask, again while the database is away; None where this worker was stopped meanwhile."""
        attempt = 0
        while not self._stopping.is_set():
            try:
                return ask()
            except (PQConsoleError, SQLAlchemyError) as error:
                if not backoff.passes(error, self._db.dialect.name):
                    raise
                attempt += 1
                self._stopping.wait(backoff.seconds(attempt))
        return None

    def run_forever(self, progress: Report | None = None) -> None:
        """Claim and run what is due until ``stop`` or ``request_stop`` is called; returns when all has ended."""
        self.start(progress)
        self._stopping.wait()
        self.stop()
        if self.failure is not None:
            raise self.failure

    def _supervise(self, progress: Report | None) -> None:
        self._announce()
        while not self._stopping.is_set():
            claim = None
            if self._has_room():
                try:
                    # a job whose lease ran out while this process was stopped is still run here
                    claim = claim_due(self._db, self.id, busy=self.active)
                except (PQConsoleError, SQLAlchemyError) as error:
                    if not backoff.passes(error, self._db.dialect.name):
                        self._give_up(error)
                        return
            if claim is not None:
                self._spawn(claim, progress)
            else:
                self._awake.wait(_POLL_SECONDS)
                self._awake.clear()

    def _has_room(self) -> bool:
        """Whether to take another job; one that a throttle holds takes no thread, and hardly any room."""
        with self._lock:
            held = [run.held for run, _ in self._runs.values()]
        return held.count(False) < self._jobs_at_once and len(held) < self._jobs_at_once + _MOST_HELD

    def _give_up(self, error: PQConsoleError | SQLAlchemyError) -> None:
        """A right is missing, or the tables are not what they were: asking again would not help."""
        if isinstance(error, PQConsoleError):
            self.failure = error
        else:
            self.failure = translate(error, self._db.dialect.name, self._db.label)
        self._ask_all_to_stop()

    def _spawn(self, claim: JobClaim, progress: Report | None) -> None:
        run = self._new_run(claim)
        thread = Thread(target=self._carry, args=(run, progress), name=f"pqconsole-job-{claim.job_id}", daemon=True)
        self._add(run, thread)
        thread.start()

    def _run(self, claim: JobClaim, progress: Report | None) -> None:
        run = self._new_run(claim)
        self._add(run, None)
        self._carry(run, progress)

    def _new_run(self, claim: JobClaim) -> JobRun:
        return JobRun(self._db, self._keys, self._jobs, self._pick, self.threads, claim)

    def _pick(self, job: Job | None) -> Turns:
        """Processes where they pay, threads else. Asked again without a job where the processes have broken."""
        if job is None or self._opening is None or self.threads < 2 or not wants_processes(job):
            return self._in_threads
        with self._lock:
            if self._in_processes is not None and self._in_processes.broken:
                self._in_processes = None  # jobs that still hold it go on in threads by themselves
            if self._in_processes is None and (opening := self._opening()) is not None:
                helping = self._kind != "console"
                self._in_processes = ProcessTurns(self.threads, opening, helping=helping)
            return self._in_processes or self._in_threads

    def _add(self, run: JobRun, thread: Thread | None) -> None:
        with self._lock:
            self._runs[run.job_id] = (run, thread)
        if self._stopping.is_set():
            run.stop()

    def _carry(self, run: JobRun, progress: Report | None) -> None:
        try:
            with suppress(PQConsoleError, SQLAlchemyError):  # the run itself will meet what is wrong, and say so
                self._jobs.note(run.job_id, *run.beginning(self.id))
            run.run(progress)
            if run.gone is not None:
                self._give_up(run.gone)
        finally:
            with self._lock:
                self._runs.pop(run.job_id, None)
            self._awake.set()

    def _announce(self) -> None:
        """Report this worker, and go on doing so until it stops."""
        if self._presence is not None:
            return
        self._presence = Thread(target=self._stay_present, name="pqconsole-presence", daemon=True)
        self._presence.start()

    def _stay_present(self) -> None:
        tidied = -math.inf
        while True:
            with suppress(PQConsoleError, SQLAlchemyError):  # the next report will do
                self._report_presence()
            if time.monotonic() - tidied >= _TIDY_SECONDS:
                tidied = time.monotonic()
                with suppress(PQConsoleError, SQLAlchemyError), self._db.write() as conn:
                    throughput.forget_old(conn)
            if self._stopping.wait(_PRESENCE_SECONDS):
                break
        # where the database is away, it shows as gone after ten seconds all the same
        with suppress(PQConsoleError, SQLAlchemyError), self._db.write() as conn:
            conn.execute(sa.delete(workers).where(workers.c.id == self.id))

    def _report_presence(self) -> None:
        with self._db.write() as conn:
            known = conn.execute(sa.update(workers).where(workers.c.id == self.id).values(heartbeat_at=now())).rowcount
            if known:
                return
            conn.execute(sa.delete(workers).where(workers.c.heartbeat_at < now_plus(-_FORGET_SECONDS)))
            conn.execute(
                workers.insert().values(
                    id=self.id,
                    host=socket.gethostname()[:255],
                    pid=os.getpid(),
                    kind=self._kind,
                    threads=self.threads,
                    started_at=now(),
                    heartbeat_at=now(),
                )
            )


__all__ = ["Drained", "Worker", "default_threads"]
