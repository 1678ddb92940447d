"""Progress where nothing may be animated: lines, few and complete."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from pqcore.jobs.model import Job, Progress, Status
from pqcore.migrations.base import Scope
from pqtui.cli.progress import Lines, building, label


def job(seen: int, status: Status = Status.RUNNING, table: str = "documents") -> Job:
    return Job(
        id=7,
        scope=Scope.WRAPPERS,
        status=status,
        selection={"table": table, "field": "wrapped_key"},
        target="ML-KEM-768",
        is_done=status is Status.DONE,
        progress=Progress(total=1000, migrated=seen),
    )


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_every_ten_per_cent_and_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    for seen in range(0, 1001, 5):
        lines(job(seen))
    lines(job(1000, Status.DONE))
    said = stream.getvalue().splitlines()
    assert said[0] == "job 7 wrappers documents.wrapped_key -> ML-KEM-768: running 0%, nothing yet"
    assert said[-1] == "job 7 wrappers documents.wrapped_key -> ML-KEM-768: done, 1,000 migrated"
    assert len(said) == 12


def test_a_slow_job_is_heard_of_every_five_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    for second in range(21):
        clock.now = float(second)
        lines(job(second))
    assert len(stream.getvalue().splitlines()) == 5


def test_the_end_of_a_job_is_said_once() -> None:
    stream = io.StringIO()
    lines = Lines(stream, Clock())
    for _ in range(3):
        lines(job(1000, Status.DONE))
    assert len(stream.getvalue().splitlines()) == 1


def test_hostile_names_do_not_reach_the_terminal() -> None:
    assert label(job(0, table="docs\x1b]52;c;AAAA\x07\n")).isprintable()
    assert label(replace(job(0), target="\x9b2J")).isprintable()


def test_building_says_a_line_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    with building() as show:
        for done in (500, 1000):
            show("users", done, 1000)
        show("files", 10, 10)
    assert capsys.readouterr().err.splitlines() == ["users: 1,000 rows", "files: 10 rows"]
