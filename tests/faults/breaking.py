"""What can be broken between a worker and its database: connections, replies, the server itself."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from pqcore.database.connect import parse_url
from tests.support.servers import Server


def named(url: str, name: str) -> str:
    """The URL under which a player connects, so that its connections can be told from those of others."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _text(parsed.update_query_dict({"application_name": f"pqfault-{name}"}))
    if parsed.get_backend_name() in ("mysql", "mariadb"):
        return _text(parsed.set(username=f"pqfault_{name}"))
    return url


def make_users(url: str, *names: str) -> None:
    """The users of ``named``, where the database needs some."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() not in ("mysql", "mariadb"):
        return
    with _admin(url) as conn:
        for name in names:
            conn.exec_driver_sql(f"CREATE USER IF NOT EXISTS 'pqfault_{name}'@'%%'")
            conn.exec_driver_sql(f"GRANT ALL ON `{parsed.database}`.* TO 'pqfault_{name}'@'%%'")


def break_connections(url: str, name: str) -> int:
    """Have the server end every connection of a player; returns how many there were."""
    with _admin(url) as conn:
        if conn.dialect.name == "postgresql":
            mine = sa.text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = :name"
            )
            return int(conn.execute(mine, {"name": f"pqfault-{name}"}).scalar_one())
        query = sa.text("SELECT id FROM information_schema.processlist WHERE user = :name")
        found = list(conn.execute(query, {"name": f"pqfault_{name}"}).scalars())
        for number in found:
            with contextlib.suppress(sa.exc.OperationalError):  # it may have ended by itself
                conn.exec_driver_sql(f"KILL {int(number)}")
        return len(found)


def holds_transaction(url: str, name: str) -> bool:
    """Whether a player, which is stopped, is inside a transaction; on SQLite, whether anybody writes for long."""
    if (parsed := sa.make_url(url)).get_backend_name() == "sqlite":
        with closing(sqlite3.connect(parsed.database or "", timeout=0.5, isolation_level=None)) as conn:
            try:
                conn.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            conn.execute("ROLLBACK")
            return False
    with _admin(url) as conn:
        if conn.dialect.name == "postgresql":
            query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name AND state <> 'idle'"
            return bool(conn.execute(sa.text(query), {"name": f"pqfault-{name}"}).scalar_one())
        query = (
            "SELECT count(*) FROM information_schema.innodb_trx t "
            "JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = :name"
        )
        return bool(conn.execute(sa.text(query), {"name": f"pqfault_{name}"}).scalar_one())


def halt(server: Server, number: signal.Signals | None = None) -> None:
    """Stop a server and keep its data."""
    process = server._process
    assert process is not None
    process.send_signal(number or server.stop_signal)
    process.wait(timeout=60)


def start_again(server: Server) -> None:
    """Start a server that was halted, on its port and data."""
    with (server.home / "log").open("ab") as log:
        server._process = subprocess.Popen(
            server.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=server.home, **server._identity()
        )
    server._wait(server.ping)


@contextmanager
def _admin(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(parse_url(url), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as conn:
        yield conn


def _text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


@dataclass(eq=False)
class _Pair:
    """A connection through the relay: the client's socket and the server's."""

    client: socket.socket
    server: socket.socket
    commits: bool = field(default=False)  # its COMMIT is on the way, and the reply shall be lost


class Relay:
    """Stands between workers and a server, and loses the replies to commits.

    The commit happens and the worker is not told: the line is cut instead.
    """

    def __init__(self, url: str, lose_every: int) -> None:
        parsed = sa.make_url(url)
        self._target = (parsed.host or "127.0.0.1", int(parsed.port or 0))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wakers = socket.socketpair()
        self._selector.register(self._wakers[0], selectors.EVENT_READ)
        self._pairs: dict[socket.socket, _Pair] = {}
        self._lose_every = lose_every
        self._commits = 0
        self.lost = 0
        self.url = _text(parsed.set(host="127.0.0.1", port=self._listener.getsockname()[1]))
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._wakers[1].send(b"!")
        self._thread.join()
        for pair in set(self._pairs.values()):
            self._cut(pair)
        for end in (self._listener, *self._wakers):
            end.close()
        self._selector.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._wakers[0]:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif (pair := self._pairs.get(key.fileobj)) is not None:  # type: ignore[call-overload]
                    self._forward(pair, key.fileobj)  # type: ignore[arg-type]

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        pair = _Pair(client, server)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[end] = pair
            self._selector.register(end, selectors.EVENT_READ)

    def _forward(self, pair: _Pair, source: socket.socket) -> None:
        try:
            data = source.recv(2**16)
            if not data:
                return self._cut(pair)
            if source is pair.client:
                self._look_for_commit(pair, data)
                pair.server.sendall(data)
            elif pair.commits:
                self.lost += 1
                self._cut(pair)
            else:
                pair.client.sendall(data)
        except OSError:
            self._cut(pair)

    def _look_for_commit(self, pair: _Pair, data: bytes) -> None:
        # only short packets: the word may stand in a value, too
        if len(data) < 64 and b"COMMIT" in data.upper():
            self._commits += 1
            pair.commits = self._commits % self._lose_every == 0

    def _cut(self, pair: _Pair) -> None:
        for end in (pair.client, pair.server):
            if self._pairs.pop(end, None) is not None:
                self._selector.unregister(end)
                end.close()
