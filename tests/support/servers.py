"""Real database servers for tests: started from the installed binaries, in temporary directories, on private ports.

A server runs as an unprivileged user, keeps nothing, and ends with the tests, also when these are killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

START_SECONDS = 60


class ServerMissing(Exception):
    """The server cannot be had on this machine."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _find(program: str, *folders: str) -> str:
    """The newest ``program`` in ``folders`` (glob patterns below /), or the one on the path."""
    found = [path for pattern in folders for path in Path("/").glob(pattern.lstrip("/")) if (path / program).exists()]
    if found:
        return str(max(found, key=lambda path: [int(p) for p in path.parts if p.isdigit()]) / program)
    if path := shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"):
        return path
    raise ServerMissing(f"{program} is not installed")


def _end_with_parent() -> None:
    """In the child: die with the tests (Linux), so that a killed run leaves no server behind."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Server(ABC):
    """A server that is starting, running or stopped; ``url`` is that of its maintenance database."""

    name: str
    accounts: tuple[str, ...]  # system users to run as when the tests run as root
    stop_signal: signal.Signals = signal.SIGTERM

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix=f"pqtest-{self.name}-"))
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = self._unprivileged()
        if self._user is not None:
            self.home.chmod(0o755)
            shutil.chown(self.home, self._user)

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def create(self) -> None:
        """Make the data directory."""

    @abstractmethod
    def command(self) -> list[str]:
        """The server in the foreground."""

    @abstractmethod
    def ping(self) -> None:
        """Connect; raises until the server is ready."""

    def start(self) -> None:
        """Create, start and wait until it answers; raises ServerMissing where it cannot be had."""
        try:
            self.create()
            self.start_again()
        except BaseException:
            self.stop()
            raise

    def start_again(self) -> None:
        """Run on the data that is there, after ``halt``, and wait until it answers."""
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.home, **self._identity()
            )
        self._wait(self.ping)

    def stop(self) -> None:
        """End the server and remove its files."""
        self.halt()
        shutil.rmtree(self.home, ignore_errors=True)

    def halt(self) -> None:
        """End the server, closing all connections, and keep its data."""
        if self._process is not None:
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Stop answering without closing a connection, as a dead host does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again after ``pause``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def run(self, *command: str) -> None:
        """Run a preparing command as the server's user."""
        # MariaDB sweeps its temporary directory, and trips over what others make and remove there meanwhile
        alone = {**os.environ, "TMPDIR": str(self.home)}
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.home, env=alone, **self._identity(), check=False
        )
        if done.returncode:
            raise ServerMissing(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-500:]}")

    def _unprivileged(self) -> str | None:
        if os.geteuid() != 0:
            return None
        for account in (*self.accounts, "nobody"):
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(account).pw_name
        raise ServerMissing("there is no unprivileged user to run as")

    def _identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = {"preexec_fn": _end_with_parent}
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            identity |= {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        return identity

    def _wait(self, ping: Callable[[], None]) -> None:
        pause = threading.Event()
        for _ in range(START_SECONDS * 20):
            if self._process is None or self._process.poll() is not None:
                raise ServerMissing(f"{self.name} ended: {(self.home / 'log').read_text(errors='replace')[-500:]}")
            try:
                return ping()
            except Exception:  # any refusal means: not yet
                pause.wait(0.05)
        raise ServerMissing(f"{self.name} did not answer within {START_SECONDS} s")


class PostgreSQLServer(Server):
    """PostgreSQL with trust authentication on the loopback address."""

    name = "postgresql"
    accounts = ("postgres",)
    stop_signal = signal.SIGINT  # fast shutdown: does not wait for clients

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        initdb = _find("initdb", "/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin")
        options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.run(initdb, "-D", str(self.home / "data"), *options)
        self._postgres = str(Path(initdb).resolve().parent / "postgres")

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.home,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            "shared_buffers": "64MB",
            # another zone than UTC, so that times that forget theirs are found out
            "timezone": "America/Caracas",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._postgres, "-D", str(self.home / "data"), *options]

    def ping(self) -> None:
        import psycopg

        psycopg.connect(self.url, connect_timeout=2).close()


class MariaDBServer(Server):
    """MariaDB with a root user without password on the loopback address."""

    name = "mariadb"
    accounts = ("mysql",)

    @property
    def url(self) -> str:
        return f"mariadb://root@127.0.0.1:{self.port}/mysql"

    def create(self) -> None:
        (self.home / "my.cnf").write_text("[client]\n")
        install = _find("mariadb-install-db", "/usr/bin")
        self._mariadbd = _find("mariadbd", "/usr/sbin")
        self.run(
            install,
            "--no-defaults",
            f"--datadir={self.home / 'data'}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        )

    def command(self) -> list[str]:
        settings = {
            "datadir": self.home / "data",
            # a server that starts sweeps its temporary tables away, and those of others in the same place
            "tmpdir": self.home,
            "socket": self.home / "s",
            "pid-file": self.home / "pid",
            "port": self.port,
            "bind-address": "127.0.0.1",
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-buffer-pool-size": "64M",
            "skip-name-resolve": 1,
            "max-connections": 300,
            "default-time-zone": "-04:00",
        }
        return [self._mariadbd, "--no-defaults", *(f"--{name}={value}" for name, value in settings.items())]

    def ping(self) -> None:
        import pymysql

        pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=2).close()
