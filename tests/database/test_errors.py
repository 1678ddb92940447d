"""Faults by driver codes, and sentences that hold no secret."""

from __future__ import annotations

import sqlite3

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from pqcore.database.errors import AWAY, RETRYABLE, Fault, classify, translate, translated
from pqcore.errors import DatabaseError, DatabaseUnavailable, ReadOnlySession, SchemaError


def postgresql(state: str) -> BaseException:
    return psycopg.errors.lookup(state)("words of the server")


def mysql(code: int) -> BaseException:
    return pymysql.err.OperationalError(code, "words of the server")


def sqlite(code: int, words: str = "words") -> BaseException:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    error.sqlite_errorname = "SQLITE_X"
    return error


CASES = [
    ("postgresql", postgresql("40P01"), Fault.DEADLOCK),
    ("postgresql", postgresql("40001"), Fault.SERIALIZATION),
    ("postgresql", postgresql("55P03"), Fault.LOCK_TIMEOUT),
    ("postgresql", postgresql("57P01"), Fault.CONNECTION_LOST),
    ("postgresql", postgresql("08006"), Fault.CONNECTION_LOST),
    ("postgresql", postgresql("57P03"), Fault.UNAVAILABLE),
    ("postgresql", postgresql("53300"), Fault.UNAVAILABLE),
    ("postgresql", postgresql("53200"), Fault.UNAVAILABLE),
    ("postgresql", postgresql("53100"), Fault.FULL),
    ("postgresql", postgresql("58030"), Fault.UNAVAILABLE),
    ("postgresql", postgresql("57014"), Fault.LOCK_TIMEOUT),
    ("postgresql", postgresql("57P02"), Fault.CONNECTION_LOST),
    ("postgresql", postgresql("25P03"), Fault.CONNECTION_LOST),
    ("postgresql", postgresql("25P04"), Fault.CONNECTION_LOST),
    ("postgresql", postgresql("40003"), Fault.SERIALIZATION),
    ("postgresql", postgresql("72000"), Fault.SERIALIZATION),
    ("postgresql", postgresql("26000"), Fault.SERIALIZATION),
    ("postgresql", postgresql("42P05"), Fault.SERIALIZATION),
    ("postgresql", psycopg.errors.FeatureNotSupported("cached plan must not change result type"), Fault.SERIALIZATION),
    (
        "postgresql",
        psycopg.errors.FeatureNotSupported("cannot set transaction read-write mode during recovery"),
        Fault.READ_ONLY,
    ),
    ("postgresql", postgresql("0A000"), Fault.OTHER),
    ("postgresql", postgresql("54000"), Fault.DATA),
    ("postgresql", postgresql("42501"), Fault.PERMISSION),
    ("postgresql", postgresql("28P01"), Fault.PERMISSION),
    ("postgresql", postgresql("42P01"), Fault.MISSING_TABLE),
    ("postgresql", postgresql("23505"), Fault.CONSTRAINT),
    ("postgresql", postgresql("22001"), Fault.DATA),
    ("postgresql", postgresql("25006"), Fault.READ_ONLY),
    ("postgresql", postgresql("42601"), Fault.OTHER),
    ("postgresql", psycopg.OperationalError("the connection is lost"), Fault.CONNECTION_LOST),
    (
        "postgresql",
        psycopg.OperationalError("connection failed: FATAL:  password authentication failed for user x"),
        Fault.PERMISSION,
    ),
    (
        "postgresql",
        psycopg.OperationalError('connection failed: FATAL:  database "x" does not exist'),
        Fault.MISSING_TABLE,
    ),
    ("postgresql", psycopg.OperationalError("connection failed: Connection refused"), Fault.UNAVAILABLE),
    (
        "postgresql",
        psycopg.OperationalError('connection failed: FATAL:  too many connections for role "app"'),
        Fault.UNAVAILABLE,
    ),
    (
        "postgresql",
        psycopg.OperationalError("connection failed: FATAL:  the database system is starting up"),
        Fault.UNAVAILABLE,
    ),
    ("mysql", mysql(1213), Fault.DEADLOCK),
    ("mysql", mysql(1684), Fault.SERIALIZATION),
    ("mysql", mysql(1205), Fault.LOCK_TIMEOUT),
    ("mysql", mysql(2013), Fault.CONNECTION_LOST),
    ("mysql", pymysql.err.InterfaceError(0, ""), Fault.CONNECTION_LOST),
    ("mysql", mysql(2003), Fault.UNAVAILABLE),
    ("mysql", mysql(1040), Fault.UNAVAILABLE),
    ("mariadb", mysql(1047), Fault.UNAVAILABLE),
    ("mysql", mysql(1042), Fault.UNAVAILABLE),
    ("mysql", mysql(1038), Fault.UNAVAILABLE),
    ("mysql", mysql(1021), Fault.FULL),
    ("mysql", mysql(1114), Fault.FULL),
    ("mariadb", mysql(3), Fault.FULL),
    ("mariadb", pymysql.err.OperationalError(1030, 'Got error 28 "No space left" from storage'), Fault.FULL),
    ("mariadb", pymysql.err.OperationalError(1180, 'Got error 149 "Lock deadlock" during COMMIT'), Fault.DEADLOCK),
    ("mariadb", mysql(1030), Fault.OTHER),
    ("mysql", mysql(1053), Fault.CONNECTION_LOST),
    ("mysql", mysql(1079), Fault.CONNECTION_LOST),
    ("mariadb", mysql(1927), Fault.CONNECTION_LOST),
    ("mysql", mysql(2027), Fault.CONNECTION_LOST),
    ("mysql", mysql(3024), Fault.LOCK_TIMEOUT),
    ("mariadb", mysql(1969), Fault.LOCK_TIMEOUT),
    ("mysql", mysql(1206), Fault.LOCK_TIMEOUT),
    ("mysql", mysql(3101), Fault.SERIALIZATION),
    ("mysql", mysql(1615), Fault.SERIALIZATION),
    ("mysql", mysql(1290), Fault.READ_ONLY),
    ("mysql", mysql(1836), Fault.READ_ONLY),
    ("mariadb", mysql(1045), Fault.PERMISSION),
    ("mariadb", mysql(1146), Fault.MISSING_TABLE),
    ("mariadb", mysql(4025), Fault.CONSTRAINT),
    ("mysql", mysql(1062), Fault.CONSTRAINT),
    ("mysql", mysql(1406), Fault.DATA),
    ("mysql", mysql(1792), Fault.READ_ONLY),
    ("mysql", mysql(1064), Fault.OTHER),
    ("sqlite", sqlite(sqlite3.SQLITE_BUSY), Fault.LOCK_TIMEOUT),
    ("sqlite", sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), Fault.SERIALIZATION),
    ("sqlite", sqlite(sqlite3.SQLITE_READONLY), Fault.READ_ONLY),
    ("sqlite", sqlite(sqlite3.SQLITE_CANTOPEN), Fault.UNAVAILABLE),
    ("sqlite", sqlite(sqlite3.SQLITE_FULL), Fault.FULL),
    ("sqlite", sqlite(sqlite3.SQLITE_IOERR_WRITE), Fault.UNAVAILABLE),
    ("sqlite", sqlite(sqlite3.SQLITE_LOCKED_SHAREDCACHE), Fault.LOCK_TIMEOUT),
    ("sqlite", sqlite(sqlite3.SQLITE_PROTOCOL), Fault.LOCK_TIMEOUT),
    ("sqlite", sqlite(sqlite3.SQLITE_SCHEMA), Fault.SERIALIZATION),
    ("sqlite", sqlite(sqlite3.SQLITE_NOMEM), Fault.UNAVAILABLE),
    ("sqlite", sqlite(sqlite3.SQLITE_READONLY_DBMOVED), Fault.GONE),
    ("sqlite", sqlite(sqlite3.SQLITE_CORRUPT_INDEX), Fault.OTHER),
    ("sqlite", sqlite(sqlite3.SQLITE_CONSTRAINT_UNIQUE), Fault.CONSTRAINT),
    ("sqlite", sqlite(sqlite3.SQLITE_ERROR, "no such table: x"), Fault.MISSING_TABLE),
    ("sqlite", sqlite(sqlite3.SQLITE_ERROR, "near x"), Fault.OTHER),
    ("sqlite", sqlite3.ProgrammingError("Cannot operate on a closed database."), Fault.CONNECTION_LOST),
    ("postgresql", sa.exc.TimeoutError("pool"), Fault.UNAVAILABLE),
    ("mysql", ConnectionResetError(), Fault.CONNECTION_LOST),
    ("mysql", ValueError("of our own"), Fault.OTHER),
]


