"""The command with a home of its own, on a small SQLite database."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pqcore import environment
from pqtui.cli import main

DIGESTS: dict[str, Any] = {
    "table": "files",
    "field": "checksum",
    "options": {"mode": "digest", "source": "content"},
}
PASSWORDS: dict[str, Any] = {"table": "accounts", "field": "password_hash", "options": {"mode": "password"}}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class Cli:
    """Runs ``pqconsole`` as a user would, without a terminal."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.home / "data.sqlite"

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "pqtui", *words]

    def environment(self, **more: str) -> dict[str, str]:
        # unbuffered streams hide what is only found when Python flushes at exit
        kept = {n: v for n, v in os.environ.items() if not n.startswith("PQCONSOLE_") and n != "PYTHONUNBUFFERED"}
        return {
            **kept,
            # where the packages under test are, installed or not
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PQCONSOLE_HOME": str(self.home),
            "PQCONSOLE_CONFIG": "",
            "PQCONSOLE_URL": f"sqlite:///{self.database}",
            "PQCONSOLE_PASSPHRASE": "correct horse",
            **self.env,
            **more,
        }

    def run(self, *words: str, stdin: str | bytes = b"", **env: str) -> Done:
        """Run a command in this process: twenty times faster than in one of its own."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        streams = [io.TextIOWrapper(io.BytesIO(data)), io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())]
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ:
                patch.delenv(name)
            for name, value in self.environment(**env).items():
                patch.setenv(name, value)
            patch.setattr(environment, "_withheld", {})  # what the process of an earlier command knew
            for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
                patch.setattr(sys, name, stream)
            code = main(words)
        return Done(code, _written(streams[1]), _written(streams[2]))

    def run_process(self, *words: str, **env: str) -> Done:
        """Run a command as a user does, in a process of its own."""
        done = subprocess.run(self.command(*words), capture_output=True, env=self.environment(**env), check=False)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *words: str, stdin: str | bytes = b"", **env: str) -> str:
        """Run a command that succeeds; returns its output."""
        done = self.run(*words, stdin=stdin, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str, stdin: str | bytes = b"") -> Any:
        return json.loads(self.ok(*words, "--json", stdin=stdin))

    def refused(self, code: int, *words: str, stdin: str | bytes = b"", **env: str) -> str:
        """Run a command that is refused; returns its sentence, which is one line with a remedy."""
        (line,) = self.problems(code, *words, stdin=stdin, **env)
        return line

    def problems(self, code: int, *words: str, stdin: str | bytes = b"", **env: str) -> list[str]:
        """Run a command that is refused for one or more reasons; returns a sentence with a remedy for each."""
        return sentences(self.home, code, self.run(*words, stdin=stdin, **env))

    def create(self, selection: dict[str, Any], algorithm: str, *words: str, scope: str = "hashes") -> int:
        options = ("--scope", scope, "--algorithm", algorithm, "--selection", "-")
        return int(self.ok("jobs", "create", *options, *words, stdin=json.dumps(selection)))

    def rows(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.database)) as conn:
            return conn.execute(statement).fetchall()

    def execute(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.database, isolation_level=None)) as conn:
            conn.execute(statement, values)


def sentences(home: Path, code: int, done: Done) -> list[str]:
    """What a refused command said: lines of a sentence and a remedy each, no traceback, no report."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines
    for line in lines:
        assert line.startswith("pqconsole: ")
        assert line.endswith(".")
        assert line.count(". ") >= 1, "a sentence and a remedy"
    assert not list(home.glob("log/error-*")), "a report means that nobody foresaw it"
    return lines


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """Each test keeps its logs in its own home."""
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()
    logging.captureWarnings(False)


@pytest.fixture
def bare(tmp_path: Path) -> Cli:
    """A home without anything in it."""
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with the schema, 40 files with digests and 400 accounts with salted SHA-1 passwords."""
    cli = Cli(tmp_path_factory.mktemp("template"))
    with closing(sqlite3.connect(cli.database)) as conn, conn:
        conn.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)")
        conn.execute("INSERT INTO users VALUES (7, 'ops@example.com')")
        conn.execute("CREATE TABLE files (id INTEGER PRIMARY KEY, content BLOB NOT NULL, checksum TEXT NOT NULL)")
        conn.executemany("INSERT INTO files VALUES (?, ?, ?)", _files(40))
        conn.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, password_hash TEXT NOT NULL)")
        conn.executemany("INSERT INTO accounts VALUES (?, ?)", _accounts(400))
    assert cli.run_process("init").returncode == 0
    copy = cli.home / "copy.sqlite"
    cli.execute("VACUUM INTO ?", str(copy))
    return copy.read_bytes()


def _files(count: int) -> Iterator[tuple[int, bytes, str]]:
    for number in range(1, count + 1):
        content = b"content %d" % number
        yield number, content, hashlib.sha256(content).hexdigest()


def _accounts(count: int) -> Iterator[tuple[int, str]]:
    for number in range(1, count + 1):
        yield number, f"sha1$salt{number}${hashlib.sha1(b'salt%dpw' % number).hexdigest()}"


@pytest.fixture
def cli(tmp_path: Path, template: bytes) -> Cli:
    """A home with an installed database, of its own for each test."""
    found = Cli(tmp_path)
    found.database.touch(0o600)
    found.database.write_bytes(template)
    return found
