"""Coordinating one claimed job: plan ranges, keep threads busy with them, sweep, and end in the right state."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from threading import Event, Lock, Thread
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pqcore.database.connect import Database
from pqcore.database.errors import translate
from pqcore.engine import backoff
from pqcore.engine.context import JobContext
from pqcore.engine.executors import Turns
from pqcore.engine.plan import PlanState, Rest, begin_sweep, found_in_pass, plan_ranges, plan_state
from pqcore.engine.prepare import prepare
from pqcore.engine.ranges import Ended
from pqcore.engine.throttles.keeper import Keeper
from pqcore.engine.unless import unless
from pqcore.errors import DatabaseGone, DatabaseUnavailable, JobNotFound, PQConsoleError
from pqcore.jobs.claims import Heartbeat, JobClaim, LeaseLost, beat, release
from pqcore.jobs.leases import heartbeat_seconds
from pqcore.jobs.model import Job, Phase, Progress, Purpose, Request, Status
from pqcore.jobs.query import progress_now
from pqcore.jobs.range_claims import abandon_ranges
from pqcore.jobs.repository import JobRepository
from pqcore.keys.provider import KeyProvider
from pqcore.selection.document import DEFAULT_MAX_FAILURES

_log = logging.getLogger(__name__)

T = TypeVar("T")

# where a job's turns run; asked without a job, where they run in any case
PickTurns = Callable[[Job | None], Turns]

# sweeps after which a job gives up on an application that keeps writing the old form
MAX_SWEEPS = 25
_TICK_SECONDS = 0.1
_ARRANGE_SECONDS = 0.5  # between two looks at the plan while no turn ends: ranges of others may have become free
_PROGRESS_SECONDS = 0.5
_END_SECONDS = 1.0  # that turns get for ending; leases are to be given back within two


class Why(StrEnum):
    """Why a run ended before its work did."""

    PAUSED = "paused"  # an operator asked for a pause
    CANCELLED = "cancelled"  # an operator asked to cancel
    STOPPED = "stopped"  # this worker is stopping
    FAILED = "failed"  # an error, or too many dead letters
    TAKEN = "taken"  # another worker holds the job, or another program moved it


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends: the job's next status (None: not ours to set), its ``error``, and the event to log."""

    status: Status | None
    error: str | None
    event: str


def too_many(progress: Progress, max_failures: int | float | None) -> bool:
    """Whether dead letters pass the threshold: a count (int), a share of the rows (float), or the default count."""
    limit = DEFAULT_MAX_FAILURES if max_failures is None else max_failures
    if isinstance(limit, float):
        return progress.failed > limit * max(progress.total or 0, 1)
    return progress.failed > limit


def ending(job_id: int, why: Why | None, error: str | None, progress: Progress) -> Ending:
    """What becomes of a job whose threads have stopped. ``why`` is None where all work is done."""
    look = f"Look at them with: pqconsole jobs show {job_id} --dead-letters"
    match why:
        case Why.TAKEN:
            return Ending(None, None, "")
        case Why.PAUSED:
            return Ending(Status.PENDING, None, "Paused between batches")
        case Why.STOPPED:
            return Ending(Status.PENDING, None, "Stopped between batches, ready to be resumed")
        case Why.CANCELLED:
            return Ending(Status.CANCELLED, None, "Cancelled between batches")
        case Why.FAILED:
            return Ending(Status.FAILED, error, error or "Failed")
    failed = progress.failed
    words = (
        "1 row could not be migrated and is a dead letter"
        if failed == 1
        else (f"{failed} rows could not be migrated and are dead letters")
    )
    letters = f"{words}. {look}." if failed else None
    return Ending(Status.DONE, letters, f"Done: {progress.migrated} migrated, {progress.skipped} skipped")


