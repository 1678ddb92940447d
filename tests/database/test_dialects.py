"""Key comparison, locking and column widths, on every database."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.dialects import Width

PAIR = {
    "postgresql": "a INT, b CHAR(4), c TEXT, PRIMARY KEY (a, b)",
    "mysql": "a INT, b CHAR(4), c TEXT, PRIMARY KEY (a, b)",
    "sqlite": "a INT NOT NULL, b CHAR(4) NOT NULL, c TEXT, PRIMARY KEY (a, b)",
}


def reflect(database: Database, columns: str) -> sa.Table:
    with database.write() as conn:
        conn.exec_driver_sql(f"CREATE TABLE t ({columns})")
    return sa.Table("t", sa.MetaData(), autoload_with=database.engine)


def test_after_and_up_to_cut_a_table_into_two_in_key_order(database: Database) -> None:
    table = reflect(database, PAIR[database.dialect.name])
    keys = list(itertools.product(range(3), ("a", "b", "ba")))
    with database.write() as conn:
        conn.execute(table.insert(), [{"a": a, "b": b} for a, b in keys])
    columns = (table.c.a, table.c.b)
    with database.read() as conn:
        ordered = [tuple(row) for row in conn.execute(sa.select(*columns).order_by(*columns))]
        for place, key in enumerate(ordered):
            for condition, expected in (
                (database.dialect.after(columns, key), ordered[place + 1 :]),
                (database.dialect.up_to(columns, key), ordered[: place + 1]),
            ):
                rows = conn.execute(sa.select(*columns).where(condition).order_by(*columns))
                assert [tuple(row) for row in rows] == expected
    assert len(ordered) == len(keys)


def plan_of(conn: sa.Connection, statement: sa.Select[Any]) -> str:
    explain = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
    text = str(statement.compile(conn, compile_kwargs={"literal_binds": True}))
    return "\n".join(str(tuple(row)) for row in conn.execute(sa.text(explain + text.replace(":", r"\:"))))


def test_after_uses_the_index_of_a_composite_key(database: Database) -> None:
    table = reflect(database, PAIR[database.dialect.name])
    with database.write() as conn:
        conn.execute(table.insert(), [{"a": i // 5, "b": str(i), "c": "x" * 200} for i in range(4000)])
        conn.exec_driver_sql({"postgresql": "ANALYZE t", "sqlite": "ANALYZE"}.get(conn.dialect.name, "ANALYZE TABLE t"))
    columns = (table.c.a, table.c.b)
    statement = sa.select(*columns, table.c.c).where(database.dialect.after(columns, (790, "395")))
    with database.write() as conn:
        shown = plan_of(conn, statement.order_by(*columns).limit(20))
    expected = {"postgresql": "Index Cond", "mysql": "'range'", "sqlite": "SEARCH t USING INDEX"}
    if database.dialect.name == "mysql" and not getattr(database.engine.dialect, "is_mariadb", False):
        expected["mysql"] = "Index range scan"  # MySQL 9 prints a tree
        if "Index range scan" not in shown:
            expected["mysql"] = "'range'"
    assert expected[database.dialect.name] in shown


def test_a_key_needs_one_value_for_each_column(database: Database) -> None:
    with pytest.raises(ValueError, match="one value"):
        database.dialect.after((sa.column("a"), sa.column("b")), (1,))


def test_lock_skip_passes_over_what_others_hold(database: Database) -> None:
    table = reflect(database, "id INTEGER PRIMARY KEY, n INTEGER")
    with database.write() as conn:
        conn.execute(table.insert(), [{"id": 1}, {"id": 2}])
    first = database.dialect.lock_skip(sa.select(table.c.id).order_by(table.c.id).limit(1))
    if database.dialect.name == "sqlite":
        assert "FOR UPDATE" not in str(first.compile(database.engine))
        return
    with database.write() as one, database.write() as two:
        assert one.execute(first).scalar() == 1
        assert two.execute(first).scalar() == 2


WIDTHS = {
    "postgresql": {
        "VARCHAR(20)": Width(20, "characters"),
        "CHAR(7)": Width(7, "characters"),
        "TEXT": Width(None, "characters"),
        "BYTEA": Width(None, "bytes"),
        "name20": Width(None, "characters"),  # reflection does not tell,
    },
    "mysql": {
        "VARCHAR(20)": Width(20, "characters"),
        "CHAR(7)": Width(7, "characters"),
        "TINYTEXT": Width(255, "bytes"),
        "TEXT": Width(65_535, "bytes"),
        "MEDIUMTEXT": Width(2**24 - 1, "bytes"),
        "LONGTEXT": Width(2**32 - 1, "bytes"),
        "VARBINARY(32)": Width(32, "bytes"),
        "BINARY(16)": Width(16, "bytes"),
        "TINYBLOB": Width(255, "bytes"),
        "BLOB": Width(65_535, "bytes"),
        "MEDIUMBLOB": Width(2**24 - 1, "bytes"),
        "LONGBLOB": Width(2**32 - 1, "bytes"),
    },
    "sqlite": {
        "VARCHAR(20)": Width(None, "characters"),  # SQLite does not enforce it
        "TEXT": Width(None, "characters"),
        "BLOB": Width(None, "bytes"),
    },
}


def test_width_of_reflected_columns(database: Database) -> None:
    widths = WIDTHS[database.dialect.name]
    if database.dialect.name == "postgresql":
        with database.write() as conn:
            conn.exec_driver_sql("CREATE DOMAIN name20 AS VARCHAR(20)")
    table = reflect(database, ", ".join(f"c{i} {kind}" for i, kind in enumerate(widths)))
    found = {kind: database.dialect.column_width(table.c[f"c{i}"]) for i, kind in enumerate(widths)}
    assert found == widths


def test_sqlite_values_of_types_without_meaning_come_as_they_are_stored(database: Database) -> None:
    if database.dialect.name != "sqlite":
        pytest.skip("free type names are SQLite's")
    table = reflect(database, "id UUID PRIMARY KEY, raw BINARY(16), doc JSONB")
    with database.write() as conn:
        conn.execute(table.insert().values(id="0f" * 16, raw=b"\x00\x01", doc="[1]"))
    with database.read() as conn:
        assert tuple(conn.execute(sa.select(table)).one()) == ("0f" * 16, b"\x00\x01", "[1]")


def test_a_mark_is_another_after_every_write_and_the_same_without_one(database: Database) -> None:
    with database.write() as conn:
        conn.execute(sa.text("CREATE TABLE marked (n INTEGER PRIMARY KEY)"))
    if database.dialect.name == "mysql":
        assert database.mark() is None
        return
    seen = {settled(database)}
    other = Database.open(str(database.engine.url.render_as_string(hide_password=False)))
    for number in range(5):
        with database.read() as conn:
            conn.execute(sa.text("SELECT count(*) FROM marked")).all()
        before = settled(database)
        with (database if number % 2 else other).write() as conn:
            conn.execute(sa.text("INSERT INTO marked VALUES (:n)"), {"n": number})
            during = database.mark()
        assert database.mark() not in seen | {before, during}
        seen |= {before, during}
    other.close()


def settled(database: Database) -> object:
    """The mark, as soon as two in a row are the same: others may use the server, and it writes by itself at times."""
    while (mark := database.mark()) != database.mark():
        pass
    return mark
