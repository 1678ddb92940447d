"""``pqconsole jobs tune``: limits of a job, changed by flags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Cli

SELECTION = {
    "table": "files",
    "field": "checksum",
    "options": {"mode": "digest", "source": "content"},
    "throttle": {"rows_per_second": 50, "windows": ["22:00-06:00"]},
}


@pytest.fixture
def job(cli: Cli) -> int:
    return cli.create(SELECTION, "SHA-512")


def in_force(cli: Cli, job: int) -> dict[str, Any]:
    shown: dict[str, Any] = cli.json("jobs", "show", str(job))["throttle"]
    return shown


def test_every_flag_is_a_limit(cli: Cli, job: int) -> None:
    flags = "--rows-per-second 7.5 --max-replica-lag 3 --max-running 9 --max-rows 100 --target-ms 20"
    windows = "--window 01:00-02:00 --window 03:00-04:00 --time-zone Europe/Berlin"
    said = cli.json("jobs", "tune", str(job), *flags.split(), *windows.split())
    assert said["throttle"] == in_force(cli, job)
    assert said["throttle"] == {
        "reason": None,
        "seconds": 0.0,
        "limits": {
            "batch": {"rows": 100, "target_ms": 20},
            "throttle": {
                "rows_per_second": 7.5,
                "windows": ["01:00-02:00", "03:00-04:00"],
                "time_zone": "Europe/Berlin",
                "max_replica_lag": 3.0,
                "max_running": 9,
            },
        },
    }


def test_none_lifts_a_limit_and_reset_brings_those_of_the_selection_back(cli: Cli, job: int) -> None:
    said = cli.ok("jobs", "tune", str(job), "--rows-per-second", "none", "--window", "none")
    assert said.endswith("no limits\n")
    assert "limits" not in {line.split(" ")[0] for line in cli.ok("jobs", "show", str(job)).splitlines()}
    said = cli.ok("jobs", "tune", str(job), "--max-rows", "9")
    assert said.endswith(": rows 9\n")
    said = cli.ok("jobs", "tune", str(job), "--reset")
    assert said.endswith("rows_per_second 50, windows 22:00-06:00\n")
    shown = cli.ok("jobs", "show", str(job))
    assert "rows_per_second 50, windows 22:00-06:00" in shown
    assert "Tuned: rows 9" in shown


@pytest.mark.parametrize(
    "flags",
    [
        "",
        "--rows-per-second many",
        "--rows-per-second 0",
        "--rows-per-second -5",
        "--rows-per-second nan",
        "--rows-per-second inf",
        "--window 25:00-26:00",
        "--window 06:00-06:00",
        "--window none --window 01:00-02:00",
        "--time-zone Europe/Atlantis",
        "--max-replica-lag 1e9",
        "--max-running 1.5",
        "--max-rows 0",
        "--target-ms 1000000",
        "--reset --max-rows 5",
    ],
)
def test_what_is_no_limit_is_refused_and_changes_nothing(cli: Cli, job: int, flags: str) -> None:
    before = in_force(cli, job)
    cli.refused(2, "jobs", "tune", str(job), *flags.split())
    assert in_force(cli, job) == before


def test_a_job_that_there_is_not(cli: Cli) -> None:
    cli.refused(6, "jobs", "tune", "99", "--max-rows", "5")


def test_not_in_a_read_only_session(cli: Cli, job: int) -> None:
    cli.refused(7, "--read-only", "jobs", "tune", str(job), "--max-rows", "5")


def test_a_selection_that_another_program_broke_is_still_shown(cli: Cli, job: int) -> None:
    cli.execute("UPDATE pq_migration_jobs SET selection = ? WHERE id = ?", '{"throttle": 5}', job)
    assert in_force(cli, job)["limits"] is None
    assert "state" in cli.ok("jobs", "show", str(job))


def test_preflight_says_what_the_server_does_not_tell(cli: Cli) -> None:
    selection = {**SELECTION, "throttle": {"max_replica_lag": 5, "max_running": 9}}
    options = ("--scope", "hashes", "--algorithm", "SHA-512", "--selection", "-")
    done = cli.run("jobs", "create", *options, stdin=json.dumps(selection))
    assert done.returncode == 0
    assert "throttle.max_replica_lag: holds nothing back: SQLite has no replica lag" in done.stderr
    assert "throttle.max_running: holds nothing back" in done.stderr