class JobRun:
    """One claimed job. ``run`` coordinates it in the calling thread; ``pick`` says where its batches run.

    ``gone`` says afterwards that the database's file is not there any more.
    """

    def __init__(
        self, db: Database, keys: KeyProvider, jobs: JobRepository, pick: PickTurns, threads: int, claim: JobClaim
    ) -> None:
        self._db = db
        self._keys = keys
        self._jobs = jobs
        self._pick = pick
        self._threads = threads
        self._claim = claim
        self._stop = Event()
        self._renewing = Lock()
        self._why: Why | None = None
        self._error: str | None = None
        self._max_failures: int | float | None = None
        self._purpose = Purpose.MIGRATE
        self._turns = pick(None)
        self._stumbles = 0
        self._orphans = False
        self._rest: Rest | None = None
        self._keeper = Keeper(db, jobs, claim.job_id)
        self.job_id = claim.job_id
        self.gone: DatabaseGone | None = None

    @property
    def held(self) -> bool:
        """Whether a throttle lets none of its batches begin now, so that its threads are free for others."""
        return self._keeper.live.held

    def beginning(self, worker: str) -> tuple[str, str]:
        """Kind and message of the event that says that ``worker`` begins, or goes on."""
        return "started", f"Started by {worker}"

    def stop(self) -> None:
        """Ask the run to stop between batches and to leave the job resumable."""
        self._end(Why.STOPPED)

    def run(self, progress: Callable[[Job], None] | None = None) -> None:
        """Run the job until it ends, fails, or is stopped. Never raises for what belongs to the job.

        Args:
            progress: called in this thread with the job as it stands, about twice a second.
        """
        over = Event()
        pulse = Thread(target=self._beat_until, args=(over,), name=f"job-{self.job_id}-heartbeat", daemon=True)
        pulse.start()
        try:
            self._work(progress)
        except LeaseLost:
            self._end(Why.TAKEN)
        except Exception as error:  # whatever it is, the job must not stay running
            self._fail(error)
        finally:
            over.set()
            pulse.join()
        self._finish()

    def _work(self, progress: Callable[[Job], None] | None) -> None:
        self._patiently(lambda: self._keeper.begin(self._jobs.get(self.job_id)))
        context: JobContext | None = None
        turns: set[Future[Ended]] = set()
        shown = _PROGRESS_SECONDS
        arranged = 0.0
        try:
            while not self._stop.is_set():
                delay = self._keeper.live.delay()
                if delay > 0:
                    self._sit_out(delay, turns)
                elif context is None:
                    # not before a throttle lets it: the first start counts the rows
                    # in a thread of its own: a count of many rows cannot be interrupted
                    context = self._patiently(partial(unless, self._stop, self._prepare))
                    continue
                elif time.monotonic() >= arranged:
                    if self._patiently(partial(self._arrange, context, turns)):
                        break
                    arranged = time.monotonic() + _ARRANGE_SECONDS
                finished, turns = wait(turns, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
                if finished or not turns:
                    arranged = 0.0
                self._collect(finished)
                shown += _TICK_SECONDS
                if progress is not None and shown >= _PROGRESS_SECONDS:
                    self._show(progress)
                    shown = 0.0
        finally:
            self._stop.set()
            # what has not begun must not wait for the turns of another job
            begun = {turn for turn in turns if not turn.cancel()}
            with self._turns.halted(self.job_id):
                # one whose statement takes longer (a search without an index) is fenced by the end of its lease
                self._collect(wait(begun, timeout=_END_SECONDS).done)

    def _sit_out(self, delay: float, turns: set[Future[Ended]]) -> None:
        """Wait for a throttle, but not for long: it may be tuned, and turns under way may end."""
        if not turns:
            with self._keeper.live.stopwatch.waiting():
                self._stop.wait(min(delay, _TICK_SECONDS))

    def _show(self, progress: Callable[[Job], None]) -> None:
        """Progress is for show: where it cannot be had now, it is left out."""
        try:
            job = self._snapshot()
        except (DatabaseUnavailable, DBAPIError) as error:
            if not backoff.passes(error, self._db.dialect.name):
                raise
        else:
            progress(job)

    def _snapshot(self) -> Job:
        """The job as it stands, to show."""
        return self._jobs.get(self.job_id)

    def _prepare(self) -> JobContext:
        job = self._jobs.get(self.job_id)
        self._purpose = Purpose.REQUEUE if job.phase is Phase.REQUEUEING else Purpose.MIGRATE
        context = self._prepared(job)
        self._max_failures = context.selection.max_failures
        job = self._jobs.get(self.job_id)
        self._turns = self._pick(job)
        if context.where is None:
            # with a condition nobody knows how many rows stand between those that are selected
            self._rest = Rest(job.progress.total or 0, job.progress.seen, self._threads)
        return replace(context, on_failures=self._check_failures)

    def _prepared(self, job: Job) -> JobContext:
        return prepare(self._db, self._keys, job, self._stop, self._keeper.live, self._claim)

    def _arrange(self, context: JobContext, turns: set[Future[Ended]]) -> bool:
        """Plan ahead and fill the threads; True when the job's work is done."""
        if self._orphans:
            # a turn was cut off while it claimed: a range may be leased to us that nobody runs
            abandon_ranges(self._db, self._claim)
            self._orphans = False
        with self._db.read() as conn:
            state = plan_state(conn, self.job_id, self._purpose)
        unclaimed = state.unclaimed
        walks_table = self._purpose in (Purpose.MIGRATE, Purpose.VERIFY)
        while walks_table and unclaimed <= self._threads and not self._stop.is_set():
            sizes = plan_ranges(context, self._claim, self._purpose, at_most=self._threads + 1, rest=self._rest)
            if not sizes:
                break
            unclaimed += len(sizes)
            self._rest = self._rest.without(sum(sizes)) if self._rest else None
        # rows a second are counted in this process, so that one count holds for all turns
        where = self._pick(None) if self._keeper.live.counts_rows else self._turns
        # one more than there are threads, so that none of them waits for this one to come round
        while unclaimed > 0 and len(turns) <= self._threads:
            turns.add(where.submit(context, self._claim.owner, self._purpose))
            unclaimed -= 1
        if turns or unclaimed or state.open or (walks_table and not state.done):
            if not turns:
                # leased, but run by no turn of ours: another worker's, or a server that failed has lost their end
                self._orphans = True
                self._stop.wait(_TICK_SECONDS)
            return False
        return self._follow_up(context, state)

    def _follow_up(self, context: JobContext, state: PlanState, /) -> bool:
        """What comes after the last range: a sweep, until one finds nothing; True where nothing does."""
        if self._purpose is Purpose.REQUEUE:
            self._purpose = Purpose.MIGRATE
            with self._db.read() as conn:
                rest = plan_state(conn, self.job_id, self._purpose)
            if rest.open or not rest.done:
                self._fail_with("The dead letters were tried again, the rest of the job is unfinished. Retry the job.")
                return False
        elif state.pass_no > 1:
            with self._db.read() as conn:
                found = found_in_pass(conn, self.job_id, state.pass_no)
            if not found:
                return self._still_stands()
        if state.pass_no > MAX_SWEEPS:
            self._fail_with("The application keeps writing the old form. Deploy its new writer, then retry the job.")
            return False
        if state.pass_no > 1:
            # the application is still writing: give it time, and do not walk the table over and over
            self._stop.wait(backoff.seconds(state.pass_no))
        begin_sweep(context, self._claim, state.pass_no + 1)
        return False

    def _still_stands(self) -> bool:
        """Whether all ranges have ended once everything is on the disk.

        A server that fails may lose the last batches, each whole: then their ranges are open again.
        """
        self._renew()  # a durable write brings all before it to the disk
        with self._db.read() as conn:
            return not plan_state(conn, self.job_id, self._purpose).open

    def _collect(self, finished: set[Future[Ended]]) -> None:
        for turn in finished:
            error = None if turn.cancelled() else turn.exception()
            if isinstance(error, BrokenExecutor):
                # a process died (out of memory, killed): go on with threads, from the checkpoints
                self._orphans = True
                self._turns = self._pick(None)
            elif isinstance(error, Exception) and backoff.passes(error, self._db.dialect.name):
                self._orphans = True
                self._stumbles += 1
                self._stop.wait(backoff.seconds(self._stumbles))
            elif isinstance(error, Exception):
                self._fail(error)
            else:
                self._stumbles = 0

    def _patiently(self, action: Callable[[], T]) -> T | None:
        """Do it, waiting while the database is away; None where the run was stopped meanwhile."""
        attempt = 0
        while not self._stop.is_set():
            try:
                return action()
            except (DatabaseUnavailable, DBAPIError) as error:
                if not backoff.passes(error, self._db.dialect.name):
                    raise
                attempt += 1
                self._stop.wait(backoff.seconds(attempt))
        return None

    def _beat_until(self, over: Event) -> None:
        """Renew the lease, roll counters up and obey requests, once a second."""
        while not over.is_set():
            try:
                self._obey()
                if self._keeper.news:
                    self._renew()  # processes learn of a hold from the database: it goes there at once
            except LeaseLost:
                self._end(Why.TAKEN)
                return
            except (SQLAlchemyError, PQConsoleError) as error:
                # while the database is away the lease may run out; the next beat will tell
                if not backoff.passes(error, self._db.dialect.name):
                    self._fail(error)
            except Exception as error:  # without a heartbeat the job must not go on
                self._fail(error)
            over.wait(heartbeat_seconds())

    def _renew(self) -> Heartbeat:
        # one at a time: what it rolls up is what came since the last one
        with self._renewing:
            throttled = self._keeper.throttled()
            seen = beat(self._db, self._claim, throttled)
            self._keeper.reported(throttled)
            return seen

    def _obey(self) -> None:
        seen = self._renew()
        if seen.status is not Status.RUNNING:
            self._end(Why.TAKEN)
        elif seen.request is Request.CANCEL:
            self._end(Why.CANCELLED)
        elif seen.request is Request.PAUSE:
            self._end(Why.PAUSED)
        else:
            self._check_failures()
            self._keeper.follow(seen.limits)

    def _check_failures(self) -> None:
        """Stop where dead letters pass the threshold; also called by a batch that has just made some."""
        if too_many(self._progress(), self._max_failures):
            self._fail_too_many()

    def _progress(self) -> Progress:
        with self._db.read() as conn:
            return progress_now(conn, self.job_id)

    def _end(self, why: Why) -> None:
        """The first reason counts; only the loss of the job overrides it."""
        if self._why is None or why is Why.TAKEN:
            self._why = why
        self._stop.set()

    def _fail_with(self, sentence: str) -> None:
        if self._why is None:
            self._error = sentence
        self._end(Why.FAILED)

    def _fail_too_many(self) -> None:
        self._fail_with(
            "Too many rows could not be migrated. Look at them with: pqconsole jobs show "
            f"{self.job_id} --dead-letters, mend them, then retry the job; or create one with a higher max_failures."
        )

    def _fail(self, error: Exception) -> None:
        match error:
            case LeaseLost() | JobNotFound():
                self._end(Why.TAKEN)
            case PQConsoleError():
                self._fail_with(str(error))
            case SQLAlchemyError():
                self._fail_with(str(translate(error, self._db.dialect.name, self._db.label)))
            case _:
                # frames only: the words of an unexpected error may hold a value
                _log.error("job %d: %s\n%s", self.job_id, type(error).__name__, "".join(_frames(error)))
                self._fail_with(
                    f"An unexpected error ({type(error).__name__}) stopped the job. Run pqconsole doctor, then retry."
                )

    def _finish(self) -> None:
        """Put the job where it belongs, however long the database is away; the lease may be lost by then."""
        if self._why is Why.TAKEN:
            return
        attempt = 0
        while True:
            try:
                self._record_end()
                return
            except JobNotFound:
                return
            except DatabaseGone as error:
                self.gone = error
                return
            except (PQConsoleError, SQLAlchemyError) as error:
                attempt += 1
                if not backoff.passes(error, self._db.dialect.name) or (self._why is not None and attempt > 5):
                    return  # the lease runs out by itself, and another worker takes over
                Event().wait(backoff.seconds(attempt))

    def _record_end(self) -> None:
        progress = self._progress()
        if self._why is None and too_many(progress, self._max_failures):
            self._fail_too_many()
        end = ending(self.job_id, self._why, self._error, progress)
        if end.status is None:
            return
        if release(self._db, self._claim, end.status, error=end.error, throttled=self._keeper.throttled()):
            self._jobs.note(self.job_id, self._why.value if self._why else "done", end.event)


def _frames(error: Exception) -> list[str]:
    return traceback.format_tb(error.__traceback__)
