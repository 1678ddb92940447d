"""The work of a dead worker goes on by itself, with leases of their real length."""

from __future__ import annotations

import time

from pqcore.engine.points import Point
from pqcore.jobs.leases import DEFAULT_SECONDS
from tests.faults.conftest import Everywhere
from tests.faults.driver import Stand
from tests.faults.episode import Episode
from tests.faults.estate import Estate

ROWS = 400


def test_within_ten_seconds_from_the_last_checkpoint(everywhere: Everywhere) -> None:
    def run(estate: Estate) -> None:
        with Episode(estate, items=ROWS, vault=0, jobs=("items",), writes=0, lease=DEFAULT_SECONDS) as episode:
            first = episode.worker("a", Stand(Point.BEFORE_COMMIT, 4))
            # as a started worker polls, there is one waiting already when it happens
            first.wait_for("at")
            second = episode.worker("b", watch=frozenset({Point.AFTER_COMMIT}))
            first.kill()
            died = time.monotonic()
            second.wait_for("passed")
            assert time.monotonic() - died < 10
            episode.until_all_ended(second)
            job = estate.jobs.get(episode.jobs[0])
            # a batch that was committed and read again would have been counted as skipped
            assert job.progress.skipped == 0
            assert (job.progress.migrated, job.progress.failed) == (ROWS - 2, 2)
            episode.account(second)

    everywhere(run)
