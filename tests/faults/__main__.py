"""The long run: workers killed at random, on one database after the other, and every row accounted for.

    python -m tests.faults --long [--kills 1000] [--kinds sqlite,postgresql,mariadb] [--url URL] [--minutes M]
                           [--seed S]

Two workers and the application are always at work. Each worker is killed (SIGKILL) at a random one of the named
points that it passes; now and then it is stopped until its leases are gone and woken, or its connections are broken.
Another takes its place at once. Prints a line for each run, and the figures of all; ends with 1 where something is
wrong with a row.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path

import sqlalchemy as sa

from tests.faults.account import Figures
from tests.faults.breaking import break_connections, make_users
from tests.faults.cast import PATIENCE, Player, Silent
from tests.faults.driver import Stand
from tests.faults.episode import ENDED, Episode
from tests.faults.estate import Estate, Place
from tests.support.databases import Servers, fresh_database

_STOPS = 0.08  # share of faults that are SIGSTOP, woken when leases are gone
_BREAKS = 0.08  # share that are broken connections
_RUN_SECONDS = 400.0


class Storm:
    """One run in which workers are killed until all its jobs have ended."""

    def __init__(self, estate: Estate, seed: int, faults: int) -> None:
        self._random = random.Random(seed)
        self._estate = estate
        self._faults = faults
        self.counts: Counter[str] = Counter()
        self._episode = Episode(
            estate,
            items=3000,
            vault=300,
            jobs=("items", "vault", "items"),
            writes=3000,
            pause=0.02,
            seed=seed,
            lease=0.5,
            sweeps=10**6,  # the application writes the old form until the end
        )

    def run(self) -> Figures:
        with self._episode as episode:
            players = [self._worker(name) for name in "ab"]
            deadline = time.monotonic() + _RUN_SECONDS
            while not self._ended():
                if time.monotonic() > deadline:
                    raise Silent(f"not within {_RUN_SECONDS:g} s: {[self._estate.jobs.get(j) for j in episode.jobs]}")
                lines = {player.line: place for place, player in enumerate(players)}
                for line in wait_for_any(list(lines), timeout=0.05):
                    place = lines[line]  # type: ignore[index]
                    if players[place].hear()[0] == "at":
                        players[place] = self._harm(players[place])
            for player in players:
                player.tell("go")
            return episode.account(*players)

    def _harm(self, player: Player) -> Player:
        draw = self._random.random()
        if draw < _STOPS:
            self._episode.stop(player, between=False)
            self._episode.until_leases_expire(of=player)
            player.wake()
            player.tell("go", self._points())
            self.counts["stopped"] += 1
            return player
        if draw < _STOPS + _BREAKS and self._estate.db.dialect.name != "sqlite":
            break_connections(self._estate.place.url, player.name)
            player.tell("go", self._points())
            self.counts["cut off"] += 1
            return player
        player.kill()
        self.counts["killed"] += 1
        return self._worker(player.name)

    def _worker(self, name: str) -> Player:
        calm = self.counts["killed"] >= self._faults
        stand = None if calm else Stand(None, self._points())
        return self._episode.worker(name, stand)

    def _points(self) -> int:
        """How many points a worker passes until it comes to harm."""
        return int(self._random.expovariate(1 / 40)) + 1

    def _ended(self) -> bool:
        return all(self._estate.jobs.get(job).status in ENDED for job in self._episode.jobs)


@contextmanager
def estates(kinds: list[str], url: str | None) -> Iterator[list[tuple[str, Estate]]]:
    """A fresh estate on each kind of database, or one at ``url``, which has to be empty."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pqfaults-")))
        servers = Servers()
        stack.callback(servers.stop)
        made = []
        for kind in [sa.make_url(url).get_backend_name()] if url else kinds:
            home = folder / kind
            home.mkdir()
            where = url or stack.enter_context(fresh_database(kind, servers, home))
            make_users(where, "a", "b", "writer")
            estate = Estate(Place(where, home / "keys" / "keyring.json"))
            stack.callback(estate.close)
            made.append((kind, estate))
        yield made


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Kill workers at random.")
    parser.add_argument("--long", action="store_true", required=True, help="the long run; there is no other here")
    parser.add_argument("--kills", type=int, default=1000, help="kills in all (default 1000)")
    parser.add_argument("--kinds", default="sqlite,postgresql,mariadb", help="databases, one after the other")
    parser.add_argument("--url", help="an empty database, in place of servers of its own")
    parser.add_argument("--minutes", type=float, default=600.0, help="at most so long")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()
    print(f"seed {args.seed}, at most {PATIENCE:g} s of silence", flush=True)
    until = time.monotonic() + args.minutes * 60
    figures, harm, runs, failures = Figures(), Counter[str](), 0, 0
    with estates(args.kinds.split(","), args.url) as made:
        while harm["killed"] < args.kills and time.monotonic() < until:
            kind, estate = made[runs % len(made)]
            storm = Storm(estate, args.seed + runs, args.kills - harm["killed"])
            runs += 1
            try:
                found = storm.run()
                figures += found
                print(f"run {runs} {kind}: {dict(storm.counts)} {found}", flush=True)
            except Exception as error:  # a run that failed is counted, and the next one begins
                failures += 1
                print(
                    f"run {runs} {kind} seed {args.seed + runs - 1} FAILED: {type(error).__name__} {error}", flush=True
                )
            harm += storm.counts
    print(f"{runs} runs, {failures} failed. Faults survived: {dict(harm)}.")
    print(
        f"{figures.rows:,} rows checked, {figures.migrated:,} migrations among {figures.changes:,} changes followed, "
        f"{figures.writes:,} writes of the application, {figures.conflicted:,} rows read again."
    )
    print("Rows lost: 0. Rows migrated twice: 0." if not failures else "See the failed runs above.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
