"""A compiled condition selects exactly the rows that a plain evaluation in Python selects."""

from __future__ import annotations

import operator
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql

from pqcore.database.connect import Database
from pqcore.selection.catalog import Catalog
from pqcore.selection.compile import predicate
from pqcore.selection.condition import LISTS, NO_VALUE, PATTERNS, All, Any_, Compare, Condition, Not, Op
from pqcore.selection.document import Selection, parse
from pqcore.selection.kinds import Kind
from pqcore.selection.problem import SelectionError
from pqcore.selection.target import resolve
from pqcore.selection.values import OPERATORS
from tests.selection.documents import trees

TEXTS = ["", "a", "ab", "abc", "b", "B", "a%", "a_c", "a*", "a[b", "a!b", "a\\b", "é", "abéc", "'; DROP TABLE t; --"]
MOMENTS = [datetime(2026, 1, 31), datetime(2026, 1, 31, 12, 30, 0, 500000), datetime(2025, 12, 31, 23, 59, 59)]


@dataclass(frozen=True)
class Column:
    """A column of the test table: what it holds, and how its values are written in a document."""

    kind: Kind
    values: list[Any]
    written: Callable[[Any], Any] = lambda value: value


COLUMNS: Mapping[str, Column] = {
    "i": Column(Kind.INTEGER, [-3, 0, 1, 2, 70000]),
    "s": Column(Kind.TEXT, TEXTS),
    "b": Column(Kind.BYTES, [b"", b"a", b"ab", b"a\xff", b"\xff", b"\xff\xff\x00", b"\x00"]),
    "d": Column(Kind.DECIMAL, [Decimal("-1.25"), Decimal("0.5"), Decimal("3"), Decimal("99.75")], float),
    "f": Column(Kind.FLOAT, [-1.5, 0.0, 0.25, 1e12]),
    "o": Column(Kind.BOOLEAN, [True, False]),
    "t": Column(Kind.DATETIME, MOMENTS, lambda moment: moment.replace(tzinfo=UTC).isoformat()),
    "day": Column(Kind.DATE, [date(2026, 1, 31), date(1999, 12, 31), date(2026, 2, 1)], date.isoformat),
    "u": Column(Kind.UUID, [UUID(int=0), UUID(int=2**127), UUID(int=77)], str),
    "With Space%": Column(Kind.INTEGER, [1, 2]),
}


def make_rows() -> list[dict[str, Any]]:
    draw = random.Random(20260131)
    rows = []
    for number in range(48):
        row = {name: draw.choice([*column.values, None]) for name, column in COLUMNS.items()}
        rows.append({"id": number, **row})
    return rows


ROWS = make_rows()


def create(db: Database) -> None:
    """The test table, with text compared by code points as Python does it."""
    name = db.dialect.name
    text = sa.String(40, collation={"postgresql": "C", "mysql": "utf8mb4_bin"}.get(name))
    types: dict[str, Any] = {
        "i": sa.Integer,
        "s": text,
        "b": sa.LargeBinary,
        "d": sa.Numeric(10, 2),
        "f": sa.Double,
        "o": sa.Boolean(create_constraint=False),
        "t": mysql.DATETIME(fsp=6) if name == "mysql" else sa.DateTime,
        "day": sa.Date,
        "u": sa.Uuid if name == "postgresql" else sa.String(36),
        "With Space%": sa.SmallInteger,
    }
    columns = [sa.Column(column, types[column]) for column in COLUMNS]
    table = sa.Table("t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False), *columns)
    plain = sa.table("t", *(sa.column(name) for name in ("id", *COLUMNS)))
    with db.write() as connection:
        table.create(connection)
        connection.execute(plain.insert(), [{k: stored(db, v) for k, v in row.items()} for row in ROWS])


def stored(db: Database, value: Any) -> Any:
    """A value as the driver takes it without help."""
    if isinstance(value, UUID) and db.dialect.name != "postgresql":
        return str(value)
    if db.dialect.name == "sqlite":
        if isinstance(value, datetime):
            return value.isoformat(" ", "microseconds")
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return float(value)
    return value


@st.composite
def leaves(draw: st.DrawFn) -> Compare:
    name = draw(st.sampled_from(sorted(COLUMNS)))
    column = COLUMNS[name]
    # the same operators everywhere: a UUID is text where the database has no such type
    op = draw(st.sampled_from(sorted(OPERATORS[column.kind] | NO_VALUE)))
    value = st.sampled_from(column.values).map(column.written)
    values: tuple[Any, ...]
    if op in NO_VALUE:
        values = ()
    elif op in LISTS:
        values = tuple(draw(st.lists(value, min_size=1, max_size=3)))
    elif op is Op.BETWEEN:
        values = (draw(value), draw(value))
    elif op in PATTERNS:
        pieces = ["a", "b", "%", "_", "\\%", "\\_", "\\\\", "*", "[", "!", "é", "\n"]
        values = ("".join(draw(st.lists(st.sampled_from(pieces), max_size=4))),)
    elif op is Op.PREFIX:
        values = (draw(value.filter(bool)),)
    else:
        values = (draw(value),)
    return Compare(name, op, values)


COMPARISONS = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}


