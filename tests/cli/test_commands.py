"""The commands do what docs/CLI.md says, as real processes on SQLite."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from pqcore.crypto import liboqs
from tests.cli.conftest import DIGESTS, PASSWORDS, Cli

VIEW = [
    "id",
    "scope",
    "target_policy_id",
    "target_algo_id",
    "selection",
    "scheduled_at",
    "started_at",
    "finished_at",
    "status",
    "processed_count",
    "error",
    "created_by",
    "created_at",
    "is_done",
    "is_running",
]


def test_help_loads_neither_textual_nor_sqlalchemy(bare: Cli) -> None:
    program = (
        "import sys, pqtui.cli\n"
        "assert pqtui.cli.main(['--help']) == pqtui.cli.main(['jobs', 'create', '--help']) == 0\n"
        "heavy = {'textual', 'sqlalchemy', 'rich', 'cryptography', 'platformdirs'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=bare.environment(), check=True)
    assert done.stderr.decode().strip() == "[]"
    assert b"--selection FILE" in done.stdout


def test_init_shows_installs_and_then_has_nothing_to_do(bare: Cli) -> None:
    planned = bare.ok("init", "--dry-run")
    assert "pq_migration_jobs" in planned
    assert not bare.database.exists()
    steps = bare.json("init")
    assert {"name", "why", "sql"} == set(steps[0])
    assert bare.rows("SELECT count(*) FROM vw_pq_migration_jobs") == [(0,)]
    assert bare.json("init") == []
    assert "nothing to do" in bare.ok("init")


def test_the_dry_run_is_sql_that_can_be_run(bare: Cli) -> None:
    """An administrator may review it, run it with other rights, and init is content afterwards."""
    script = bare.ok("init", "--dry-run")
    with closing(sqlite3.connect(bare.database)) as conn:
        conn.executescript(script)
    assert not [step for step in bare.json("init", "--dry-run") if step["name"].startswith(("table", "view", "index"))]


def test_a_job_from_creation_to_done(cli: Cli) -> None:
    created = cli.json(
        *("jobs", "create", "--scope", "hashes", "--algorithm", "SHA3-512", "--selection", "-", "--as", "7"),
        stdin=json.dumps(DIGESTS),
    )
    assert created["status"] == "pending"
    assert created["created_by"] == 7
    (ended,) = cli.json("jobs", "run", str(created["id"]))
    assert ended["status"] == "done"

    (row,) = cli.json("jobs", "list")
    assert list(row) == VIEW
    assert (row["is_done"], row["is_running"], row["processed_count"]) == (True, False, 40)
    assert row["selection"]["table"] == "files"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", row[k]) for k in ("created_at", "finished_at"))

    shown = cli.json("jobs", "show", str(row["id"]))
    assert list(shown) == [*VIEW, "progress", "throttle", "throughput"]
    assert sum(minute["processed"] for minute in shown["throughput"]) == 40
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z", minute["minute"]) for minute in shown["throughput"])
    assert shown["progress"] == {"total": 40, "migrated": 40, "skipped": 0, "conflicted": 0, "failed": 0}
    assert {k: shown[k] for k in VIEW} == row
    ((content, checksum),) = cli.rows("SELECT content, checksum FROM files WHERE id = 3")
    assert checksum == f"sha3-512:{hashlib.sha3_512(content).hexdigest()}"


def test_lists_are_filtered_limited_and_plain_when_piped(cli: Cli) -> None:
    first, second = cli.create(DIGESTS, "SHA-384"), cli.create(PASSWORDS, "Argon2id", "--at", "+1d")
    assert [job["id"] for job in cli.json("jobs", "list")] == [second, first]
    assert [job["id"] for job in cli.json("jobs", "list", "table:files")] == [first]
    assert [job["id"] for job in cli.json("jobs", "list", "--limit", "1")] == [second]
    assert cli.json("jobs", "list", "status:failed") == []
    heading, *lines = cli.ok("jobs", "list").splitlines()
    assert heading.split()[:5] == ["ID", "STATE", "SCOPE", "WHERE", "TARGET"]
    assert [line.split()[:4] for line in lines] == [
        [str(second), "pending", "hashes", "accounts.password_hash"],
        [str(first), "pending", "hashes", "files.checksum"],
    ]


def test_a_job_is_paused_resumed_cancelled_and_retried(cli: Cli) -> None:
    job = str(cli.create(DIGESTS, "SHA-384"))
    assert "paused" in cli.ok("jobs", "pause", job)
    assert "paused" in cli.refused(6, "jobs", "run", job)
    assert cli.json("jobs", "resume", job)[0]["status"] == "pending"
    assert cli.json("jobs", "cancel", job)[0]["status"] == "cancelled"
    assert "cancelled" in cli.refused(6, "jobs", "pause", job)
    assert cli.json("jobs", "retry", job, "--from-scratch")[0]["status"] == "pending"
    assert cli.json("work", "--drain") == {"done": 1, "failed": 0, "stopped": 0}


def test_a_job_that_refuses_does_not_keep_the_others(cli: Cli) -> None:
    job = cli.create(DIGESTS, "SHA-384")
    done = cli.run("jobs", "cancel", "99", str(job))
    assert done.returncode == 6
    assert "no job 99" in done.stderr
    assert cli.rows("SELECT status FROM pq_migration_jobs") == [("cancelled",)]


def test_work_drains_what_is_due_and_leaves_what_is_not(cli: Cli) -> None:
    due, later = cli.create(DIGESTS, "SHA-384"), cli.create(DIGESTS, "SHA-384", "--at", "+2h")
    assert cli.ok("work", "--drain").startswith("1 done, 0 failed")
    status = dict(cli.rows("SELECT id, status FROM pq_migration_jobs"))
    assert status == {due: "done", later: "pending"}
    (row,) = cli.json("jobs", "list", f"id:{later}")
    ahead = datetime.fromisoformat(row["scheduled_at"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=58) < ahead < timedelta(hours=2, minutes=1)


def test_a_job_with_too_many_dead_letters_fails_the_drain(cli: Cli) -> None:
    job = str(cli.create({**DIGESTS, "max_failures": 0}, "SHA-384"))
    cli.execute("UPDATE files SET checksum = 'no digest' WHERE id = 20")
    done = cli.run("work", "--drain")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    (letter,) = cli.json("jobs", "show", job, "--dead-letters")
    assert letter["row_key"] == "[20]"
    assert letter["reason"] == "unparseable"
    assert "no digest" not in json.dumps(letter), "a stored value is never shown"
    shown = cli.ok("jobs", "show", job)
    assert "failed" in shown
    assert "unparseable" in shown
    error = cli.json("jobs", "show", job)["error"]
    assert "Traceback" not in error
    assert "retry" in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_job_resumable(cli: Cli, number: signal.Signals) -> None:
    job = cli.create({**PASSWORDS, "batch": {"rows": 10}}, "Argon2id")
    process = subprocess.Popen(
        cli.command("work", "--drain"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.environment()
    )
    assert process.stderr is not None
    first = process.stderr.readline()  # said when the job has begun
    assert b"running" in first
    process.send_signal(number)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert rest.decode().splitlines()[-1].startswith(f"pqconsole: Stopped by {number.name}. What is done is kept")
    ((status, counted),) = cli.rows(f"SELECT status, processed_count FROM pq_migration_jobs WHERE id = {job}")
    assert status == "pending"
    ((migrated,),) = cli.rows("SELECT count(*) FROM accounts WHERE password_hash NOT LIKE 'sha1$%'")
    assert migrated == counted < 400
    assert cli.rows("SELECT count(*) FROM pq_migration_ranges WHERE lease_owner IS NOT NULL") == [(0,)]


def test_keys_are_made_imported_listed_and_shown(bare: Cli) -> None:
    made = bare.json("keys", "generate", "docs", "ML-KEM-768+X25519")
    assert (made["id"], made["algorithm"]) == ("docs:1", "ML-KEM-768+X25519")
    imported = bare.json("keys", "import", "kek", "-", "--algorithm", "AES-128", stdin=b"0123456789abcde\n")
    assert imported["origin"] == "imported"
    listed = bare.json("keys", "list")
    assert [key["id"] for key in listed] == ["docs:1", "kek:1"]
    assert bare.json("keys", "show", "docs") == made
    assert len(bare.json("keys", "export", "docs", "--public")["public"]) > 1000
    everything = json.dumps(listed) + bare.ok("keys", "list") + bare.ok("keys", "show", "kek")
    assert "0123456789abcde" not in everything
    assert (bare.home / "keys" / "keyring.json").stat().st_mode & 0o077 == 0


def test_algorithms_are_listed_by_scope(bare: Cli) -> None:
    targets = bare.json("algorithms", "--scope", "signatures")
    names = [target["name"] for target in targets]
    assert names[:3] == ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"]
    assert "ML-DSA-65+Ed25519" in names
    # what needs liboqs is a target only where that is installed
    needing = (*liboqs.SLH_DSA, *liboqs.FALCON)
    assert [name for name in names if name in needing] == [name for name in needing if liboqs.has(name)]
    assert targets[1]["sizes"]["signature"] == 3309
    assert "Argon2id/m=19456,t=2,p=1" in bare.ok("algorithms")


def test_doctor_says_what_is_there_and_what_is_not(cli: Cli) -> None:
    checks = {check["name"]: check for check in cli.json("doctor")}
    assert {"pqconsole", "libraries", "algorithms", "settings", "keyring", "database", "tables"} <= set(checks)
    assert "failed" not in {check["state"] for check in checks.values()}
    assert cli.run("doctor", PQCONSOLE_URL="sqlite:////nowhere/at.all").returncode == 3
    done = cli.run("doctor", PQCONSOLE_URL="postgresql://pq:hunter2@127.0.0.1:1/none?connect_timeout=2")
    assert done.returncode == 3
    assert "hunter2" not in done.stdout + done.stderr
    assert "***" in done.stdout


def test_a_reader_that_goes_away_is_no_error(bare: Cli) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = bare.command("algorithms", "--json")
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=bare.environment(), check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_unforeseen_error_is_one_sentence_and_a_private_report(bare: Cli) -> None:
    program = (
        "import sys, pqtui.cli, pqtui.cli.algorithms as broken\n"
        "def fail(args):\n    raise ValueError('hunter2')\n"
        "broken.algorithms = fail\n"
        "sys.exit(pqtui.cli.main(['algorithms']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=bare.environment(), check=False)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    (report,) = bare.home.glob("log/error-*")
    assert str(report) in line
    assert "hunter2" not in line + report.read_text()
    assert report.stat().st_mode & 0o077 == 0


def test_the_demonstration_proves_itself(bare: Cli) -> None:
    outcome = bare.json("demo", "--headless", "--rows", "20")
    assert outcome["ok"]
    assert {kind["kind"] for kind in outcome["proof"]} >= {"logins", "documents", "signatures", "digests"}
    assert all(kind["held"] == kind["checked"] > 0 for kind in outcome["proof"])
    states = [job["status"] for job in outcome["jobs"]]
    assert states.count("pending") == 1
    assert set(states) >= {"done", "pending"}
    assert all(job["status"] == job["expected"] for job in outcome["jobs"] if job["scheduled_at"] is None)


def test_the_demonstration_never_touches_the_configured_database(cli: Cli) -> None:
    before = cli.rows("SELECT name FROM sqlite_master ORDER BY name")
    cli.ok("demo", "--headless", "--rows", "1")
    assert cli.rows("SELECT name FROM sqlite_master ORDER BY name") == before
