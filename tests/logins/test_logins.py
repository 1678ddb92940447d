"""Logins while a job wraps the hashes they are checked against: no right password refused, no wrong one taken."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pqcore.engine.points import Point
from pqcore.engine.worker import Worker
from pqcore.formats.password import Kind
from pqcore.jobs.model import Status
from pqcore.keys.memory import MemoryKeyProvider
from tests.engine.items import listening
from tests.logins.population import OLD, Account, Population

COUNT = 4 * len(OLD)  # four batches and more


@pytest.fixture
def keys():
    provider = MemoryKeyProvider()
    provider.generate("login-pepper", "PEPPER")
    return provider


def test_logins_and_password_changes_while_the_job_runs(database, keys):
    people = Population(database, COUNT, keys)
    job = people.job(pepper="login-pepper")
    started, account, chance = threading.Event(), Account(), random.Random(5)
    batches = 0

    def meddle(point):
        # Between what the job has computed and what it writes: the changes it must not undo. In the first pass alone,
        # since what is written in the old form behind the last sweep is for the next job.
        nonlocal batches
        if point is Point.AFTER_COMPUTE and batches < 4:
            started.set()
            batches += 1
            for user in range(batches, COUNT, 8):
                people.change(user, account, old=user % 3 > 0)
                people.log_in(user, account, chance)

    worker = Worker(database, keys, people.jobs, threads=1)
    with ThreadPoolExecutor(2) as pool, listening(meddle):
        try:
            running = pool.submit(worker.run_job, job)
            assert started.wait(30)
            living = pool.submit(people.live, 40, running.done, seed=11)
            ended = running.result(60)
        finally:
            worker.stop()
        account.add(living.result(60))
    assert (account.refused, account.taken) == ([], [])
    assert ended.status is Status.DONE
    assert batches == 4
    assert account.right[Kind.WRAPPED]
    assert account.wrong[Kind.WRAPPED]
    # nothing is in the old form afterwards, and everybody's password is right
    assert set(people.kinds()) <= {Kind.WRAPPED, Kind.ARGON2}
    after = Account()
    for user in range(COUNT):
        people.log_in(user, after, random.Random(user))
    assert after.right[Kind.WRAPPED]
    assert (after.refused, after.taken) == ([], [])
