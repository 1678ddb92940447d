"""A run: jobs over an estate, an application that goes on writing, and workers that come to harm."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import wait as wait_for_any
from threading import Event
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now
from pqcore.database.tables import runs
from pqcore.engine.points import Point
from pqcore.jobs.model import Status
from tests.faults import driver, writer
from tests.faults.account import Account, Figures
from tests.faults.breaking import holds_transaction, named
from tests.faults.cast import PATIENCE, Player, Silent
from tests.faults.driver import Orders, Stand
from tests.faults.estate import Estate
from tests.faults.writer import Habits

ENDED = (Status.DONE, Status.FAILED, Status.CANCELLED)


class Episode:
    """One run; at its end nobody is left and every row is accounted for.

    Args:
        jobs: tables over which jobs are made; two may name the same.
        writes: how often the application writes at most; 0: there is none.
        damaged: whether some old values do not verify.
        pause: seconds between two writes of the application, at most.
        sweeps: after how many a job gives up on the application; None: as in life.
        selection: more members of the jobs' selections.
    """

    def __init__(
        self,
        estate: Estate,
        *,
        items: int = 150,
        vault: int = 30,
        jobs: tuple[str, ...] = ("items", "vault", "items"),
        writes: int = 150,
        seed: int = 1,
        lease: float = 0.6,
        damaged: bool = True,
        pause: float = 0.004,
        sweeps: int | None = None,
        **selection: Any,
    ) -> None:
        self.estate = estate
        self._lease = lease
        self._sweeps = sweeps
        estate.reset(items, vault, damaged=damaged)
        self.jobs = [estate.create(table, **selection) for table in jobs]
        self._players = ExitStack()
        self._writer: Player | None = None
        if writes:
            place = replace(estate.place, url=named(estate.place.url, "writer"))
            habits = Habits(place, estate.kek, dict(estate.planted), seed, writes, pause)
            self._writer = Player("writer", writer.write, habits)
            self._players.callback(self._writer.kill)
            self._writer.wait_for("ready")

    def __enter__(self) -> Episode:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._players.close()

    def worker(
        self,
        name: str,
        stand: Stand | None = None,
        *,
        url: str | None = None,
        watch: frozenset[Point] = frozenset(),
        threads: int = 2,
        processes: bool = False,
    ) -> Player:
        """A new worker; ``url`` where it is to connect in another way than the application."""
        place = replace(self.estate.place, url=url or named(self.estate.place.url, name))
        player = Player(name, driver.work, Orders(place, stand, watch, threads, self._lease, self._sweeps, processes))
        self._players.callback(player.kill)
        return player

    def stop(self, player: Player, *, between: bool = True) -> None:
        """SIGSTOP; with ``between`` at a moment when no thread of it is inside a transaction."""
        player.stop()
        while between and holds_transaction(self.estate.place.url, player.name):
            player.wake()
            Event().wait(0.02)  # let it end
            player.stop()

    def until_all_ended(self, *players: Player) -> None:
        """Wait until every job has ended; what the players say meanwhile is heard, so that errors are."""
        self._until(lambda: all(self.estate.jobs.get(job).status in ENDED for job in self.jobs), *players)

    def until_leases_expire(self, *players: Player, of: Player | None = None) -> None:
        """Wait until no job is held by a live lease (``of`` this worker), by the database's clock."""
        held = sa.select(sa.func.count()).select_from(runs).where(runs.c.lease_expires_at >= now())
        if of is not None:
            held = held.where(runs.c.lease_owner.contains(f":{of.pid}:"))

        def nobody_holds() -> bool:
            with self.estate.db.read() as conn:
                return int(conn.execute(held).scalar_one()) == 0

        self._until(nobody_holds, *players)

    def account(self, *players: Player) -> Figures:
        """Stop the application, have what it wrote last migrated by ``players``, send them home, and check all."""
        acknowledged = self._end_writer()
        late = Account(self.estate, self.jobs, acknowledged)
        tables = sorted({row[0] for row in late.leftovers()})
        assert not late.problems, "\n".join(late.problems[:40])
        if tables:
            self.jobs += [self.estate.create(table) for table in tables]
            self.until_all_ended(*players)
        for player in players:
            player.leave()
        return Account(self.estate, self.jobs, acknowledged).close()

    def _end_writer(self) -> list[int]:
        if self._writer is None:
            return []
        self._writer.tell("leave")
        acknowledged: list[int] = self._writer.wait_for("wrote")[1]
        return acknowledged

    def _until(self, true: Callable[[], bool], *players: Player) -> None:
        deadline = time.monotonic() + PATIENCE
        lines = {player.line: player for player in players}
        while not true():
            if time.monotonic() > deadline:
                raise Silent(f"not within {PATIENCE:g} s: {[self.estate.jobs.get(j) for j in self.jobs]}")
            for line in wait_for_any(list(lines), timeout=0.03):
                lines[line].hear()  # type: ignore[index]