def holds(condition: Condition, row: Mapping[str, Any]) -> bool | None:
    """Three-valued logic: None is unknown."""
    match condition:
        case Not(inner):
            found = holds(inner, row)
            return None if found is None else not found
        case All(parts):
            results = [holds(part, row) for part in parts]
            return False if False in results else None if None in results else True
        case Any_(parts):
            results = [holds(part, row) for part in parts]
            return True if True in results else None if None in results else False
        case Compare(name, op, values):
            value = row[name]
            if op in NO_VALUE:
                return (value is None) == (op is Op.IS_NULL)
            return None if value is None else compared(COLUMNS[name], value, op, values)


def compared(column: Column, value: Any, op: Op, given: tuple[Any, ...]) -> bool:
    if op in PATTERNS:
        return bool(re.fullmatch(pattern(given[0]), value, re.DOTALL)) == (op is Op.LIKE)
    if op is Op.PREFIX:
        return bool(value.startswith(given[0]))
    wanted = [next(v for v in column.values if column.written(v) == g) for g in given]
    if op in LISTS:
        return (value in wanted) == (op is Op.IN)
    if op is Op.BETWEEN:
        return bool(wanted[0] <= value <= wanted[1])
    return bool(COMPARISONS[op](value, wanted[0]))


def pattern(like: str) -> str:
    parts = []
    characters = iter(like)
    for character in characters:
        if character == "\\":
            parts.append(re.escape(next(characters)))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return "".join(parts)


def test_a_compiled_condition_selects_what_python_selects(database: Database) -> None:
    create(database)
    catalog = Catalog(database, max_age=3600)

    @settings(max_examples=250 if database.dialect.name == "sqlite" else 60, deadline=None, database=None)
    @given(trees(leaves()))
    def agree(condition: Condition) -> None:
        selection = Selection("t", "s", where=condition)
        target = resolve(catalog, selection)
        compiled = predicate(selection, target)
        assert compiled is not None
        with database.read() as connection:
            found = connection.execute(sa.select(target.table.c.id).where(compiled)).scalars().all()
        assert sorted(found) == [row["id"] for row in ROWS if holds(condition, row)]

    agree()


def selected(database: Database, **condition: Any) -> list[int]:
    """Ids of the rows of ``t`` that a condition selects."""
    selection = parse({"table": "t", "field": "s", "where": condition})
    target = resolve(database, selection)
    compiled = predicate(selection, target)
    assert compiled is not None
    with database.read() as connection:
        return sorted(connection.execute(sa.select(target.table.c.id).where(compiled)).scalars())


INJECTIONS = [
    "' OR '1'='1",
    "x' OR 1=1 --",
    "\\' OR 1=1 #",
    "1; DROP TABLE t",
    "%' OR 'a' LIKE '%",
    ":param",
    "%(x)s",
    "?",
    "${x}",
    "!%",
]


