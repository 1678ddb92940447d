"""What is done with a job that has ended: verify it, roll it back, finalize it. Its five-word state stays as it is."""

from __future__ import annotations

from dataclasses import replace

from pqcore.engine.context import JobContext
from pqcore.engine.plan import PlanState, plan_state
from pqcore.engine.run import JobRun, Why
from pqcore.engine.verify import uncovered
from pqcore.errors import StateConflict
from pqcore.jobs.model import OPERATIONS, Job, Phase, Progress, Purpose
from pqcore.jobs.operation_claims import end_operation
from pqcore.jobs.query import progress_of

# how the run of a job is called once the operation has ended well
_PHASES = {
    Purpose.VERIFY: Phase.VERIFIED,
    Purpose.ROLLBACK: Phase.ROLLED_BACK,
    Purpose.FINALIZE: Phase.FINALIZED,
}


class OperationRun(JobRun):
    """One operation on an ended job, resumable like a job; made by ``Worker.operate``."""

    purpose: Purpose
    before: Phase

    def of(self, purpose: Purpose, before: Phase) -> OperationRun:
        """Name the operation, and the phase that an unfinished finalize falls back to."""
        self.purpose = purpose
        self.before = before
        return self

    def beginning(self, worker: str) -> tuple[str, str]:
        """The same of an operation: the job itself is not started."""
        return OPERATIONS[self.purpose][1].value, f"{self.purpose.value.capitalize()} started by {worker}"

    @property
    def failure(self) -> str | None:
        """Why the operation failed, as a sentence with its remedy; None where it did not."""
        return self._error

    @property
    def reason(self) -> Why | None:
        """Why it ended before its work did; None where all was done."""
        return self._why

    def counts(self) -> Progress:
        """What the operation's ranges counted: ``migrated`` is proved, restored or destroyed."""
        return self._jobs.operated(self.job_id, self.purpose)

    def _snapshot(self) -> Job:
        job = self._jobs.get(self.job_id)
        return replace(job, progress=replace(self.counts(), total=job.progress.migrated))

    def _prepare(self) -> JobContext:
        self._purpose = self.purpose
        context = self._prepared(self._jobs.get(self.job_id))
        match self.purpose:
            case Purpose.ROLLBACK if context.originals is None and not context.migration.beside:
                raise StateConflict(
                    f"Job {self.job_id} kept no originals and cannot be rolled back",
                    "Set keep_originals in the selection of a job that shall be",
                )
            case Purpose.FINALIZE:
                self._refuse_to_finalize(context)
        return context

    def _refuse_to_finalize(self, context: JobContext) -> None:
        job_id = self.job_id
        if self._jobs.dead_letters(job_id, limit=1):
            raise StateConflict(
                f"Job {job_id} has dead letters, so its originals stay",
                f"Mend the rows, then run: pqconsole jobs retry --dead-letters {job_id}",
            )
        if uncovered(context):
            raise StateConflict(
                f"The selection of job {job_id} holds values in the old form again, so its originals stay",
                "Migrate them with a new job, then verify and finalize",
            )

    def _follow_up(self, _context: JobContext, _state: PlanState, /) -> bool:
        return True

    def _obey(self) -> None:
        # an ended job takes no requests; the lease is all there is to lose
        self._keeper.follow(self._renew().limits)

    def _record_end(self) -> None:
        counts = self.counts()
        if self._why is None and self.purpose is Purpose.VERIFY and counts.failed:
            self._why = Why.FAILED
            one = counts.failed == 1
            found = "1 value does not prove itself" if one else f"{counts.failed} values do not prove themselves"
            self._error = f"{found}. Look at them with: pqconsole jobs show {self.job_id} --dead-letters."
        phase = self._phase_after(counts)
        if end_operation(self._db, self._claim, phase, self._note(counts), self._keeper.throttled()):
            self._jobs.note(self.job_id, self._kind(), self._event(counts))

    def _phase_after(self, counts: Progress) -> Phase:
        if self._why is None:
            # verified once more, a finalized job stays what it is
            return Phase.FINALIZED if self.purpose is Purpose.VERIFY and self._finalized() else _PHASES[self.purpose]
        under_way = OPERATIONS[self.purpose][1]
        if self._why is Why.STOPPED:
            return under_way  # resumed where it stopped
        if self.purpose is Purpose.ROLLBACK and self.before is under_way and _untouched(counts):
            return Phase.ENDED  # cut short before its work began, it now cannot begin: nothing of it was rolled back
        return self.before if _untouched(counts) or self.purpose is Purpose.FINALIZE else Phase.ENDED

    def _finalized(self) -> bool:
        """Whether a finalize came to its end, and nothing was kept since."""
        with self._db.read() as conn:
            begun = self.job_id in progress_of(conn, [self.job_id], (Purpose.FINALIZE,))
            left = plan_state(conn, self.job_id, Purpose.FINALIZE).open
        return begun and not left and not self._jobs.get(self.job_id).keeps_originals

    def _note(self, counts: Progress) -> str | None:
        """What the job's ``error`` says afterwards; None leaves it as it is."""
        if self.purpose is Purpose.ROLLBACK and self._why is None:
            changed = f", {counts.conflicted} have changed since and stay" if counts.conflicted else ""
            return (
                f"Rolled back: {counts.migrated} rows hold their old value again{changed}. Create a new job to migrate."
            )
        return self._error if self.purpose is Purpose.VERIFY else None

    def _kind(self) -> str:
        """The kind of the event at its end."""
        match self._why:
            case None:
                return _PHASES[self.purpose].value
            case Why.STOPPED:
                return self._why.value
        return f"{self.purpose.value}_failed"

    def _event(self, counts: Progress) -> str:
        if self._error:
            return self._error
        if self._why is not None:
            return "Stopped between batches, ready to be resumed"
        match self.purpose:
            case Purpose.VERIFY:
                return f"Verified: {counts.migrated} values proved"
            case Purpose.ROLLBACK:
                return f"Rolled back: {counts.migrated} restored, {counts.conflicted} changed since"
        return f"Finalized: {counts.migrated} originals destroyed"


def _untouched(counts: Progress) -> bool:
    """Whether an operation has done nothing yet."""
    return not (counts.migrated or counts.conflicted or counts.failed)
