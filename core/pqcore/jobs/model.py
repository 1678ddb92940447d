"""A job: its states, the transitions that are allowed, and what is known of its progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pqcore.migrations.base import Scope


class Status(StrEnum):
    """The five states of the ``status`` column."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @classmethod
    def _missing_(cls, value: object) -> Status:
        """A word that another program wrote: it can be shown, and nothing can be done with such a job."""
        member = str.__new__(cls, str(value))
        member._name_, member._value_ = "UNKNOWN", str(value)
        return member


# Paused is no state of its own: it is pending with a pause request beside it.
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    # a worker claims it; an operator cancels it; a worker finds that it cannot start
    Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED, Status.FAILED}),
    # it ends; it fails; an operator cancels it; a pause or a stopping worker puts it back
    Status.RUNNING: frozenset({Status.DONE, Status.FAILED, Status.CANCELLED, Status.PENDING}),
    # an operator lets its dead letters be tried again
    Status.DONE: frozenset({Status.PENDING}),
    # an operator retries it
    Status.FAILED: frozenset({Status.PENDING}),
    # an operator retries it
    Status.CANCELLED: frozenset({Status.PENDING}),
}


def can_move(before: Status, after: Status) -> bool:
    """Whether a job may go from ``before`` to ``after``."""
    return after in TRANSITIONS[before]


class Request(StrEnum):
    """What an operator has asked of a job, kept in ``pq_migration_control``."""

    PAUSE = "pause"
    CANCEL = "cancel"


class Phase(StrEnum):
    """Where a started job stands, kept in ``pq_migration_runs``."""

    MIGRATING = "migrating"  # the ranges of the selection as it was found
    SWEEPING = "sweeping"  # rows that arrived in the old form meanwhile
    REQUEUEING = "requeueing"  # dead letters get another try, alone
    ENDED = "ended"  # nothing of the selection is left in the old form
    VERIFYING = "verifying"
    VERIFIED = "verified"  # every migrated value was read again and proved
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    FINALIZING = "finalizing"
    FINALIZED = "finalized"  # the originals are destroyed


class Purpose(StrEnum):
    """What a key range is for, kept in ``pq_migration_ranges``."""

    MIGRATE = "migrate"  # rows of the table, by their key
    REQUEUE = "requeue"  # dead letters, by the digest of their key
    VERIFY = "verify"  # rows of the table in the new form, by their key
    ROLLBACK = "rollback"  # kept originals, by the digest of their key
    FINALIZE = "finalize"  # the same


# what may be done with a job that has ended, from which states, and the phase that says it is under way
OPERATIONS: Mapping[Purpose, tuple[frozenset[Status], Phase]] = {
    Purpose.VERIFY: (frozenset({Status.DONE, Status.FAILED, Status.CANCELLED}), Phase.VERIFYING),
    Purpose.ROLLBACK: (frozenset({Status.DONE, Status.FAILED, Status.CANCELLED}), Phase.ROLLING_BACK),
    Purpose.FINALIZE: (frozenset({Status.DONE}), Phase.FINALIZING),
}

# the phase while an operation on an ended job is under way, or was interrupted
OPERATING: Mapping[Phase, Purpose] = {
    Phase.VERIFYING: Purpose.VERIFY,
    Phase.ROLLING_BACK: Purpose.ROLLBACK,
    Phase.FINALIZING: Purpose.FINALIZE,
}

# what counts as the job's own progress
PROGRESS: tuple[Purpose, ...] = (Purpose.MIGRATE, Purpose.REQUEUE)


@dataclass(frozen=True, slots=True)
class Progress:
    """Counters of a job, in rows. ``total`` is None until the job was first started and counted."""

    total: int | None = None
    migrated: int = 0
    skipped: int = 0
    conflicted: int = 0
    failed: int = 0

    @property
    def seen(self) -> int:
        """Rows that need nothing more: migrated, skipped or set aside as dead letters."""
        return self.migrated + self.skipped + self.failed

    @property
    def ratio(self) -> float | None:
        """Share done, from 0 to 1; None where the total is not known."""
        if self.total is None:
            return None
        return 1.0 if self.total <= 0 else min(1.0, self.seen / self.total)


@dataclass(frozen=True, slots=True)
class Job:
    """A row of ``vw_pq_migration_jobs`` with what the companion tables add to it.

    Times are UTC and aware. ``target`` is a label such as ``ML-KEM-768+X25519`` or ``policy hybrid-first``.
    ``held_by`` is the worker that holds the job's lease now, None where no live worker does.
    ``lease_expired`` is True for a running job whose worker is gone.
    ``throttled_seconds`` is how long throttles have held the job back so far, and ``throttle_reason`` a few words for
    what does so now, such as ``outside 22:00-06:00``; None where nothing does.
    ``keeps_originals`` is True while old values are kept for rollback.
    ``limits`` is what ``jobs tune`` changed, in the form of ``pqcore.jobs.limits``; None where it changed nothing.
    """

    id: int
    scope: Scope
    status: Status
    selection: Mapping[str, Any] | None
    target_policy_id: int | None = None
    target_algo_id: int | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    processed_count: int = 0
    error: str | None = None
    created_by: int | None = None
    created_at: datetime | None = None
    is_done: bool = False
    is_running: bool = False
    target: str = ""
    request: Request | None = None
    phase: Phase | None = None
    held_by: str | None = None
    lease_expired: bool = False
    progress: Progress = field(default_factory=Progress)
    throttled_seconds: float = 0.0
    throttle_reason: str | None = None
    limits: Mapping[str, Any] | None = None
    keeps_originals: bool = False

    @property
    def operation(self) -> Purpose | None:
        """The operation on this ended job that is under way (``held_by`` says by whom) or was interrupted."""
        return OPERATING.get(self.phase) if self.phase is not None else None

    @property
    def paused(self) -> bool:
        """Pending, and not to be claimed until it is resumed."""
        return self.status is Status.PENDING and self.request is Request.PAUSE

    @property
    def state(self) -> str:
        """The word to show: the status, or ``paused`` / ``pausing`` / ``cancelling``."""
        if self.paused:
            return "paused"
        if self.status is Status.RUNNING and self.request is not None:
            return "pausing" if self.request is Request.PAUSE else "cancelling"
        return self.status.value

    @property
    def table(self) -> str:
        """The table that the selection names, or an empty string."""
        name = (self.selection or {}).get("table")
        return name if isinstance(name, str) else ""

    @property
    def field(self) -> str:
        """The column that the selection names, or an empty string."""
        name = (self.selection or {}).get("field")
        return name if isinstance(name, str) else ""


@dataclass(frozen=True, slots=True)
class StatusTotal:
    """A row of ``vw_pq_migration_jobs_metrics``."""

    status: Status
    jobs: int
    processed_total: int


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of the append-only log: who did what, when, from where."""

    id: int
    job_id: int | None
    at: datetime
    kind: str
    message: str
    actor: str
    host: str
    ssh_client: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A row that could not be migrated, with its reason code and one sentence."""

    job_id: int
    row_key: str
    reason: str
    message: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RangeInfo:
    """A key range of a job: bounds and cursor as shown text, holder and counters."""

    seq: int
    state: str
    lower: str | None
    upper: str | None
    cursor: str | None
    lease_owner: str | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker that reported itself: a console or a ``work`` process."""

    id: str
    host: str
    pid: int
    kind: str
    threads: int
    started_at: datetime
    heartbeat_at: datetime
    alive: bool