@pytest.mark.parametrize("op", ["eq", "like", "prefix", "in"])
def test_values_stay_values(database: Database, op: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, s VARCHAR(100))")
        rows = [{"id": i, "s": text} for i, text in enumerate(INJECTIONS)]
        connection.execute(sa.table("t", sa.column("id"), sa.column("s")).insert(), rows)
    for number, text in enumerate(INJECTIONS):
        value: Any = text
        if op == "like":
            value = re.sub(r"[\\%_]", r"\\\g<0>", text)
        elif op == "in":
            value = [text]
        assert selected(database, column="s", op=op, value=value) == [number]
    assert selected(database, column="s", op="not_null") == list(range(len(INJECTIONS)))


def test_names_that_need_quotes_stay_names(database: Database) -> None:
    name = 'x" = 1 OR "x%s :y'
    with database.write() as connection:
        sa.Table(
            "t",
            sa.MetaData(),
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("s", sa.String(9)),
            sa.Column(name, sa.Integer),
        ).create(connection)
        connection.execute(sa.insert(sa.table("t", sa.column("id"), sa.column(name))).values([1, 5]))
    assert selected(database, column=name, op="eq", value=5) == [1]
    assert selected(database, column=name, op="eq", value=6) == []


def test_a_long_value_is_not_cut_to_the_column_before_it_is_compared(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id SMALLINT PRIMARY KEY, s VARCHAR(3))")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'abc')")
    assert selected(database, column="s", op="eq", value="abcdef") == []
    assert selected(database, column="s", op="in", value=["abcd", "abcde"]) == []
    assert selected(database, column="id", op="lt", value=2**40) == [1]


def test_times_of_other_programs_in_sqlite(tmp_path: Any) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'times.db'}")
    spellings = [
        "2026-01-31",
        "2026-01-31 00:00:00",
        "2026-01-31T00:00:00Z",
        "2026-01-31 00:00:00.000000",
        "2026-01-31 00:00:00.5",
    ]
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, at DATETIME)")
        for number, text in enumerate(spellings):
            connection.exec_driver_sql("INSERT INTO t VALUES (?, 'x', ?)", (number, text))
    try:
        assert selected(database, column="at", op="eq", value="2026-01-31T02:00:00+02:00") == [0, 1, 2, 3]
        assert selected(database, column="at", op="gt", value="2026-01-31T00:00:00.4") == [4]
    finally:
        database.close()


def test_zones_of_postgresql(database: Database) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL keeps zones")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INT PRIMARY KEY, s TEXT, at TIMESTAMPTZ, local TIMESTAMP)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'x', '2026-01-31 12:00+00', '2026-01-31 12:00')")
    for column in ("at", "local"):
        assert selected(database, column=column, op="eq", value="2026-01-31T14:00:00+02:00") == [1]
        assert selected(database, column=column, op="eq", value="2026-01-31T12:00:00") == [1]
        assert selected(database, column=column, op="eq", value="2026-01-31T14:00:00") == []


def test_enumerations(database: Database) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has no enumerations")
    kind = "ENUM('open','closed')"
    with database.write() as connection:
        if database.dialect.name == "postgresql":
            connection.exec_driver_sql(f"CREATE TYPE door AS {kind}")
            kind = "door"
        connection.exec_driver_sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, e {kind})")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'x', 'open'), (2, 'y', 'closed')")
    assert selected(database, column="e", op="eq", value="closed") == [2]
    assert selected(database, column="e", op="not_in", value=["closed"]) == [1]
    with pytest.raises(SelectionError, match='"ajar" is no value'):
        selected(database, column="e", op="eq", value="ajar")


def test_character_sets_of_mysql(database: Database) -> None:
    if database.dialect.name != "mysql":
        pytest.skip("only MySQL has character sets by column")
    with database.write() as connection:
        columns = (
            "s VARCHAR(9) CHARACTER SET latin1, u VARCHAR(9) CHARACTER SET utf8mb3, j VARCHAR(9) CHARACTER SET sjis"
        )
        connection.exec_driver_sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns}) CHARACTER SET latin1")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'é', '日', '日')")
    assert selected(database, column="s", op="eq", value="é") == [1]
    assert selected(database, column="u", op="like", value="%日") == [1]
    assert selected(database, column="j", op="prefix", value="日") == [1]
    for column, value in (("s", "日"), ("u", "\U0001f600"), ("j", "é")):
        for op in ("eq", "prefix", "not_like"):
            with pytest.raises(SelectionError, match="No row can hold them"):
                selected(database, column=column, op=op, value=value)


