"""What the executor runs: one turn of a thread, which claims a range and takes it to its end."""

from __future__ import annotations

from typing import Any

from pqcore.engine.context import JobContext
from pqcore.engine.migrate import MigrateRange, RequeueRange
from pqcore.engine.ranges import Ended, RangeRun
from pqcore.engine.rollback import FinalizeRange, RollbackRange, WithdrawRange
from pqcore.engine.verify import VerifyRange
from pqcore.jobs.model import Purpose
from pqcore.jobs.range_claims import RangeClaim, claim_range


def run_next_range(context: JobContext, owner: str, purpose: Purpose) -> Ended:
    """Claim a range of the job and run it to its end. Safe to run twice: the database decides who writes."""
    claim = claim_range(context.db, context.job_id, owner, purpose)
    return Ended.NOTHING if claim is None else _range_run(context, claim).run()


def _range_run(context: JobContext, claim: RangeClaim) -> RangeRun[Any, Any]:
    match claim.purpose:
        case Purpose.MIGRATE:
            return MigrateRange(context, claim)
        case Purpose.REQUEUE:
            return RequeueRange(context, claim)
        case Purpose.VERIFY:
            return VerifyRange(context, claim)
        case Purpose.ROLLBACK:
            return WithdrawRange(context, claim) if context.migration.beside else RollbackRange(context, claim)
        case Purpose.FINALIZE:
            return FinalizeRange(context, claim)
