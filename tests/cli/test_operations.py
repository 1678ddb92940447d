"""Verify, roll back, finalize, and dead letters tried again, from the command line on SQLite."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import DIGESTS, Cli


def created(cli: Cli, **more: Any) -> str:
    return str(cli.create({**DIGESTS, **more}, "SHA-512"))


def checksums(cli: Cli) -> list[Any]:
    return cli.rows("SELECT id, checksum FROM files ORDER BY id")


def test_a_job_is_verified_and_finalized(cli: Cli) -> None:
    job = created(cli, keep_originals=True)
    cli.ok("jobs", "run", job)
    refused = cli.run("finalize", job)
    assert refused.returncode == 2
    assert f"finalize {job} --yes" in refused.stderr
    early = cli.run("finalize", job, "--yes")
    assert early.returncode == 6
    assert f"pqconsole verify {job}" in early.stderr
    proved = cli.json("verify", job)["proved"]
    assert proved == len(checksums(cli))
    assert cli.json("finalize", job, "--yes")["destroyed"] == proved
    assert cli.rows("SELECT count(*) FROM pq_migration_originals") == [(0,)]


def test_a_job_is_rolled_back_byte_for_byte(cli: Cli) -> None:
    before = checksums(cli)
    job = created(cli, keep_originals=True)
    cli.ok("jobs", "run", job)
    assert checksums(cli) != before
    assert cli.json("rollback", job)["restored"] == len(before)
    assert checksums(cli) == before


def test_a_value_that_does_not_prove_itself_ends_with_1(cli: Cli) -> None:
    job = created(cli)
    cli.ok("jobs", "run", job)
    cli.execute("UPDATE files SET content = x'00' WHERE id = (SELECT min(id) FROM files)")
    done = cli.run("verify", job)
    assert done.returncode == 1
    assert "--dead-letters" in done.stderr
    assert "Traceback" not in done.stderr


def test_dead_letters_are_tried_again_alone(cli: Cli) -> None:
    (number, good), *_ = checksums(cli)
    cli.execute(f"UPDATE files SET checksum = 'junk' WHERE id = {number}")
    job = created(cli)
    cli.ok("jobs", "run", job)
    cli.execute(f"UPDATE files SET checksum = '{good}' WHERE id = {number}")
    assert "pending" in cli.ok("jobs", "retry", "--dead-letters", job)
    cli.ok("work", "--drain")
    shown = cli.json("jobs", "show", job)
    assert (shown["status"], shown["progress"]["failed"]) == ("done", 0)
    assert cli.run("jobs", "retry", "--dead-letters", job).returncode == 6


def test_a_read_only_session_does_none_of_it(cli: Cli) -> None:
    job = created(cli)
    for command in ("verify", "rollback"):
        assert cli.run("--read-only", command, job).returncode == 7