def test_types_of_postgresql(database: Database) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL has them")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE DOMAIN short AS VARCHAR(12) CHECK (value <> '')")
        connection.exec_driver_sql("CREATE DOMAIN shorter AS short CHECK (length(value) < 9)")
        connection.exec_driver_sql("CREATE TABLE t (id INT PRIMARY KEY, s shorter, c CHAR(10), ip INET, p POINT)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'abc', 'xy', '10.0.0.1', '(1,2)')")
    assert {info.name: (info.kind, info.type) for info in Catalog(database).columns("t")}["s"] == (Kind.TEXT, "shorter")
    assert selected(database, column="s", op="prefix", value="ab") == [1]
    assert selected(database, column="s", op="in", value=["abc"]) == [1]
    assert selected(database, column="c", op="eq", value="xy") == [1]
    assert selected(database, column="ip", op="not_null") == [1]
    with pytest.raises(SelectionError, match="does not fit"):
        selected(database, column="ip", op="eq", value="10.0.0.1")


MISMATCHES = [
    ("i", "eq", "1", "where.any[1].value", "whole number"),
    ("i", "eq", 1.5, "where.any[1].value", "whole number"),
    ("i", "eq", True, "where.any[1].value", "whole number"),
    ("i", "in", [1, 2**65], "where.any[1].value[1]", "larger"),
    ("i", "like", "1%", "where.any[1].op", '"like" does not fit "i"'),
    ("s", "eq", 5, "where.any[1].value", "text column"),
    ("s", "eq", {"bytes": "00"}, "where.any[1].value", "text column"),
    ("b", "eq", "00", "where.any[1].value", "hexadecimal"),
    ("b", "prefix", "00", "where.any[1].value", "hexadecimal"),
    ("d", "eq", "abc", "where.any[1].value", "no number"),
    ("d", "eq", "NaN", "where.any[1].value", "no number"),
    ("f", "lt", "1", "where.any[1].value", "Write a number"),
    ("o", "eq", "true", "where.any[1].value", "true or false"),
    ("o", "lt", True, "where.any[1].op", "does not fit"),
    ("t", "ge", "yesterday", "where.any[1].value", "2026-01-31T12:00:00Z"),
    ("t", "ge", 1700000000, "where.any[1].value", "2026-01-31T12:00:00Z"),
    ("day", "between", ["2026-01-01", "2026-13-01"], "where.any[1].value[1]", "no date"),
    ("With space%", "is_null", None, "where.any[1].column", "Perhaps"),
]


@pytest.mark.parametrize(("column", "op", "value", "path", "says"), MISMATCHES)
def test_what_does_not_fit_its_column_is_refused_at_its_place(
    sqlite: Database, column: str, op: str, value: Any, path: str, says: str
) -> None:
    leaf = {"column": column, "op": op} if value is None else {"column": column, "op": op, "value": value}
    selection = parse({"table": "t", "field": "s", "where": {"any": [{"column": "i", "op": "is_null"}, leaf]}})
    with pytest.raises(SelectionError) as caught:
        predicate(selection, resolve(sqlite, selection))
    (problem,) = caught.value.problems
    assert problem.path == path
    assert says in f"{problem.message} {problem.remedy}"


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Any:
    opened = Database.open(f"sqlite:///{tmp_path_factory.mktemp('compile') / 'test.db'}")
    create(opened)
    yield opened
    opened.close()


def test_no_condition_selects_every_row(sqlite: Database) -> None:
    selection = parse({"table": "t", "field": "s"})
    assert predicate(selection, resolve(sqlite, selection)) is None


def test_all_problems_of_a_condition_are_found(sqlite: Database) -> None:
    parts = [{"column": "nope", "op": "is_null"}, {"not": {"column": "i", "op": "eq", "value": "x"}}]
    selection = parse({"table": "t", "field": "s", "where": {"all": parts}})
    with pytest.raises(SelectionError) as caught:
        predicate(selection, resolve(sqlite, selection))
    assert [p.path for p in caught.value.problems] == ["where.all[0].column", "where.all[1].not.value"]
