"""Work in this console: workers of pqcore with threads of their own, never Textual's.

One worker runs the jobs that an operator starts by hand; a second one, made when it is asked for, claims whatever is
due. Every method that touches the database blocks: call it from a background thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from threading import Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING

from pqcore.errors import PQConsoleError, StateConflict
from pqcore.jobs.model import Progress, Purpose
from pqcore.workspace import Workspace

if TYPE_CHECKING:
    from pqcore.engine.worker import Worker
    from pqtui.hand_over import HandedOver

# A batch that is under way ends, or is abandoned, within two seconds; on a host with no time to spare it takes longer.
_STOP_SECONDS = 60.0
# Threads that compute hold the interpreter for this long at most while a key waits to be handled.
_SWITCH_SECONDS = 0.001


class LocalWork:
    """The workers of one console."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = Lock()
        self._by_hand: Worker | None = None
        self._claiming: Worker | None = None
        self._stopped = False
        # operations that are, or were last, stopped for another process to go on with
        self._handing_over: set[int] = set()

    @property
    def active(self) -> frozenset[int]:
        """Ids of the jobs that run here now."""
        return frozenset(job for worker in self._workers() for job in worker.active)

    @property
    def operations(self) -> dict[int, Purpose]:
        """What is done here now, by id, with jobs that have ended."""
        return {job: purpose for worker in self._workers() for job, purpose in worker.operations.items()}

    @property
    def claiming(self) -> bool:
        """Whether whatever is due is claimed."""
        return _works(self._claiming)

    def run(self, job_id: int) -> None:
        """Claim this job and run it here, whatever its schedule. Raises ``StateConflict``, ``JobNotFound``."""
        worker = self._worker_by_hand()
        if worker is not None:
            worker.submit(job_id)

    def operate(self, job_id: int, purpose: Purpose, ended: Callable[[Progress | PQConsoleError], None]) -> None:
        """Verify, roll back or finalize an ended job here; ``ended`` is called in a thread of the worker.

        Not where it was stopped to be handed over: then it has not ended.

        Raises:
            KeyStoreError: the keyring cannot be opened.
            StateConflict, JobNotFound: the job's state does not allow it.
        """
        # before the job is claimed: nobody else shall wait for a human
        self._workspace.unlock()
        self._handing_over.discard(job_id)

        def told(outcome: Progress | PQConsoleError) -> None:
            if not (isinstance(outcome, StateConflict) and job_id in self._handing_over):
                ended(outcome)

        worker = self._worker_by_hand()
        if worker is not None:
            worker.submit_operation(job_id, purpose, told)

    def stop_job(self, job_id: int) -> None:
        """Ask what runs here of this job to stop between two batches, resumable. Raises ``StateConflict``."""
        if not any(worker.stop_job(job_id) for worker in self._workers()):
            raise StateConflict(f"Nothing of job {job_id} runs in this console", "It may have ended meanwhile")

    def claim(self, wanted: bool) -> None:
        """Begin to claim what is due; or stop that, leaving what was claimed resumable."""
        with self._lock:
            worker = self._claiming
            if self._stopped or wanted == _works(worker):
                return
            self._claiming = self._new() if wanted else None
            started = self._claiming
        if started is not None:
            started.start()
        elif worker is not None:
            worker.stop()

    def hand_over(self, ids: Collection[int]) -> HandedOver:
        """Let a process of its own go on with what runs here of these jobs; what else is claimed here as due is left to
        any worker.

        Raises:
            OperationFailed, KeyStoreError: no process could be started (the jobs go on here), or it did not take them
                (they can be resumed).
        """
        from pqtui.hand_over import successor

        operations = {job_id: purpose for job_id, purpose in self.operations.items() if job_id in ids}
        with successor(self._workspace) as other:
            self.claim(False)  # it would claim again what is stopped
            self._handing_over |= operations.keys()
            for job_id in ids:
                with suppress(StateConflict):  # ended meanwhile
                    self.stop_job(job_id)
            end = monotonic() + _STOP_SECONDS
            while self.active & set(ids) and monotonic() < end:
                sleep(0.02)
            return other.take(sorted(set(ids) - operations.keys()), operations)

    def stop(self, timeout: float | None = None) -> None:
        """Stop between batches, checkpoint and release the leases; at most ``timeout`` seconds for each worker."""
        with self._lock:
            self._stopped = True
        workers = self._workers()
        for worker in workers:
            worker.request_stop()
        for worker in workers:
            worker.stop(timeout)

    def _worker_by_hand(self) -> Worker | None:
        with self._lock:
            if self._stopped:
                return None
            if not _works(self._by_hand):
                self._by_hand = self._new()
            return self._by_hand

    def _workers(self) -> list[Worker]:
        return [w for w in (self._by_hand, self._claiming) if w is not None]

    def _new(self) -> Worker:
        sys.setswitchinterval(_SWITCH_SECONDS)
        return self._workspace.worker(kind="console")


def _works(worker: Worker | None) -> bool:
    """Whether there is a worker, and it has not given up."""
    return worker is not None and worker.failure is None
