"""An opened database: short reads, and writes that are one transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc as sa_exc

from pqcore.database.dialects import Dialect, Session, dialect_for
from pqcore.database.errors import AWAY, RETRYABLE, Fault, classify, dialect_of, translate, translated
from pqcore.errors import ConfigurationError, DatabaseUnavailable, MissingDriver, ReadOnlySession

POOL_TIMEOUT = 15.0  # seconds to wait for a free connection

# scheme of the URL -> SQLAlchemy's driver name, module, extra
_DRIVERS: dict[str, tuple[str, str, str]] = {
    "sqlite": ("sqlite", "sqlite3", ""),
    "postgresql": ("postgresql+psycopg", "psycopg", "postgres"),
    "postgres": ("postgresql+psycopg", "psycopg", "postgres"),
    # One name for both: the server says which it is, and users mix the two up.
    "mysql": ("mysql+pymysql", "pymysql", "mysql"),
    "mariadb": ("mysql+pymysql", "pymysql", "mysql"),
}
_pool_log = logging.getLogger(f"{sa.QueuePool.__module__}.{sa.QueuePool.__name__}")
_REST_SECONDS = 0.1
_LEFT = "pqconsole_left"  # when a connection was given back, in its record
_ACCEPTED = {"", "pysqlite", "psycopg", "pymysql"}
_SCHEMES = "sqlite:///PATH, postgresql://HOST/NAME, mysql://HOST/NAME or mariadb://HOST/NAME"


def parse_url(url: str, password: str | None = None) -> sa.URL:
    """The URL with the driver that pqconsole uses; ``password`` replaces the one in the URL, where there can be one.

    Raises ConfigurationError where it is no URL or names another kind of database.
    """
    try:
        parsed = sa.make_url(url)
        parsed.port  # noqa: B018 - parsed on access
    except (sa_exc.ArgumentError, ValueError):
        raise ConfigurationError("The database URL cannot be understood", f"Write it as {_SCHEMES}") from None
    scheme, _, driver = parsed.drivername.partition("+")
    if scheme not in _DRIVERS or driver not in _ACCEPTED:
        raise ConfigurationError(
            f"pqconsole has no support for databases of the kind {parsed.drivername}", f"Use {_SCHEMES}"
        )
    if scheme == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigurationError("An SQLite URL needs a file", "Write it as sqlite:///relative or sqlite:////absolute")
    if scheme != "sqlite" and not parsed.database:
        raise ConfigurationError("The database URL names no database", f"Write it as {_SCHEMES}")
    parsed = parsed.set(drivername=_DRIVERS[scheme][0])
    return parsed if password is None or scheme == "sqlite" else parsed.set(password=password)


def label_of(url: sa.URL) -> str:
    """A name for messages: kind, host, port and database; never a user, password or option."""
    kind = url.get_backend_name()
    if kind == "sqlite":
        return f"sqlite:///{url.database}"
    host = url.host or "localhost"
    port = f":{url.port}" if url.port else ""
    return f"{kind}://{host}{port}/{url.database}"


def _require_driver(url: sa.URL) -> None:
    _, module, extra = _DRIVERS[url.get_backend_name()]
    try:
        import_module(module)
    except ImportError:
        raise MissingDriver(
            f"The driver for {url.get_backend_name()} is not installed",
            f'Install it with pip install "pqconsole[{extra}]"',
        ) from None


# a right, a table or a whole session is missing: trying again, or another row, would not help
_FINAL = frozenset({Fault.PERMISSION, Fault.MISSING_TABLE, Fault.READ_ONLY, Fault.GONE})
# nothing of a read has to be halved or mended: whatever was in its way, it is tried again or shown
_OF_A_READ = AWAY | _FINAL | RETRYABLE


def _ping_after_a_rest(engine: sa.Engine) -> None:
    """Have connections that were not used for a moment prove that they still work, before they are.

    SQLAlchemy's ``pool_pre_ping`` asks each time: between the short transactions of batches that was a fifth of all
    round trips. What breaks within the moment is an error of its statement, and treated as such.
    """

    def left(_connection: Any, record: Any) -> None:
        record.info[_LEFT] = time.monotonic()

    def taken(connection: Any, record: Any, _fairy: Any) -> None:
        since = record.info.get(_LEFT)
        if since is None or time.monotonic() - since < _REST_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            if not engine.dialect.is_disconnect(error, connection, None):
                raise
            raise sa_exc.InvalidatePoolError from error

    sa.event.listen(engine, "checkin", left)
    sa.event.listen(engine, "checkout", taken)


def _worth_a_word(record: logging.LogRecord) -> bool:
    """Not that a line was cut while its connection was given back: the pool makes another one, and nothing is lost.

    SQLAlchemy logs it as an error with a traceback, which without a log would be written on the operator's terminal.
    """
    error = record.exc_info[1] if record.exc_info else None
    return error is None or classify(error, dialect_of(error)) not in AWAY


class Database:
    """An engine and its dialect. Thread-safe; connections are made when first needed.

    Attributes:
        engine: SQLAlchemy's engine; sessions run in UTC.
        dialect: what differs between the databases.
        read_only: True where ``write`` is refused; the database itself is told so, too.
        label: a name for messages, without credentials.
    """

    def __init__(self, engine: sa.Engine, dialect: Dialect, *, read_only: bool, label: str) -> None:
        self.engine = engine
        self.dialect = dialect
        self.read_only = read_only
        self.label = label
        self._wrote = False

    @classmethod
    def open(
        cls,
        url: str,
        *,
        password: str | None = None,
        read_only: bool = False,
        pool_size: int = 12,
        connect_args: Mapping[str, Any] | None = None,
        existing: bool = False,
    ) -> Database:
        """Prepare access to the database at ``url``; nothing is connected yet.

        Args:
            url: see docs/DATABASES.md; options of the driver, such as TLS, pass through its query.
            password: replaces the one in the URL.
            pool_size: connections that are kept; as many more are made when needed.
            connect_args: passed to the driver as they are (TLS files and the like).
            existing: refuse a SQLite file that is not there, instead of making it.

        Raises:
            ConfigurationError: the URL cannot be used.
            MissingDriver: the driver's extra is not installed.
        """
        parsed = parse_url(url, password)
        _require_driver(parsed)
        dialect = dialect_for(parsed, read_only=read_only, existing=existing)
        options = dialect.engine_options()
        options["connect_args"] = {**options.get("connect_args", {}), **(connect_args or {})}
        engine = sa.create_engine(
            dialect.url,
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=POOL_TIMEOUT,
            **options,
        )
        _pool_log.addFilter(_worth_a_word)
        dialect.attach(engine)
        if parsed.get_backend_name() != "sqlite":
            _ping_after_a_rest(engine)
        return cls(engine, dialect, read_only=read_only, label=label_of(parsed))

    def read(self) -> AbstractContextManager[sa.Connection]:
        """A short read in a transaction that the database itself keeps from writing."""
        return self._transaction(Session.READ)

    def write(self, *, durable: bool = True) -> AbstractContextManager[sa.Connection]:
        """One transaction: committed at the end, rolled back on any exception.

        Args:
            durable: False where the work is done again if the server or its power fails within a moment. Such a
                transaction is as whole as any other and kept in order with them; the next durable one brings it to
                the disk, too. PostgreSQL and SQLite then do not wait for the disk.

        Raises:
            ReadOnlySession: this database was opened read-only, or takes no writes.
            DatabaseUnavailable: it cannot be reached, went away before the commit was confirmed, or takes no writes any
                more, as a server that was made a replica.
        """
        if self.read_only:
            raise ReadOnlySession("This session is read-only", "Start pqconsole without --read-only")
        return self._write(Session.WRITE if durable else Session.BATCH)

    def mark(self) -> object | None:
        """Something that is another after any write by anybody, cheap to get: two equal ones, and what was read after
        the first still holds. None where the database has no such thing.
        """
        return self.dialect.mark(self.read)

    def translated(self) -> AbstractContextManager[None]:
        """Turn every failure of a statement inside into an error to show; see ``errors.translated``."""
        return translated(self.engine.dialect.name, self.label)

    def close(self) -> None:
        """Close all idle connections; those in use close when they are returned."""
        self.engine.dispose()

    @contextmanager
    def _write(self, session: Session) -> Iterator[sa.Connection]:
        with self.dialect.writer_turn(self.label), self._transaction(session) as connection:
            yield connection
        self.dialect.confirm()
        self._wrote = True

    @contextmanager
    def _transaction(self, session: Session) -> Iterator[sa.Connection]:
        name = self.engine.dialect.name
        with translated(name, self.label, connecting=True):
            connection = self.engine.connect()
        try:
            with translated(name, self.label):
                self.dialect.prepare(connection, session)
                transaction = connection.begin()
            try:
                with transaction:
                    yield connection
            except sa_exc.DBAPIError as exc:
                # What no caller can mend is translated; the rest is for the caller to classify.
                if classify(exc, name) in (_OF_A_READ if session is Session.READ else AWAY | _FINAL):
                    raise translate(exc, name, self.label) from None
                raise
            finally:
                self.dialect.finish(connection, session)
        except ReadOnlySession:
            if session is Session.READ or not self._wrote:
                raise  # the wrong server, or a user that may only read
            # it took writes before: it was made a replica, and another server has taken over, or will
            connection.invalidate()
            raise DatabaseUnavailable(
                f"{self.label[:1].upper()}{self.label[1:]} takes no writes any more",
                "Check whether another server has taken over; running jobs go on by themselves",
            ) from None
        finally:
            connection.close()
