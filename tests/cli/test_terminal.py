"""On a terminal: bars and tables, and nothing from the database that steers it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pexpect
import pytest

from tests.cli.conftest import DIGESTS, PASSWORDS, Cli

# Python 3.12 warns of a fork while other threads run; the child becomes another program at once
pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")

OSC = "\x1b]52;c;QUFBQQ==\x07"
HOSTILE = f"{OSC}[/red]\x1b[2J\u202e\x9b31m"
# what rich itself sends: colours, cursor movements, clearing of a line; never OSC
OWN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(cli: Cli, *words: str, term: str = "xterm-256color", columns: int = 120) -> tuple[int, str]:
    """Run a command in a terminal of its own; returns the exit code and all that was sent to it."""
    environment = cli.environment(TERM=term, COLUMNS=str(columns))
    output, code = pexpect.run(
        shlex.join(cli.command(*words)),
        env=os.environ.copy() | environment,
        timeout=60,
        withexitstatus=True,
        encoding="utf-8",
    )
    return code, output


@pytest.fixture
def hostile(cli: Cli) -> Cli:
    """A database into which another program put jobs whose texts try to steer the terminal."""
    selection = json.dumps({"table": HOSTILE, "field": "x" * 300})
    with closing(sqlite3.connect(cli.database)) as conn, conn:
        conn.execute(
            "INSERT INTO pq_migration_jobs (scope, selection, status, error) VALUES ('hashes', ?, 'failed', ?)",
            (selection, HOSTILE),
        )
    return cli


@pytest.mark.parametrize("words", [("jobs", "list"), ("jobs", "show", "1")], ids=" ".join)
def test_text_of_the_database_reaches_no_terminal_raw(hostile: Cli, words: tuple[str, ...]) -> None:
    piped = hostile.ok(*words)
    assert all(char.isprintable() or char == "\n" for char in piped)
    code, output = on_a_terminal(hostile, *words)
    assert code == 0
    assert all(char.isprintable() or char in "\r\n" for char in OWN.sub("", output))
    assert "\x1b[2J" not in output
    assert "[/red]" in output, "shown as it is, not read as markup"


def test_json_holds_the_text_as_it_is(hostile: Cli) -> None:
    printed = hostile.ok("jobs", "show", "1", "--json")
    assert printed.isascii()
    assert json.loads(printed)["error"] == HOSTILE


@pytest.mark.parametrize("columns", [60, 160])
def test_a_job_is_run_with_a_bar(cli: Cli, columns: int) -> None:
    job = cli.create(DIGESTS, "SHA-384")
    code, output = on_a_terminal(cli, "jobs", "run", str(job), columns=columns)
    assert code == 0
    assert "40/40" in output
    assert "40 migrated" in output


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_place_text_gets_no_console(cli: Cli, term: str) -> None:
    code, output = on_a_terminal(cli, term=term)
    assert code == 8
    assert "pqconsole work" in output


def test_the_passphrase_is_asked_for_without_showing_it(cli: Cli) -> None:
    environment = cli.environment(TERM="xterm", PQCONSOLE_PASSPHRASE="")
    arguments = ["-m", "pqtui", "keys", "generate", "signer", "ML-DSA-44"]
    child = pexpect.spawn(sys.executable, arguments, env=environment, timeout=30, encoding="utf-8")
    child.expect("New passphrase for ")
    child.sendline("tr0ub4dor")
    child.expect("The same again")
    child.sendline("tr0ub4dor")
    child.expect("signer:1")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "tr0ub4dor" not in str(child.before)
    assert cli.ok("keys", "export", "signer", "--public", PQCONSOLE_PASSPHRASE="tr0ub4dor")


def test_a_terminal_that_goes_away_stops_the_work_cleanly(cli: Cli) -> None:
    job = cli.create({**PASSWORDS, "batch": {"rows": 10}}, "Argon2id")
    master, slave = os.openpty()
    process = subprocess.Popen(
        cli.command("work", "--drain"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=cli.environment(TERM="xterm"),
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    while b"/400" not in shown:  # the bar of a job that has begun
        shown += os.read(master, 4096)
    os.close(master)
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 130
    assert cli.rows(f"SELECT status, error FROM pq_migration_jobs WHERE id = {job}") == [("pending", None)]


def test_work_goes_on_where_nobody_reads_its_progress(cli: Cli) -> None:
    cli.create(DIGESTS, "SHA-384")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(cli.command("work", "--drain"), stderr=writer, env=cli.environment(), check=False)
    os.close(writer)
    assert done.returncode == 0
    assert cli.rows("SELECT status, error FROM pq_migration_jobs") == [("done", None)]
