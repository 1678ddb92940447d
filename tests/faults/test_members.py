"""Batches in processes of their own: a member is killed, the coordinator is, and the server restarts under them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from pqcore.engine.points import Point
from tests.faults.breaking import break_connections, halt, start_again
from tests.faults.cast import PATIENCE, Player, members_of
from tests.faults.conftest import Everywhere
from tests.faults.driver import Stand
from tests.faults.episode import Episode
from tests.faults.estate import Estate
from tests.support.servers import Server

ROWS = 400
# its own thread stands with its first batch, so that all that is migrated is so by members, and the job goes on
STAND = Stand(Point.BEFORE_WRITE)
SMALL: dict[str, Any] = {"batch": {"rows": 5}}


def episode_of(estate: Estate) -> Episode:
    return Episode(estate, items=20, vault=ROWS, jobs=("vault",), **SMALL)


def members_at_work(episode: Episode) -> tuple[Player, list[int]]:
    """A worker whose members migrate, while its own batch waits."""
    worker = episode.worker("a", STAND, processes=True)
    worker.wait_for("at")
    until(lambda: episode.estate.jobs.get(episode.jobs[0]).progress.migrated > 0)
    members = members_of(worker.pid)
    assert members
    return worker, members


def until(true: Any) -> None:
    for _ in range(int(PATIENCE * 100)):
        if true():
            return
        Event().wait(0.01)
    raise AssertionError("it did not come about")


def test_a_member_is_killed(everywhere: Everywhere) -> None:
    def run(estate: Estate) -> None:
        with episode_of(estate) as episode:
            worker, members = members_at_work(episode)
            os.kill(members[0], signal.SIGKILL)
            worker.tell("go")
            episode.until_all_ended(worker)
            episode.account(worker)

    everywhere(run)


def test_the_coordinator_is_killed(everywhere: Everywhere) -> None:
    """Its members end by themselves, and another worker goes on."""

    def run(estate: Estate) -> None:
        with episode_of(estate) as episode:
            worker, members = members_at_work(episode)
            worker.kill()
            second = episode.worker("b", processes=True)
            until(lambda: not any(Path(f"/proc/{member}/exe").exists() for member in members))
            episode.until_all_ended(second)
            episode.account(second)

    everywhere(run)


def test_the_coordinator_is_stopped_and_woken(everywhere: Everywhere) -> None:
    """Its members work on; whoever takes the job over leaves them the ranges that they hold."""

    def run(estate: Estate) -> None:
        with episode_of(estate) as episode:
            worker, _ = members_at_work(episode)
            episode.stop(worker, between=False)
            second = episode.worker("b", processes=True)
            episode.until_leases_expire(second, of=worker)
            worker.wake()
            worker.tell("go")
            episode.until_all_ended(worker, second)
            episode.account(worker, second)

    everywhere(run)


@pytest.mark.database
def test_connections_are_broken(everywhere: Everywhere) -> None:
    def run(estate: Estate) -> None:
        if estate.db.dialect.name == "sqlite":
            return  # has no connections to break
        with episode_of(estate) as episode:
            worker, _ = members_at_work(episode)
            assert break_connections(estate.place.url, "a") > 0
            worker.tell("go")
            episode.until_all_ended(worker)
            episode.account(worker)

    everywhere(run)


@pytest.mark.database
@pytest.mark.parametrize("how", [None, signal.SIGKILL], ids=["stopped", "crashed"])
def test_the_server_restarts(own: tuple[Server, Estate], how: signal.Signals | None) -> None:
    server, estate = own
    with episode_of(estate) as episode:
        worker, _ = members_at_work(episode)
        halt(server, how)
        worker.tell("go")
        start_again(server)
        episode.until_all_ended(worker)
        episode.account(worker)