@pytest.mark.parametrize(("dialect", "error", "fault"), CASES)
def test_classify(dialect: str, error: BaseException, fault: Fault) -> None:
    assert classify(error, dialect) is fault


@pytest.mark.parametrize(("dialect", "error", "fault"), CASES)
def test_what_sqlalchemy_wraps_is_classified_alike_and_told_without_its_values(
    dialect: str, error: BaseException, fault: Fault
) -> None:
    wrapped = sa.exc.DBAPIError("UPDATE users SET hash = 'hunter2'", {"hash": "hunter2"}, error)
    assert classify(wrapped, dialect) is fault
    told = translate(wrapped, dialect, "postgresql://h/app")
    assert "hunter2" not in str(told)
    assert "words" not in str(told)  # the server's own words may hold a row's values
    assert "\n" not in str(told)
    assert told.remedy


def test_each_fault_has_its_kind_of_error() -> None:
    kinds = {
        postgresql("42P01"): SchemaError,
        postgresql("25006"): ReadOnlySession,
        postgresql("08006"): DatabaseUnavailable,
        postgresql("40001"): DatabaseUnavailable,
        postgresql("42501"): DatabaseError,
        postgresql("42601"): DatabaseError,
    }
    for error, kind in kinds.items():
        assert type(translate(error, "postgresql")) is kind


def test_what_an_operator_can_mend_is_named() -> None:
    for dialect, error, words in (
        ("postgresql", postgresql("53100"), "no room left on the disk of"),
        ("mysql", mysql(1114), "no room left on the disk of"),
        ("sqlite", sqlite(sqlite3.SQLITE_FULL), "no room left on the disk of"),
        ("sqlite", sqlite(sqlite3.SQLITE_CORRUPT_INDEX), "is damaged"),
        ("sqlite", sqlite(sqlite3.SQLITE_NOTADB), "is not a SQLite database"),
    ):
        assert words in str(translate(error, dialect))


def test_a_line_that_sqlalchemy_knows_to_be_dropped_counts_as_lost() -> None:
    wrapped = sa.exc.DBAPIError("SELECT 1", {}, ValueError("odd"), connection_invalidated=True)
    assert classify(wrapped, "mysql") is Fault.CONNECTION_LOST


def test_translated_lets_other_errors_pass() -> None:
    with pytest.raises(KeyError), translated("sqlite"):
        raise KeyError("x")
    with pytest.raises(SchemaError), translated("sqlite"):
        raise sa.exc.NoSuchTableError("x")


def test_no_fault_is_both_away_and_worth_a_plain_retry() -> None:
    assert not AWAY & RETRYABLE
