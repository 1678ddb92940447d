"""What a database failure means: a pure classification by driver codes, and its translation for users.

Codes: SQLSTATE (PostgreSQL manual, appendix A), MySQL and MariaDB server and client error numbers,
SQLite result codes. Messages built here never hold a statement, a bound value or a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import sqlalchemy.exc as sa_exc

from pqcore.errors import (
    ConfigurationError,
    DatabaseError,
    DatabaseGone,
    DatabaseLocked,
    DatabaseUnavailable,
    ReadOnlySession,
    SchemaError,
)


class Fault(StrEnum):
    """Why a statement or a connection failed."""

    DEADLOCK = "deadlock"
    SERIALIZATION = "serialization"
    LOCK_TIMEOUT = "lock_timeout"  # a lock or a statement took longer than the database allows
    CONNECTION_LOST = "connection_lost"
    UNAVAILABLE = "unavailable"  # cannot be reached, without a free connection or memory
    FULL = "full"  # no room left on its disk
    GONE = "gone"  # its file was deleted or replaced while it was open
    PERMISSION = "permission"
    MISSING_TABLE = "missing_table"  # a table, column, view, schema or database is not there
    CONSTRAINT = "constraint"  # a constraint or a trigger refuses the row
    DATA = "data"  # a value does not fit its column
    READ_ONLY = "read_only"
    OTHER = "other"


RETRYABLE = frozenset({Fault.DEADLOCK, Fault.SERIALIZATION, Fault.LOCK_TIMEOUT})
AWAY = frozenset({Fault.CONNECTION_LOST, Fault.UNAVAILABLE, Fault.FULL})

_SQLSTATES: dict[str, Fault] = {
    "40P01": Fault.DEADLOCK,
    "40001": Fault.SERIALIZATION,
    "55P03": Fault.LOCK_TIMEOUT,
    "57014": Fault.LOCK_TIMEOUT,  # statement_timeout, or cancelled by an administrator
    "25P03": Fault.CONNECTION_LOST,  # idle_in_transaction_session_timeout
    "25P04": Fault.CONNECTION_LOST,  # transaction_timeout
    "26000": Fault.SERIALIZATION,  # a pooler gave the session to a server that does not know the prepared statement,
    "42P05": Fault.SERIALIZATION,  # or knows another one by its name
    "53100": Fault.FULL,
    "54000": Fault.DATA,  # larger than an index, or a row, may hold
    "57P01": Fault.CONNECTION_LOST,
    "57P02": Fault.CONNECTION_LOST,
    "57P03": Fault.UNAVAILABLE,  # starting up or shutting down
    "57P04": Fault.UNAVAILABLE,
    "57P05": Fault.CONNECTION_LOST,
    "42501": Fault.PERMISSION,
    "42P01": Fault.MISSING_TABLE,
    "42703": Fault.MISSING_TABLE,
    "3D000": Fault.MISSING_TABLE,
    "3F000": Fault.MISSING_TABLE,
    "25006": Fault.READ_ONLY,
    "P0001": Fault.CONSTRAINT,  # a trigger raised an exception
}
_SQLSTATE_CLASSES: dict[str, Fault] = {
    "08": Fault.CONNECTION_LOST,
    "22": Fault.DATA,
    "23": Fault.CONSTRAINT,
    "28": Fault.PERMISSION,
    "40": Fault.SERIALIZATION,
    "53": Fault.UNAVAILABLE,
    "58": Fault.UNAVAILABLE,
    "72": Fault.SERIALIZATION,  # snapshot too old
}
_NOT_SUPPORTED = "0A000"  # of many kinds of requests two are no fault of the request: the words tell
_NOT_SUPPORTED_WORDS = (
    ("cached plan", Fault.SERIALIZATION),  # the table was changed meanwhile
    ("during recovery", Fault.READ_ONLY),  # a standby takes no transaction that may write
)
# A refused PostgreSQL connection carries no SQLSTATE, only the server's words.
_CONNECT_WORDS: tuple[tuple[str, Fault], ...] = (
    ("password authentication failed", Fault.PERMISSION),
    ("no password supplied", Fault.PERMISSION),
    ("authentication failed", Fault.PERMISSION),
    ("no pg_hba.conf entry", Fault.PERMISSION),
    ("too many connections", Fault.UNAVAILABLE),  # for a role or a database; before the words that name one
    ("permission denied", Fault.PERMISSION),
    ("role ", Fault.PERMISSION),
    ("database ", Fault.MISSING_TABLE),
)

_MYSQL: dict[int, Fault] = {
    1213: Fault.DEADLOCK,
    1614: Fault.DEADLOCK,
    3058: Fault.DEADLOCK,
    3101: Fault.SERIALIZATION,  # Group Replication gave another member's transaction precedence
    1020: Fault.SERIALIZATION,  # MariaDB innodb_snapshot_isolation
    1412: Fault.SERIALIZATION,  # the table's definition changed meanwhile
    1615: Fault.SERIALIZATION,
    1684: Fault.SERIALIZATION,  # the table's definition is being changed
    1205: Fault.LOCK_TIMEOUT,
    1206: Fault.LOCK_TIMEOUT,  # more locks than there is room for: fewer rows take fewer
    1613: Fault.LOCK_TIMEOUT,
    3572: Fault.LOCK_TIMEOUT,
    1317: Fault.LOCK_TIMEOUT,  # KILL QUERY
    1969: Fault.LOCK_TIMEOUT,  # max_statement_time
    3024: Fault.LOCK_TIMEOUT,  # max_execution_time
    0: Fault.CONNECTION_LOST,  # PyMySQL: used after it was closed
    1053: Fault.CONNECTION_LOST,
    1079: Fault.CONNECTION_LOST,
    1080: Fault.CONNECTION_LOST,
    1152: Fault.CONNECTION_LOST,
    1184: Fault.CONNECTION_LOST,
    1158: Fault.CONNECTION_LOST,
    1159: Fault.CONNECTION_LOST,
    1160: Fault.CONNECTION_LOST,
    1161: Fault.CONNECTION_LOST,
    1927: Fault.CONNECTION_LOST,
    2006: Fault.CONNECTION_LOST,
    2013: Fault.CONNECTION_LOST,
    2014: Fault.CONNECTION_LOST,
    2027: Fault.CONNECTION_LOST,
    2055: Fault.CONNECTION_LOST,
    3169: Fault.CONNECTION_LOST,
    4031: Fault.CONNECTION_LOST,
    3: Fault.FULL,  # a file could not be written
    20: Fault.FULL,
    1021: Fault.FULL,
    1026: Fault.FULL,
    1114: Fault.FULL,
    1037: Fault.UNAVAILABLE,
    1038: Fault.UNAVAILABLE,
    1040: Fault.UNAVAILABLE,
    1041: Fault.UNAVAILABLE,
    1042: Fault.UNAVAILABLE,
    1043: Fault.UNAVAILABLE,
    1047: Fault.UNAVAILABLE,  # Galera: the node is not in the cluster now
    1129: Fault.UNAVAILABLE,
    1135: Fault.UNAVAILABLE,
    1203: Fault.UNAVAILABLE,
    1226: Fault.UNAVAILABLE,
    2002: Fault.UNAVAILABLE,
    2003: Fault.UNAVAILABLE,
    1637: Fault.UNAVAILABLE,
    2004: Fault.UNAVAILABLE,
    2005: Fault.UNAVAILABLE,
    2012: Fault.UNAVAILABLE,
    2026: Fault.UNAVAILABLE,  # TLS
    1044: Fault.PERMISSION,
    1045: Fault.PERMISSION,
    1130: Fault.PERMISSION,
    1142: Fault.PERMISSION,
    1143: Fault.PERMISSION,
    1227: Fault.PERMISSION,
    1345: Fault.PERMISSION,
    1370: Fault.PERMISSION,
    1698: Fault.PERMISSION,
    1820: Fault.PERMISSION,
    1862: Fault.PERMISSION,
    3118: Fault.PERMISSION,
    3159: Fault.PERMISSION,  # only over TLS
    4151: Fault.PERMISSION,
    1049: Fault.MISSING_TABLE,
    1054: Fault.MISSING_TABLE,
    1146: Fault.MISSING_TABLE,
    1356: Fault.MISSING_TABLE,  # a view whose table is gone
    1048: Fault.CONSTRAINT,
    1062: Fault.CONSTRAINT,
    1169: Fault.CONSTRAINT,
    1216: Fault.CONSTRAINT,
    1217: Fault.CONSTRAINT,
    1364: Fault.CONSTRAINT,
    1451: Fault.CONSTRAINT,
    1452: Fault.CONSTRAINT,
    1557: Fault.CONSTRAINT,
    1586: Fault.CONSTRAINT,
    1644: Fault.CONSTRAINT,  # SIGNAL in a trigger
    3819: Fault.CONSTRAINT,
    4025: Fault.CONSTRAINT,
    1153: Fault.DATA,  # larger than max_allowed_packet
    1264: Fault.DATA,
    1265: Fault.DATA,
    1292: Fault.DATA,
    1366: Fault.DATA,
    1406: Fault.DATA,
    1411: Fault.DATA,
    1690: Fault.DATA,
    3140: Fault.DATA,
    3854: Fault.DATA,
    3988: Fault.DATA,
    1290: Fault.READ_ONLY,
    1792: Fault.READ_ONLY,
    1836: Fault.READ_ONLY,
    1874: Fault.READ_ONLY,
    1881: Fault.READ_ONLY,
}
# the storage engine's own error, whose number is in the words; 28 is the operating system's for a full disk
_MYSQL_ENGINE = {1030, 1180}
_MYSQL_ENGINE_WORDS = (("error 28 ", Fault.FULL), ("error 149 ", Fault.DEADLOCK))

_SQLITE: dict[int, Fault] = {
    3: Fault.PERMISSION,
    5: Fault.LOCK_TIMEOUT,
    6: Fault.LOCK_TIMEOUT,
    7: Fault.UNAVAILABLE,
    8: Fault.READ_ONLY,
    10: Fault.UNAVAILABLE,
    13: Fault.FULL,
    14: Fault.UNAVAILABLE,
    15: Fault.LOCK_TIMEOUT,  # several processes opened the WAL at one moment
    17: Fault.SERIALIZATION,  # a table was changed meanwhile
    18: Fault.DATA,
    19: Fault.CONSTRAINT,
    20: Fault.DATA,
    23: Fault.PERMISSION,
    25: Fault.DATA,
}
_SQLITE_BUSY_SNAPSHOT = 517
_SQLITE_DATABASE_MOVED = 1032
_SQLITE_DAMAGED = 11
_SQLITE_NOT_A_DATABASE = 26


def classify(exc: BaseException, dialect_name: str) -> Fault:
    """The fault behind a driver's or SQLAlchemy's exception; ``OTHER`` where the code says nothing.

    ``dialect_name`` is SQLAlchemy's: ``postgresql``, ``mysql``, ``mariadb`` or ``sqlite``.
    """
    if isinstance(exc, sa_exc.TimeoutError):  # no free connection in the pool
        return Fault.UNAVAILABLE
    if isinstance(exc, DatabaseUnavailable):
        return Fault.UNAVAILABLE
    if isinstance(exc, sa_exc.NoSuchTableError):
        return Fault.MISSING_TABLE
    if isinstance(exc, sa_exc.DBAPIError):
        fault = classify(exc.orig, dialect_name) if exc.orig is not None else Fault.OTHER
        # SQLAlchemy knows signs of a dropped line that have no code.
        return Fault.CONNECTION_LOST if exc.connection_invalidated and fault not in AWAY else fault
    if isinstance(exc, OSError):
        return Fault.CONNECTION_LOST
    if dialect_name == "postgresql":
        return _classify_postgresql(exc)
    if dialect_name in {"mysql", "mariadb"}:
        return _classify_mysql(exc)
    return _classify_sqlite(exc)


def _classify_postgresql(exc: BaseException) -> Fault:
    state = getattr(exc, "sqlstate", None)
    if state == _NOT_SUPPORTED:
        return next((fault for words, fault in _NOT_SUPPORTED_WORDS if words in str(exc)), Fault.OTHER)
    if isinstance(state, str) and state:
        return _SQLSTATES.get(state) or _SQLSTATE_CLASSES.get(state[:2], Fault.OTHER)
    if type(exc).__name__ not in {"OperationalError", "ConnectionTimeout"}:
        return Fault.OTHER
    words = str(exc)
    if "connection failed" not in words and "connection is bad" not in words and "timeout" not in words:
        return Fault.CONNECTION_LOST
    refusal = words.partition("FATAL:")[2]
    for word, fault in _CONNECT_WORDS:
        if word in refusal and ("does not exist" in refusal or "failed" in refusal or fault is not Fault.MISSING_TABLE):
            return fault
    return Fault.UNAVAILABLE


def _classify_mysql(exc: BaseException) -> Fault:
    code = exc.args[0] if exc.args else None
    if code in _MYSQL_ENGINE:
        return next((fault for words, fault in _MYSQL_ENGINE_WORDS if words in str(exc)), Fault.OTHER)
    if isinstance(code, int):
        return _MYSQL.get(code, Fault.OTHER)
    return Fault.OTHER


def _classify_sqlite(exc: BaseException) -> Fault:
    code = getattr(exc, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return Fault.CONNECTION_LOST if "closed database" in str(exc) else Fault.OTHER
    if code == _SQLITE_BUSY_SNAPSHOT:
        return Fault.SERIALIZATION
    if code == _SQLITE_DATABASE_MOVED:
        return Fault.GONE
    if code == 1 and str(exc).startswith(("no such table", "no such column", "no such view")):
        return Fault.MISSING_TABLE
    return _SQLITE.get(code & 0xFF, Fault.OTHER)


def translate(exc: BaseException, dialect_name: str, label: str = "the database") -> DatabaseError | ReadOnlySession:
    """The error to show for ``exc``; ``label`` names the database without credentials."""
    fault = classify(exc, dialect_name)
    match fault:
        case Fault.UNAVAILABLE if isinstance(exc, sa_exc.TimeoutError):
            return DatabaseUnavailable(
                f"No connection to {label} became free in time", "Lower the number of threads, then try again"
            )
        case Fault.FULL:
            return DatabaseUnavailable(
                f"There is no room left on the disk of {label}", "Make room there; running jobs go on by themselves"
            )
        case Fault.GONE:
            return file_gone(label)
        case Fault.UNAVAILABLE | Fault.CONNECTION_LOST if dialect_name == "sqlite":
            return DatabaseUnavailable(
                f"The file of {label} cannot be opened, read or written",
                "Check that its directory exists, its permissions and the free space",
            )
        case Fault.UNAVAILABLE:
            return DatabaseUnavailable(
                f"Cannot reach {label}", "Check that it is running and accepts connections, and the host and port"
            )
        case Fault.CONNECTION_LOST:
            return DatabaseUnavailable(f"The connection to {label} was lost", "It is tried again; check the server")
        case Fault.LOCK_TIMEOUT if dialect_name == "sqlite":
            return DatabaseLocked(f"Another program has locked {label}", "Wait until it has finished, or end it")
        case Fault.LOCK_TIMEOUT:
            return DatabaseLocked(
                f"A lock in {label} was not released in time", "Wait for the other writer to finish, then try again"
            )
        case Fault.DEADLOCK | Fault.SERIALIZATION:
            return DatabaseUnavailable(f"Another transaction was in the way in {label}", "Try again")
        case Fault.PERMISSION:
            return DatabaseError(
                f"Access to {label} is refused", "Check user and password, and the rights listed in docs/DATABASES.md"
            )
        case Fault.MISSING_TABLE:
            return SchemaError(
                f"A database, table or column that is needed does not exist in {label}",
                "Check the name of the database, then run pqconsole init",
            )
        case Fault.READ_ONLY:
            return ReadOnlySession(f"{label[:1].upper()}{label[1:]} is read-only", "Use a connection that may write")
        case Fault.CONSTRAINT:
            return DatabaseError(
                f"A constraint or trigger in {label} refuses the row", "Compare the row with the table's constraints"
            )
        case Fault.DATA:
            return DatabaseError(f"A value does not fit its column in {label}", "Widen the column or change the value")
        case Fault.OTHER:
            return _translate_other(exc, dialect_name, label)


def file_gone(label: str, *, replaced: bool = False) -> DatabaseGone:
    """The error for a file that was deleted, or ``replaced`` by another one, while it was in use."""
    if replaced:
        message = f"Another file is in the place of {label}"
        return DatabaseGone(message, "Put the one that was in use back, or start again to use this one")
    return DatabaseGone(f"The file of {label} is gone", "Put it back under its name; none is made in its place")


def _translate_other(exc: BaseException, dialect_name: str, label: str) -> DatabaseError:
    orig = getattr(exc, "orig", None) or exc
    sqlite_code = getattr(orig, "sqlite_errorcode", 0) & 0xFF if dialect_name == "sqlite" else 0
    if sqlite_code == _SQLITE_NOT_A_DATABASE:
        return DatabaseError(f"The file of {label} is not a SQLite database", "Check the path in the URL")
    if sqlite_code == _SQLITE_DAMAGED:
        return DatabaseError(f"The file of {label} is damaged", "Restore it from a backup, or recover it with sqlite3")
    code: object
    if orig.args and isinstance(orig.args[0], int):
        code = str(orig.args[0])  # MySQL's own number says more than its SQLSTATE
    else:
        code = getattr(orig, "sqlstate", None) or getattr(orig, "sqlite_errorname", None)
    detail = f" (code {code})" if code else f" ({type(orig).__name__})"
    return DatabaseError(f"The request failed in {label}{detail}", "Run pqconsole doctor")


@contextmanager
def translated(dialect_name: str, label: str = "the database", *, connecting: bool = False) -> Iterator[None]:
    """Turn every failure of SQLAlchemy or a driver inside into an error of ``pqcore.errors``.

    ``connecting`` says that no line was ever there: it cannot have been lost, and the driver may refuse its options.
    """
    try:
        yield
    except (TypeError, ValueError):
        if not connecting:
            raise
        raise ConfigurationError(
            f"The driver does not understand the options given for {label}", "Correct the URL's query or connect_args"
        ) from None
    except (sa_exc.SQLAlchemyError, OSError) as exc:
        # "from None": the original's text may hold values of the row
        if connecting and dialect_name != "sqlite" and classify(exc, dialect_name) is Fault.CONNECTION_LOST:
            raise DatabaseUnavailable(
                f"Cannot reach {label}", "Check the host and port, the TLS options, and that it is running"
            ) from None
        raise translate(exc, dialect_name, label) from None


def dialect_of(exc: BaseException) -> str:
    """The dialect's name that an error's driver belongs to, for errors met far from their database."""
    module = type(getattr(exc, "orig", None) or exc).__module__.partition(".")[0]
    return {"psycopg": "postgresql", "pymysql": "mysql", "sqlite3": "sqlite"}.get(module, "")
