"""Compare and swap, on every database: exactly the rows that still hold, byte for byte, what was read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.swap import Swap, SwapPlan, chunked
from pqcore.errors import SchemaError


def make(database: Database, *, postgresql: str, mysql: str, sqlite: str, before: Sequence[str] = ()) -> sa.Table:
    """Create the table ``t`` with the columns given for this database, and reflect it."""
    columns = {"postgresql": postgresql, "mysql": mysql, "sqlite": sqlite}[database.dialect.name]
    with database.write() as conn:
        for statement in before if database.dialect.name == "postgresql" else ():
            conn.exec_driver_sql(statement)
        conn.exec_driver_sql(f"CREATE TABLE t ({columns})")
    return sa.Table("t", sa.MetaData(), autoload_with=database.engine)


def simple(database: Database) -> sa.Table:
    columns = "id BIGINT PRIMARY KEY, v VARCHAR(100), w VARCHAR(100)"
    return make(database, postgresql=columns, mysql=columns, sqlite=columns)


def insert(database: Database, table: sa.Table, *rows: dict[str, Any]) -> None:
    with database.write() as conn:
        for row in rows:
            conn.execute(table.insert().values({table.c[name]: value for name, value in row.items()}))


def swap(database: Database, plan: SwapPlan, *swaps: Swap) -> list[int]:
    with database.write() as conn:
        return database.dialect.compare_and_swap(conn, plan, swaps)


def column(database: Database, table: sa.Table, name: str) -> list[Any]:
    with database.read() as conn:
        return list(conn.scalars(sa.select(table.c[name]).order_by(*table.primary_key.columns)))


def test_writes_every_row_that_still_holds_what_was_read(database: Database) -> None:
    table = simple(database)
    insert(database, table, *({"id": i, "v": f"old {i}"} for i in range(50)))
    plan = SwapPlan(table, ("id",), ("v",), ("v",))
    assert swap(database, plan, *(Swap((i,), (f"old {i}",), (f"new {i}",)) for i in range(50))) == []
    assert column(database, table, "v") == [f"new {i}" for i in range(50)]


def test_names_the_rows_that_changed_or_are_gone_and_leaves_them(database: Database) -> None:
    table = simple(database)
    insert(database, table, *({"id": i, "v": f"old {i}"} for i in range(6) if i != 4))
    insert(database, table, {"id": 9, "v": "bystander"})
    with database.write() as conn:
        conn.execute(table.update().where(table.c.id == 2).values(v="changed by the application"))
    plan = SwapPlan(table, ("id",), ("v",), ("v",))
    assert swap(database, plan, *(Swap((i,), (f"old {i}",), (f"new {i}",)) for i in range(6))) == [2, 4]
    expected = ["new 0", "new 1", "changed by the application", "new 3", "new 5", "bystander"]
    assert column(database, table, "v") == expected


@pytest.mark.parametrize("count", [1, 2])
def test_all_may_be_lost(database: Database, count: int) -> None:
    table = simple(database)
    insert(database, table, *({"id": i, "v": "x"} for i in range(count)))
    plan = SwapPlan(table, ("id",), ("v",), ("w",))
    assert swap(database, plan, *(Swap((i,), ("y",), ("z",)) for i in range(count))) == list(range(count))
    assert column(database, table, "w") == [None] * count


def test_writing_the_value_that_is_already_there_counts_as_written(database: Database) -> None:
    """MySQL counts changed rows, not matched ones, unless it is told otherwise."""
    table = simple(database)
    insert(database, table, {"id": 1, "v": "same"}, {"id": 2, "v": "same"})
    plan = SwapPlan(table, ("id",), ("v",), ("v",))
    assert swap(database, plan, Swap((1,), ("same",), ("same",)), Swap((2,), ("same",), ("same",))) == []


def test_a_row_that_already_holds_the_new_value_is_lost_when_a_guard_changed(database: Database) -> None:
    """Who lost must be told from the guards, not from what the row holds after the write."""
    table = simple(database)
    insert(database, table, {"id": 1, "v": "new guard", "w": "new"}, {"id": 2, "v": "guard", "w": "old"})
    plan = SwapPlan(table, ("id",), ("v",), ("w",))
    assert swap(database, plan, Swap((1,), ("guard",), ("new",)), Swap((2,), ("guard",), ("new",))) == [0]


def test_null_equals_null_and_nothing_else(database: Database) -> None:
    table = simple(database)
    insert(database, table, {"id": 1}, {"id": 2, "v": ""}, {"id": 3}, {"id": 4, "v": "x"})
    plan = SwapPlan(table, ("id",), ("v",), ("w",))
    lost = swap(
        database,
        plan,
        Swap((1,), (None,), ("a",)),
        Swap((2,), (None,), ("b",)),
        Swap((3,), ("",), ("c",)),
        Swap((4,), (None,), ("d",)),
    )
    assert lost == [1, 2, 3]


def test_null_can_be_written(database: Database) -> None:
    table = simple(database)
    insert(database, table, {"id": 1, "v": "x", "w": "y"})
    plan = SwapPlan(table, ("id",), ("v",), ("w", "v"))
    assert swap(database, plan, Swap((1,), ("x",), (None, "z"))) == []
    assert column(database, table, "w") == [None]


# Values that some collation takes for equal: what is stored, what was read.
LOOKALIKES = {
    "case": ("$2b$10$AbC", "$2b$10$aBc"),
    "trailing space read": ("hash", "hash "),
    "trailing space stored": ("hash ", "hash"),
    "accent": ("caf\u00e9", "cafe"),
    "normalization": ("caf\u00e9", "cafe\u0301"),
    "expansion": ("stra\u00dfe", "strasse"),
    "ignorable": ("ab", "a\u00adb"),
}
COLLATED = {
    "mysql": "id INT PRIMARY KEY, v VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, w VARCHAR(100)",
    "sqlite": "id INTEGER PRIMARY KEY, v TEXT COLLATE NOCASE, w TEXT",
}
NONDETERMINISTIC = (
    "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1-ka-shifted', deterministic = false)",
)


def test_values_that_a_collation_takes_for_equal_are_different(database: Database) -> None:
    table = make(
        database, postgresql="id INT PRIMARY KEY, v TEXT COLLATE loose, w TEXT", before=NONDETERMINISTIC, **COLLATED
    )
    pairs = list(LOOKALIKES.values())
    insert(database, table, *({"id": i, "v": stored} for i, (stored, _) in enumerate(pairs)))
    plan = SwapPlan(table, ("id",), ("v",), ("w",))
    lookalikes = [Swap((i,), (read,), ("x",)) for i, (_, read) in enumerate(pairs)]
    assert swap(database, plan, *lookalikes) == list(range(len(pairs)))
    exact = [Swap((i,), (stored,), ("x",)) for i, (stored, _) in enumerate(pairs)]
    assert swap(database, plan, *exact) == []


def test_citext_is_compared_by_its_bytes(database: Database) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("a type of PostgreSQL")
    with database.write() as conn:
        available = conn.scalar(sa.text("SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'"))
    if not available:
        pytest.skip("the citext extension is not installed")
    columns = "id CITEXT PRIMARY KEY, v CITEXT, w TEXT"
    table = make(database, postgresql=columns, mysql="", sqlite="", before=("CREATE EXTENSION citext",))
    insert(database, table, {"id": "One", "v": "Abc"}, {"id": "Two", "v": "Abc"}, {"id": "Three", "v": "Abc"})
    plan = SwapPlan(table, ("id",), ("v",), ("w",))
    swaps = (Swap(("One",), ("aBC",), ("x",)), Swap(("two",), ("Abc",), ("x",)), Swap(("Three",), ("Abc",), ("x",)))
    assert swap(database, plan, *swaps) == [0, 1]


def test_a_key_is_compared_by_its_bytes_too(database: Database) -> None:
    """The row was read as "Ada" and renamed to "ada": for the collation it is still there, for us it changed."""
    table = make(
        database,
        postgresql="k TEXT COLLATE loose PRIMARY KEY, v TEXT, w TEXT",
        mysql="k VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v TEXT, w TEXT",
        sqlite="k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, v TEXT, w TEXT",
        before=NONDETERMINISTIC,
    )
    insert(database, table, {"k": "ada", "v": "1"}, {"k": "Bob", "v": "2"})
    plan = SwapPlan(table, ("k",), ("v",), ("w",))
    assert swap(database, plan, Swap(("Ada",), ("1",), ("x",)), Swap(("Bob",), ("2",), ("x",))) == [0]


def test_latin1_columns_hold_the_same_text(database: Database) -> None:
    if database.dialect.name != "mysql":
        pytest.skip("a character set for each column is MySQL's")
    columns = "k VARCHAR(50) PRIMARY KEY, v VARCHAR(50), w VARCHAR(50)"
    with database.write() as conn:
        conn.exec_driver_sql(f"CREATE TABLE t ({columns}) CHARACTER SET latin1 COLLATE latin1_swedish_ci")
    table = sa.Table("t", sa.MetaData(), autoload_with=database.engine)
    insert(database, table, {"k": "gr\u00f6\u00dfe", "v": "\u00fc"}, {"k": "b", "v": "\u00dc"})
    plan = SwapPlan(table, ("k",), ("v",), ("w",))
    swaps = (Swap(("gr\u00f6\u00dfe",), ("\u00fc",), ("\u00e9",)), Swap(("b",), ("\u00fc",), ("x",)))
    assert swap(database, plan, *swaps) == [1]
    assert column(database, table, "w") == [None, "\u00e9"]
    with pytest.raises(sa.exc.DBAPIError):  # never a question mark in place of what does not fit
        swap(database, plan, Swap(("b",), ("\u00dc",), ("\u4e2d",)))


def test_composite_keys(database: Database) -> None:
    table = make(
        database,
        postgresql="tenant UUID, day DATE, n SMALLINT, v BYTEA, PRIMARY KEY (tenant, day, n)",
        mysql="tenant BINARY(16), day DATE, n SMALLINT UNSIGNED, v VARBINARY(50), PRIMARY KEY (tenant, day, n)",
        sqlite="tenant BLOB NOT NULL, day DATE NOT NULL, n INT NOT NULL, v BLOB, PRIMARY KEY (tenant, day, n)",
    )
    tenant: Any = uuid4() if database.dialect.name == "postgresql" else uuid4().bytes
    day = datetime(2026, 2, 28, tzinfo=UTC).date()
    insert(database, table, *({"tenant": tenant, "day": day, "n": n, "v": bytes([n])} for n in range(5)))
    plan = SwapPlan(table, ("tenant", "day", "n"), ("v",), ("v",))
    swaps = [Swap((tenant, day, n), (bytes([n]),), (b"new",)) for n in range(4)]
    swaps.append(Swap((tenant, day + timedelta(days=1), 4), (b"\x04",), (b"new",)))
    assert swap(database, plan, *swaps) == [4]
    assert column(database, table, "v") == [b"new"] * 4 + [b"\x04"]


KEYS = {
    "uuid": (
        ("UUID", "CHAR(36)", "UUID"),
        [UUID(int=7), UUID(int=2**100)],
    ),
    "text": (("VARCHAR(40)", "VARCHAR(40)", "VARCHAR(40)"), ["it's", 'a"b\\c%s%%']),
    "char": (("CHAR(8)", "CHAR(8)", "CHAR(8)"), ["ab", "cd"]),
    "bytes": (("BYTEA", "VARBINARY(40)", "BLOB"), [b"\x00\x01'\\", b"\xff%s"]),
    "bigint": (("BIGINT", "BIGINT", "BIGINT"), [-(2**63), 2**63 - 1]),
    "numeric": (("NUMERIC(30,10)", "DECIMAL(30,10)", "INTEGER"), [Decimal("1.5"), Decimal("123456789012345678.25")]),
    "timestamp": (("TIMESTAMPTZ", "DATETIME(6)", "DATETIME"), [datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)]),
    "naive": (("TIMESTAMP", "DATETIME(6)", "DATETIME"), [datetime(1999, 12, 31, 23, 59, 59, 999999)]),
    "double": (("DOUBLE PRECISION", "DOUBLE", "DOUBLE"), [0.1, 1e300]),
    "boolean": (("BOOLEAN", "BOOLEAN", "BOOLEAN"), [True, False]),
}


def test_keys_and_guards_of_every_type_come_back_as_they_were_read(database: Database) -> None:
    """What the engine does: read a row with its column types, and swap with the values that it was given."""
    name = database.dialect.name
    place = ("postgresql", "mysql", "sqlite").index(name)
    for kind, (types, given) in KEYS.items():
        values = [_as_taken(name, kind, value) for value in given]
        with database.write() as conn:
            columns = f"k {types[place]} NOT NULL PRIMARY KEY, v {types[place]}, w VARCHAR(20)"
            conn.exec_driver_sql(f"CREATE TABLE of_{kind} ({columns})")
        table = sa.Table(f"of_{kind}", sa.MetaData(), autoload_with=database.engine)
        insert(database, table, *({"k": v, "v": v} for v in values))
        with database.read() as conn:
            rows = conn.execute(sa.select(table.c.k, table.c.v)).all()
        assert len(rows) == len(values)
        plan = SwapPlan(table, ("k",), ("v",), ("w",))
        assert swap(database, plan, *(Swap((k,), (v,), ("done",)) for k, v in rows)) == [], kind
        every = list(range(len(rows)))
        assert swap(database, plan, *(Swap((k,), (None,), ("again",)) for k, _ in rows)) == every, kind


def _as_taken(dialect: str, kind: str, value: Any) -> Any:
    """A value in the Python type that the driver of this database takes for the column."""
    if dialect == "postgresql":
        return value
    match value:
        case UUID():
            return str(value)
        case datetime():
            return value.replace(tzinfo=None)
        case Decimal() if dialect == "sqlite":
            return int(value)  # SQLite keeps decimals as floats
        case _:
            return value


def test_types_of_mariadb_that_mysql_does_not_have(database: Database) -> None:
    if not getattr(database.engine.dialect, "is_mariadb", False):
        with database.read():  # the driver knows only once it is connected
            pass
        if not getattr(database.engine.dialect, "is_mariadb", False):
            pytest.skip("types of MariaDB")
    table = make(database, postgresql="", mysql="k UUID PRIMARY KEY, v INET6, w VARCHAR(20)", sqlite="")
    key = str(uuid4())
    insert(database, table, {"k": key, "v": "2001:db8::1"}, {"k": str(uuid4()), "v": None})
    plan = SwapPlan(table, ("k",), ("v",), ("w",))
    assert swap(database, plan, Swap((key,), ("2001:db8::1",), ("x",))) == []
    assert swap(database, plan, Swap((key,), ("2001:db8::2",), ("x",))) == [0]


def test_types_of_postgresql_that_others_do_not_have(database: Database) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("types of PostgreSQL")
    table = make(
        database,
        postgresql="k short PRIMARY KEY, e mood, j JSON, b JSONB, i INET, w VARCHAR(5)",
        mysql="",
        sqlite="",
        before=("CREATE DOMAIN short AS VARCHAR(9)", "CREATE TYPE mood AS ENUM ('fine', 'low')"),
    )
    with database.write() as conn:
        conn.exec_driver_sql("""INSERT INTO t VALUES ('a', 'fine', '{"x":  [1, null]}', '{"y": 1.50}', '::1')""")
        conn.exec_driver_sql("INSERT INTO t (k) VALUES ('b')")
    guards = ("e", "j", "b", "i")
    with database.read() as conn:
        rows = conn.execute(sa.select(table.c.k, *(table.c[g] for g in guards)).order_by(table.c.k)).all()
    plan = SwapPlan(table, ("k",), guards, ("w",))
    swaps = [Swap((row[0],), tuple(row[1:]), ("x",)) for row in rows]
    assert swap(database, plan, *swaps) == []
    changed = [Swap(s.key, ("low", *s.old[1:]), ("y",)) for s in swaps]
    assert swap(database, plan, *changed) == [0, 1]


def test_json_documents_guard_by_what_they_say(database: Database) -> None:
    columns = "id {} PRIMARY KEY, v JSON, w VARCHAR(20)"
    table = make(
        database, postgresql=columns.format("INT"), mysql=columns.format("INT"), sqlite=columns.format("INTEGER")
    )
    with database.write() as conn:
        for key, text in ((1, '{"a" :  [1, "b"]}'), (2, '{"a": 2}')):
            conn.execute(sa.text("INSERT INTO t (id, v) VALUES (:k, :v)"), {"k": key, "v": text})
    with database.read() as conn:
        read = [value for (value,) in conn.execute(sa.select(table.c.v).order_by(table.c.id))]
    plan = SwapPlan(table, ("id",), ("v",), ("w",))
    assert swap(database, plan, Swap((1,), (read[0],), ("x",)), Swap((2,), (read[0],), ("x",))) == [1]


def test_a_value_too_wide_is_refused_and_never_cut(database: Database) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has no widths")
    table = make(
        database,
        postgresql="id INT PRIMARY KEY, v VARCHAR(5), c CHAR(5)",
        mysql="id INT PRIMARY KEY, v VARCHAR(5), c CHAR(5)",
        sqlite="",
    )
    insert(database, table, {"id": 1, "v": "old", "c": "old"})
    for name in ("v", "c"):
        with pytest.raises(sa.exc.DBAPIError):
            swap(database, SwapPlan(table, ("id",), (), (name,)), Swap((1,), (), ("123456",)))
    assert column(database, table, "v") == ["old"]


def test_a_column_that_renews_itself_is_left_alone(database: Database) -> None:
    table = make(
        database,
        postgresql="id INT PRIMARY KEY, v TEXT, touched TIMESTAMP, size INT GENERATED ALWAYS AS (length(v)) STORED",
        mysql="id INT PRIMARY KEY, v VARCHAR(50), "
        "touched TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP, size INT AS (length(v)) STORED",
        sqlite="id INTEGER PRIMARY KEY, v TEXT, touched DATETIME, size INT AS (length(v)) STORED",
    )
    before = datetime(2001, 2, 3, 4, 5, 6)
    insert(database, table, {"id": 1, "v": "old", "touched": before}, {"id": 2, "v": "old", "touched": before})
    plan = SwapPlan(table, ("id",), ("v",), ("v",))
    assert swap(database, plan, Swap((1,), ("old",), ("longer",)), Swap((2,), ("lost",), ("longer",))) == [1]
    assert column(database, table, "touched") == [before, before]
    assert column(database, table, "size") == [6, 3]


def test_names_that_need_quoting(database: Database) -> None:
    quote = database.engine.dialect.identifier_preparer.quote_identifier
    names = [quote(n) for n in ("Odd%(name)s", "select", "Pass Word")]
    with database.write() as conn:
        key = "VARCHAR(20)"
        sql = f"CREATE TABLE {quote('My 100% Table')} ({names[0]} {key} PRIMARY KEY, {names[1]} TEXT, {names[2]} TEXT)"
        conn.exec_driver_sql(sql)
    table = sa.Table("My 100% Table", sa.MetaData(), autoload_with=database.engine)
    insert(database, table, {"Odd%(name)s": "k", "select": "s"})
    plan = SwapPlan(table, ("Odd%(name)s",), ("select",), ("Pass Word",))
    assert swap(database, plan, Swap(("k",), ("s",), ("100%s",))) == []
    assert column(database, table, "Pass Word") == ["100%s"]


def test_two_swaps_of_one_row_are_refused(database: Database) -> None:
    table = simple(database)
    plan = SwapPlan(table, ("id",), ("v",), ("w",))
    with pytest.raises(ValueError, match="same row"):
        swap(database, plan, Swap((1,), ("a",), ("b",)), Swap((1,), ("a",), ("c",)))


def test_a_key_that_names_several_rows_is_refused(database: Database) -> None:
    table = simple(database)
    insert(database, table, {"id": 1, "v": "x", "w": "k"}, {"id": 2, "v": "x", "w": "k"})
    plan = SwapPlan(table, ("w",), (), ("v",))
    with pytest.raises(SchemaError, match="more than one row"):
        swap(database, plan, Swap(("k",), (), ("y",)))
    assert column(database, table, "v") == ["x", "x"]


def test_a_table_without_transactions_is_refused(database: Database) -> None:
    if database.dialect.name != "mysql":
        pytest.skip("storage engines are MySQL's")
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INT PRIMARY KEY, v TEXT) ENGINE=MyISAM")
    table = sa.Table("t", sa.MetaData(), autoload_with=database.engine)
    with pytest.raises(SchemaError, match="no transactions"):
        swap(database, SwapPlan(table, ("id",), (), ("v",)), Swap((1,), (), ("y",)))


def test_many_rows_in_few_statements(database: Database) -> None:
    table = simple(database)
    count = 2500  # more than one part
    with database.write() as conn:
        conn.execute(table.insert(), [{"id": i, "v": "old"} for i in range(count)])
    statements = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    plan = SwapPlan(table, ("id",), ("v",), ("v",))
    assert swap(database, plan, *(Swap((i,), ("old",), (f"new {i}",)) for i in range(count))) == []
    assert len(statements) < 20
    assert column(database, table, "v") == [f"new {i}" for i in range(count)]


def test_all_or_nothing_with_the_callers_transaction(database: Database) -> None:
    table = simple(database)
    insert(database, table, {"id": 1, "v": "old"}, {"id": 2, "v": "old"})
    plan = SwapPlan(table, ("id",), ("v",), ("v",))
    swaps = [Swap((1,), ("old",), ("new",)), Swap((2,), ("no",), ("new",))]

    def batch() -> None:
        with database.write() as conn:
            assert database.dialect.compare_and_swap(conn, plan, swaps) == [1]
            raise RuntimeError("later trouble")

    with pytest.raises(RuntimeError, match="later trouble"):
        batch()
    assert column(database, table, "v") == ["old", "old"]


@pytest.mark.parametrize("database_kind", ["mariadb"], indirect=True)
def test_a_statement_fits_what_the_server_takes(database: Database, database_url: str) -> None:
    """One that does not is no error of a row: the server hangs up, and would do so each time."""
    table = simple(database)
    with database.read() as conn:
        before = conn.exec_driver_sql("SELECT @@GLOBAL.max_allowed_packet").scalar_one()
    with database.write() as conn:
        conn.exec_driver_sql("SET GLOBAL max_allowed_packet = 1048576")
    other = Database.open(database_url)
    try:
        old, new = "o" * 100, "\n" * 100
        with other.write() as conn:
            conn.execute(table.insert(), [{"id": i, "v": old, "w": old} for i in range(5000)])
        plan = SwapPlan(table, ("id",), ("v", "w"), ("v", "w"))
        assert swap(other, plan, *(Swap((i,), (old, old), (new, new)) for i in range(5000))) == []
    finally:
        other.close()
        with database.write() as conn:
            conn.exec_driver_sql(f"SET GLOBAL max_allowed_packet = {before}")


def test_a_part_is_bounded_by_rows_and_bytes() -> None:
    swaps = [Swap((i,), (), ("x" * size,)) for i, size in enumerate([10, 10, 10, 500, 10])]
    assert [(start, len(part)) for start, part in chunked(swaps, max_rows=2, max_bytes=100)] == [
        (0, 2),
        (2, 1),
        (3, 1),
        (4, 1),
    ]
    assert list(chunked([], max_rows=2, max_bytes=100)) == []
