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
    ("mysql", mysql(1213), Fault.DEADLOCK),
    ("mysql", mysql(1684), Fault.SERIALIZATION),
    ("mysql", mysql(1205), Fault.LOCK_TIMEOUT),
    ("mysql", mysql(2013), Fault.CONNECTION_LOST),
    ("mysql", pymysql.err.InterfaceError(0, ""), Fault.CONNECTION_LOST),
    ("mysql", mysql(2003), Fault.UNAVAILABLE),
    ("mysql", mysql(1040), Fault.UNAVAILABLE),
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
    ("sqlite", sqlite(sqlite3.SQLITE_FULL), Fault.UNAVAILABLE),
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
