"""Where turns run: threads of this process, or processes for cryptography that holds the interpreter lock.

HPKE and ML-KEM hold the lock in ``cryptography`` (two threads were no faster than one); around a digest there is more
Python than cryptography, and two processes brought 1.8 times what two threads did. Signatures release it, and two
processes were still a tenth faster, at 87 % of the machine's limit. Argon2id releases it, and threads do as well. The
process that coordinates takes a share itself, in one thread.

A task that goes to a process carries ids and no secret: each process opens the database and the keyring itself, with
what it was given once, through its pipe, when it was started.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from pqcore.actor import current
from pqcore.database.connect import Database
from pqcore.engine.context import JobContext
from pqcore.engine.prepare import prepare
from pqcore.engine.ranges import Ended
from pqcore.engine.throttles.live import LiveLimits
from pqcore.engine.turns import run_next_range
from pqcore.errors import PQConsoleError
from pqcore.garbage import collect_seldom
from pqcore.jobs.limits import JobLimits, effective
from pqcore.jobs.model import Job, Purpose, Status
from pqcore.jobs.repository import JobRepository
from pqcore.keys.provider import KeyProvider
from pqcore.migrations.base import Scope

# below so many rows the start of processes (about a second) costs more than they bring
PROCESS_ROWS = 10_000
DIGEST_PROCESS_ROWS = 100_000
_WATCH_SECONDS = 0.1
_FOLLOW_SECONDS = 0.25  # between two looks at the job's row
_MOST_HALTED = 64  # jobs of one worker that end at the same moment


class Turns(Protocol):
    """Runs turns of jobs, some at once."""

    def submit(self, context: JobContext, owner: str, purpose: Purpose) -> Future[Ended]:
        """Have a free range of this job claimed under ``owner`` and run."""
        ...

    def stop(self) -> None:
        """Have turns of other processes stop between batches; those of threads stop with their job."""
        ...

    def halted(self, job_id: int) -> AbstractContextManager[None]:
        """In here turns of this one job stop between batches, and none of those that wait begins."""
        ...

    def shutdown(self, wait: bool) -> None:
        """End; turns that have not begun are dropped."""
        ...


class ThreadTurns:
    """Turns in threads of this process."""

    def __init__(self, threads: int) -> None:
        self._executor: Executor = ThreadPoolExecutor(threads, thread_name_prefix="pqconsole-batch")

    def submit(self, context: JobContext, owner: str, purpose: Purpose) -> Future[Ended]:
        return self._executor.submit(run_next_range, context, owner, purpose)

    def stop(self) -> None:
        return

    def halted(self, job_id: int) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()  # its context says so

    def shutdown(self, wait: bool) -> None:
        self._executor.shutdown(wait=wait, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Halts:
    """What processes have to leave alone: everything, or the jobs in these places (0 is none).

    Shared memory without a lock: a process that is killed would keep it, and all others wait for it.
    """

    everything: Any
    jobs: Any

    def hold(self, job_id: int) -> bool:
        """Whether no turn of this job may go on."""
        return bool(self.everything.value) or job_id in self.jobs[:]


@dataclass(frozen=True, slots=True)
class Opening:
    """How a process opens what it works on; every callable has to be picklable and is called in that process."""

    database: Callable[[], Database]
    keys: Callable[[], KeyProvider]


class ProcessTurns:
    """Turns in processes that are started with the first turn and end with this one.

    Args:
        turns: how many run at once.
        helping: whether this process runs one of them, in a thread: it begins while the others start, and saves the
            memory of one. A console does not: its interpreter is there for the keys.

    Attributes:
        broken: a process died, and the others with it: no turn of a process runs here any more.
    """

    def __init__(self, turns: int, opening: Opening, *, helping: bool) -> None:
        # spawn: a fork of a process with threads inherits locks that nobody releases
        spawn = multiprocessing.get_context("spawn")
        self._halts = _Halts(spawn.Value("b", 0, lock=False), spawn.Array("q", _MOST_HALTED, lock=False))
        self._halts_guard = Lock()
        self._shutting_down = Lock()
        self.broken = False
        self._here = ThreadTurns(1) if helping else None
        self._here_turn: Future[Ended] | None = None
        with _signals_kept_off():
            self._executor: Executor = ProcessPoolExecutor(
                turns - 1 if helping else turns,
                mp_context=spawn,
                initializer=_open,
                initargs=(opening, self._halts, os.getpid()),
            )

    def submit(self, context: JobContext, owner: str, purpose: Purpose) -> Future[Ended]:
        if self._here is not None and (self._here_turn is None or self._here_turn.done()):
            self._here_turn = self._here.submit(context, owner, purpose)
            return self._here_turn
        try:
            with _signals_kept_off():
                turn = self._executor.submit(_turn, context.job_id, owner, purpose)
        except BrokenExecutor as error:  # told like what breaks while it runs
            turn = Future()
            turn.set_exception(error)
        turn.add_done_callback(self._look)
        return turn

    def _look(self, turn: Future[Ended]) -> None:
        if not turn.cancelled() and isinstance(turn.exception(), BrokenExecutor):
            self.broken = True

    def stop(self) -> None:
        self._halts.everything.value = 1

    @contextmanager
    def halted(self, job_id: int) -> Iterator[None]:
        jobs = self._halts.jobs
        with self._halts_guard:
            place = next((place for place, other in enumerate(jobs) if not other), None)
            if place is not None:
                jobs[place] = job_id
        try:
            yield
        finally:
            if place is not None:
                jobs[place] = 0

    def shutdown(self, wait: bool) -> None:
        self.stop()
        with self._shutting_down:  # an executor that two threads end at once closes its pipes twice
            self._executor.shutdown(wait=wait, cancel_futures=True)
        if self._here is not None:
            self._here.shutdown(wait)


def wants_processes(job: Job) -> bool:
    """Whether a job's turns belong into processes: its work holds the lock, and it has rows enough left."""
    left = (job.progress.total or 0) - job.progress.seen
    match job.scope:
        case Scope.WRAPPERS | Scope.SIGNATURES:
            return left >= PROCESS_ROWS
        case Scope.HASHES if not _is_of_passwords(job):
            # digests are computed in no time: what takes the time around them is Python
            return left >= DIGEST_PROCESS_ROWS
    return False


