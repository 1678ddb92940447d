"""SQLite: one writer at a time, everything in one file."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import sqlalchemy as sa

from pqcore.database.dialects.base import SESSION_OPTION, Dialect, SelectT, Session, Width, encode, encoder, not_unique
from pqcore.database.errors import file_gone
from pqcore.database.swap import Swap, SwapPlan
from pqcore.errors import DatabaseUnavailable, SchemaError
from pqcore.patience import patience

_LOOK_AGAIN_SECONDS = 0.001
BUSY_SECONDS = 15.0  # how long a writer waits for another one, in this process or elsewhere

# Threads of this process queue here: SQLite's own waiting polls, and may starve one of them.
_turns: dict[str, threading.Lock] = {}
_turns_guard = threading.Lock()


_MEANINGLESS = ("UUID", "BYTEA", "BINARY", "VARBINARY", "JSONB", "STRING", "CITEXT")


def _make(path: Path) -> None:
    """Make the file where it is missing, the owner's alone from its first byte; one that exists keeps its mode.

    A file that exists is not even opened: closing any descriptor of it drops all POSIX locks that this process has on
    it. Another process would then take itself for the last one, and remove the WAL that is in use here.
    """
    with _turns_guard, suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


class _Connection(sqlite3.Connection):
    """One that knows whether a commit has to wait for the disk, and how long a statement waits for a lock."""

    wal = False
    durable: bool | None = None
    waits: float | None = None

    def require(self, *, durable: bool) -> None:
        """Set what the next commit does; without a WAL a commit that does not wait is not safe."""
        durable = durable or not self.wal
        if self.durable != durable:
            self.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self.durable = durable

    def wait_for_locks(self, seconds: float) -> None:
        """Set how long a statement waits for a lock that another process holds."""
        if self.waits != seconds:
            self.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
            self.waits = seconds


class _AsStored(sa.types.NullType):
    """A declared type that SQLite gives no meaning: values pass as they are stored."""

    cache_ok = True

    def __init__(self, *_args: Any) -> None:
        super().__init__()


class _OtherInteger(sa.INTEGER):
    """An integer type by another name than INTEGER: as a primary key it is not the rowid, so nothing numbers it."""


_OTHER_INTEGERS = ("INT", "MEDIUMINT", "TINYINT", "INT2", "INT8", "INTEGER UNSIGNED", "UNSIGNED BIG INT")


class SQLite(Dialect):
    """SQLite 3.35 and newer, through the standard library."""

    name: ClassVar[str] = "sqlite"

    def __init__(self, url: sa.URL, *, read_only: bool, existing: bool = False) -> None:
        super().__init__(url, read_only=read_only, existing=existing)
        self._path = Path(url.database or "").expanduser()
        self._inode: int | None = None  # of the file, once it was opened
        with _turns_guard:
            self._turn = _turns.setdefault(str(self._path.resolve()), threading.Lock())

    def engine_options(self) -> dict[str, Any]:
        return {"creator": self._connect, "poolclass": sa.QueuePool}

    def attach(self, engine: sa.Engine) -> None:
        names: dict[str, Any] = engine.dialect.ischema_names  # type: ignore[attr-defined]
        # SQLAlchemy would read these by affinity, as numbers.
        own: dict[str, Any] = dict.fromkeys(_MEANINGLESS, _AsStored)
        own |= dict.fromkeys(_OTHER_INTEGERS, _OtherInteger)
        engine.dialect.ischema_names = {**names, **own}  # type: ignore[attr-defined]
        sa.event.listen(engine, "begin", self._begin)

    def mark(self, read: Callable[[], AbstractContextManager[sa.Connection]]) -> object | None:  # noqa: ARG002
        # by stat alone: to open and close the files would drop this process's locks on them
        found = []
        for name in (self._path, self._path.with_name(f"{self._path.name}-wal")):
            with suppress(FileNotFoundError):
                info = name.stat()
                found.append((info.st_ino, info.st_size, info.st_mtime_ns))
        return tuple(found)

    def confirm(self) -> None:
        self._require_the_same()

    def writer_turn(self, label: str) -> AbstractContextManager[None]:
        return self._wait(label)

    def finish(self, connection: sa.Connection, session: Session) -> None:
        if session is Session.READ and not self.read_only and not connection.invalidated:
            _run(connection, "PRAGMA query_only = 0")

    def lock_skip(self, select: SelectT, of: Any = None) -> SelectT:  # noqa: ARG002
        return select  # a writing transaction holds the whole database

    def column_width(self, column: sa.Column[Any]) -> Width:
        # Declared lengths are not enforced.
        return Width(None, "bytes" if isinstance(column.type, sa.types._Binary) else "characters")

    def _swap(self, conn: sa.Connection, plan: SwapPlan, swaps: Sequence[Swap]) -> list[int]:
        processors = encoder(conn, plan.columns())
        columns = encode(processors, swaps)
        first_write = len(plan.key) + len(plan.guards)
        key, guards, writes = columns[: len(plan.key)], columns[len(plan.key) : first_write], columns[first_write:]
        # each key value is bound twice: for the index, and for the exact comparison
        rows = list(zip(*writes, *key, *key, *guards, strict=True))
        statement = _update(conn, plan)
        savepoint = conn.begin_nested()
        done = conn.exec_driver_sql(statement, rows).rowcount if len(rows) > 1 else -1
        if done == len(rows):
            savepoint.commit()
            return []
        # Some lost, and the total does not say which: once more, one by one.
        savepoint.rollback()
        lost = []
        for index, row in enumerate(rows):
            count = conn.exec_driver_sql(statement, row).rowcount
            if count > 1:
                raise not_unique(plan)
            if count == 0:
                lost.append(index)
        return lost

    def _connect(self) -> _Connection:
        path = self._path.absolute()
        if self._inode is not None or self.existing:
            self._require_the_same()
        if self.read_only:
            target = f"file:{quote(str(path))}?mode=ro"
        elif self._inode is not None or self.existing:
            target = f"file:{quote(str(path))}?mode=rw"
        else:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(path)
            target = f"file:{quote(str(path))}"
        connection = sqlite3.connect(
            target,
            uri=True,
            timeout=patience(BUSY_SECONDS),
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        try:
            connection.execute("PRAGMA foreign_keys = 1")
            if self.read_only:
                connection.execute("PRAGMA query_only = 1")
            else:
                self._use_wal(connection)
            self._require_the_same()
        except BaseException:
            connection.close()
            raise
        return connection

    def _require_the_same(self) -> None:
        """Refuse to go on where the file that was opened is gone: what is written to it then would be lost.

        SQLite itself notices when it writes, and not at every write; a reader would go on with what nobody else sees.
        """
        try:
            inode = self._path.stat().st_ino
        except (FileNotFoundError, NotADirectoryError):
            if self._inode is None:
                message = f"There is no database {self._path}"
                raise SchemaError(message, "Make it with pqconsole init, or correct the URL") from None
            raise file_gone(f"sqlite:///{self.url.database}") from None
        if self._inode is None:
            self._inode = inode
        elif inode != self._inode:
            raise file_gone(f"sqlite:///{self.url.database}", replaced=True)

    @staticmethod
    def _use_wal(connection: _Connection) -> None:
        connection.wal = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        if connection.wal:
            return
        try:
            connection.wal = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal"
        except sqlite3.OperationalError as exc:
            # Another connection is at work in the older mode; that mode is slower, and as safe.
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise

    def _begin(self, connection: sa.Connection) -> None:
        self._require_the_same()
        session = connection.get_execution_options().get(SESSION_OPTION)
        driver: _Connection = connection.connection.driver_connection  # type: ignore[assignment]
        if session in (Session.WRITE, Session.BATCH):
            # at once, so that two writers queue here and neither fails half-way
            _begin_writing(connection, driver, durable=session is Session.WRITE)
            return
        driver.wait_for_locks(patience(BUSY_SECONDS))
        if session is Session.READ:
            _run(connection, "PRAGMA query_only = 1")
        _run(connection, "BEGIN")

    @contextmanager
    def _wait(self, label: str) -> Iterator[None]:
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise DatabaseUnavailable(
                f"Another writer holds {label}", "Wait for it to finish, then try again; writes cannot be nested"
            )
        try:
            yield
        finally:
            self._turn.release()


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def _begin_writing(connection: sa.Connection, driver: _Connection, *, durable: bool) -> None:
    """Take the database's one write lock, waiting for other processes as long as for other threads.

    SQLite itself looks for the lock ever more seldom, up to every 100 ms: processes that share a job would idle.
    """
    driver.require(durable=durable)
    driver.wait_for_locks(0)
    until = time.monotonic() + BUSY_SECONDS
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    break
            time.sleep(_LOOK_AGAIN_SECONDS)
        # once more through SQLAlchemy, which makes its own error of the driver's
        _run(connection, "BEGIN IMMEDIATE")
    finally:
        driver.wait_for_locks(BUSY_SECONDS)


def _update(conn: sa.Connection, plan: SwapPlan) -> str:
    preparer = conn.dialect.identifier_preparer
    quoted = preparer.quote
    sets = ", ".join(f"{quoted(name)} = ?" for name in plan.writes)
    # "=" under the column's own collation finds the row by its index; the binary collation decides.
    where = [f"{quoted(name)} = ?" for name in plan.key]
    where += [f"{quoted(name)} COLLATE BINARY = ?" for name in plan.key]
    for name in plan.guards:
        column = quoted(name)
        if isinstance(plan.table.c[name].type, sa.JSON):
            # SQLAlchemy reads JSON as objects: compare the documents without their white space
            where.append(f"coalesce(json({column}), 'null') COLLATE BINARY = coalesce(json(?), 'null')")
        else:
            where.append(f"{column} COLLATE BINARY IS ?")
    return f"UPDATE {preparer.format_table(plan.table)} SET {sets} WHERE {' AND '.join(where)}"  # noqa: S608
