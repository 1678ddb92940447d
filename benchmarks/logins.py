"""Logins, right and wrong, and password changes while a job wraps the hashes they are checked against.

    python benchmarks/logins.py [--logins 100000] [--users 2000] [--only sqlite] [--threads 2] [--seed 1]

On each database in turn: users with hashes in nine old forms, a job with a pepper that wraps them all, and threads of
an application that log in with the right password, a wrong one or the former one, upgrade some hashes after a login,
and change passwords, at first in the old form, too. What is written so behind the job's last sweep is wrapped by a
second job. Prints what was done and how many right passwords were refused and wrong ones taken;
ends with 1 where that is not 0. The costs are those of production for what the job writes (Argon2id, 19 MiB, 2
passes): about 40 logins per second and core. Run it in pieces with different seeds where that takes too long.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "core"), str(ROOT / "tui")]

from benchmarks.support import places  # noqa: E402
from tests.logins.population import Account, Population  # noqa: E402

from pqcore.engine.worker import Worker  # noqa: E402
from pqcore.formats.password import Kind  # noqa: E402
from pqcore.jobs.model import Status  # noqa: E402
from pqcore.keys.memory import MemoryKeyProvider  # noqa: E402


def measure(place: places.Place, logins: int, users: int, threads: int, seed: int) -> Account:
    """One database; prints its line."""
    keys = MemoryKeyProvider()
    keys.generate("login-pepper", "PEPPER")
    people = Population(place.db, users, keys, upgrades=0.05)
    job = people.job(pepper="login-pepper")
    account = Account()
    begin = time.perf_counter()
    worker = Worker(place.db, keys, people.jobs, threads=1)
    try:
        with ThreadPoolExecutor(threads + 1) as pool:
            running = pool.submit(worker.run_job, job)
            lives = [
                pool.submit(people.live, logins // threads, running.done, seed * 1000 + thread, 0.5)
                for thread in range(threads)
            ]
            during = running.result().status
            for life in lives:
                account.add(life.result())
        status = worker.run_job(people.job(pepper="login-pepper")).status
    finally:
        worker.stop()
    seconds = time.perf_counter() - begin
    if (during, status) != (Status.DONE, Status.DONE) or people.kinds()[Kind.LEGACY]:
        raise SystemExit(f"The jobs ended as {during} and {status}, and the column holds {dict(people.kinds())}")
    print(
        f"{place.version}: {account.logins} logins in {seconds:.0f} s ({account.right.total()} right, "
        f"{account.wrong.total()} wrong), by what they were checked against: {counts(account)}; "
        f"{account.changes} password changes, {account.upgrades} upgrades, {account.upgrades_lost} upgrades lost to "
        f"another writer; right passwords refused: {len(account.refused)}, wrong ones taken: {len(account.taken)}",
        flush=True,
    )
    return account


def counts(account: Account) -> str:
    """Logins by kind of value."""
    together = account.right + account.wrong
    return ", ".join(f"{kind} {together[kind]}" for kind in sorted(together))


def main() -> int:
    parser = argparse.ArgumentParser(description="Logins while a job wraps the hashes they are checked against.")
    parser.add_argument("--logins", type=int, default=100_000, help="in all, on all databases together")
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2, help="threads of the application")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=places.KINDS)
    chosen = parser.parse_args()
    kinds = [chosen.only] if chosen.only else list(places.KINDS)
    total = Account()
    with places.servers(places.DURABLE) as servers:
        for kind in kinds:
            with places.place(kind, servers) as place:
                each = chosen.logins // len(kinds)
                total.add(measure(place, each, chosen.users, chosen.threads, chosen.seed))
    print(f"together: {total.logins} logins, refused {len(total.refused)}, taken {len(total.taken)}")
    for wrong in (total.refused + total.taken)[:20]:
        print(wrong, file=sys.stderr)
    return 1 if total.refused or total.taken else 0


if __name__ == "__main__":
    sys.exit(main())