def _is_of_passwords(job: Job) -> bool:
    options = (job.selection or {}).get("options")
    return isinstance(options, dict) and options.get("mode") == "password"


class _Member:
    """What a process of the pool holds."""

    def __init__(self, opening: Opening, halts: _Halts, parent: int) -> None:
        self._db = opening.database()
        self._keys = opening.keys()
        self._jobs = JobRepository(self._db, current())
        self._halts = halts
        self._parent = parent
        self._contexts: dict[int, JobContext] = {}
        self._lock = Lock()
        Thread(target=self._watch, name="pqconsole-watch", daemon=True).start()

    def turn(self, job_id: int, owner: str, purpose: Purpose) -> Ended:
        if self._halts.hold(job_id):
            return Ended.STOPPED
        context = self._contexts.get(job_id)
        if context is None or context.stop.is_set():
            job = self._jobs.get(job_id)
            context = prepare(self._db, self._keys, job, Event(), LiveLimits(_batch_limits(job)))
            with self._lock:
                self._contexts[job_id] = context
            if self._halts.hold(job_id):
                context.stop.set()  # meanwhile, and the watch may have looked for the last time
        return run_next_range(context, owner, purpose)

    def _watch(self) -> None:
        """Stop between batches when the pool ends, its process is gone, or the job is asked to stop."""
        followed = time.monotonic()
        while not self._halts.everything.value:
            time.sleep(_WATCH_SECONDS)
            if os.getppid() != self._parent:
                os._exit(1)  # leases run out by themselves; nothing may go on unobserved
            due = time.monotonic() - followed >= _FOLLOW_SECONDS
            if due:
                followed = time.monotonic()
            with self._lock:
                contexts = list(self._contexts.values())
            for context in contexts:
                if context.stop.is_set():
                    continue
                if self._halts.hold(context.job_id):
                    context.stop.set()
                elif due:
                    self._follow(context)
        with self._lock:
            for context in self._contexts.values():
                context.stop.set()

    def _follow(self, context: JobContext) -> None:
        """Stop between batches where the coordinating process has to decide how to go on; else take new limits."""
        try:
            job = self._jobs.get(context.job_id)
            limits = effective(job.selection, job.limits)
        except (PQConsoleError, SQLAlchemyError):
            return  # away for now, or a lock is in the way: the batch itself waits
        asked = job.status is not Status.RUNNING or job.request is not None
        if asked or job.throttle_reason is not None or limits.throttle.rows_per_second is not None:
            context.stop.set()
        else:
            context.live.tune(JobLimits(limits.batch))


def _batch_limits(job: Job) -> JobLimits:
    """The bounds of its batches; what holds the job back is kept by the process that coordinates it."""
    return JobLimits(effective(job.selection, job.limits).batch)


# for the terminal's whole group; the process that coordinates hears them, and ends the others
_OF_THE_GROUP = (signal.SIGINT, signal.SIGHUP)


@contextmanager
def _signals_kept_off() -> Iterator[None]:
    """Processes that are started in here (members, and multiprocessing's own) do not hear the terminal's signals.

    One that comes while a member still loads its modules would be told there with a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_GROUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_member: _Member | None = None


def _open(opening: Opening, halts: _Halts, parent: int) -> None:
    global _member
    for number in _OF_THE_GROUP:
        signal.signal(number, signal.SIG_IGN)
    # whoever started this process may have blocked them in the thread that did
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_OF_THE_GROUP, signal.SIGTERM))
    collect_seldom()
    _member = _Member(opening, halts, parent)


def _turn(job_id: int, owner: str, purpose: Purpose) -> Ended:
    if _member is None:
        raise RuntimeError("the process was not opened")
    return _member.turn(job_id, owner, purpose)
