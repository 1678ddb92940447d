"""Counting and showing rows: bounded, and never a whole stored value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.database.connect import Database
from pqcore.selection.document import parse
from pqcore.selection.preview import Count, abbreviate, count, sample
from pqcore.selection.target import resolve
from pqcore.text import clean

SECRET = "pbkdf2_sha256$600000$c2FsdHNhbHQ$bm90IHRoZSBoYXNoIHlvdSBhcmUgbG9va2luZyBmb3I="
EVIL = "\x1b]52;c;ZXZpbA==\x07[/red]\x1b[2Jevil"


@pytest.fixture
def filled(database: Database) -> Database:
    binary = {"postgresql": "BYTEA", "sqlite": "BLOB", "mysql": "LONGBLOB"}[database.dialect.name]
    with database.write() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE t (id VARCHAR(60) PRIMARY KEY, n INTEGER, h VARCHAR(200), b {binary})"
        )
        mark = "?" if database.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(
            f"INSERT INTO t VALUES ({', '.join([mark] * 4)})",
            [
                ("a", 1, SECRET, b"\x00\xff" * 40),
                ("b", 2, None, None),
                (EVIL, 3, EVIL * 2, b""),
                *[(f"row {n:03}", n, "x" * 40, b"y" * 1_000_000 if n == 4 else b"z") for n in range(4, 30)],
            ],
        )
    return database


def counted(database: Database, limit: int | None = None, **document: Any) -> Count:
    selection = parse({"table": "t", "field": "h", **document})
    return count(database, selection, resolve(database, selection), limit=limit, timeout=30)


def test_count(filled: Database) -> None:
    few = {"column": "n", "op": "le", "value": 3}
    assert counted(filled) == Count(29, True)
    assert counted(filled, where=few) == Count(3, True)
    assert counted(filled, where={"column": "n", "op": "lt", "value": 0}) == Count(0, True)
    assert counted(filled, limit=10) == Count(10, False)
    assert counted(filled, limit=29) == Count(29, True)


def test_a_limit_of_the_selection_is_no_guess(filled: Database) -> None:
    selection = parse({"table": "t", "field": "h", "limit": 5})
    target = resolve(filled, selection)
    assert count(filled, selection, target) == Count(5, True)
    assert count(filled, selection, target, limit=3) == Count(3, False)
    assert count(filled, selection, target, limit=8) == Count(5, True)


def test_counting_gives_up_in_time_and_leaves_the_connection_usable(database: Database) -> None:
    if database.dialect.name == "mysql" and not getattr(database.engine.dialect, "is_mariadb", False):
        with database.read() as connection:  # the dialect learns what it talks to
            connection.exec_driver_sql("SELECT 1")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, h VARCHAR(200))")
        mark = "?" if database.dialect.name == "sqlite" else "%s"
        rows = [(n, "a" * 199 + "b") for n in range(20_000)]
        connection.exec_driver_sql(f"INSERT INTO t VALUES ({mark}, {mark})", rows)
    # each pattern makes the database work hard on every row
    hard = {"not": {"all": [{"column": "h", "op": "not_like", "value": "%a" * 5 + f"%c{n}%"} for n in range(40)]}}
    selection = parse({"table": "t", "field": "h", "where": hard})
    target = resolve(database, selection)
    assert count(database, selection, target, timeout=0.02) == Count(None, False)
    for _ in range(3):
        assert counted(database) == Count(20_000, True)


def test_a_sample_shows_no_whole_value_and_nothing_that_moves_a_terminal(filled: Database) -> None:
    selection = parse({"table": "t", "field": "h", "where": {"column": "n", "op": "le", "value": 3}})
    rows = sample(filled, selection, resolve(filled, selection), ["h", "b", "n"])
    by_key = {row.key[0]: row.values for row in rows}
    assert by_key["a"]["h"] == f"pbkdf2_sha256$… ({len(SECRET)} characters)"
    assert by_key["a"]["b"] == "0x00ff00ff00ff… (80 bytes)"
    assert by_key["b"] == {"h": "NULL", "b": "NULL", "n": by_key["b"]["n"]}
    (evil,) = [row for row in rows if row.key[0] not in ("a", "b")]
    assert "evil" in evil.key[0]
    assert evil.values["b"] == "empty"
    for text in (*evil.key, *evil.values.values()):
        assert text == clean(text)


def test_a_sample_does_not_read_megabytes(filled: Database) -> None:
    selection = parse({"table": "t", "field": "b", "where": {"column": "n", "op": "eq", "value": 4}})
    (row,) = sample(filled, selection, resolve(filled, selection), ["b"])
    assert row.values["b"] == "0x797979797979… (1000000 bytes)"


@given(st.text() | st.binary())
def test_at_most_a_scheme_or_a_quarter_of_a_value_is_shown(value: str | bytes) -> None:
    shown = abbreviate(value[:64], len(value))
    assert shown == clean(shown)
    if isinstance(value, str) and len(value) > 3 and "$" not in value and "}" not in value:
        assert value not in shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("{SSHA}c29tZXRoaW5nIGxvbmcgZW5vdWdo", "{SSHA}… (34 characters)"),
        ("$2b$04$abcdefghijklmnopqrstuv", "$2b$… (29 characters)"),
        ("0123456789abcdef0123456789abcdef01234567", "012345… (40 characters)"),
        ("secret", "s… (6 characters)"),
        ("abc", "… (3 characters)"),
        ("abc$", "a… (4 characters)"),
        ("", "empty"),
        (b"\x01", "0x… (1 byte)"),
    ],
)
def test_abbreviations(value: str | bytes, shown: str) -> None:
    assert abbreviate(value, len(value)) == shown
