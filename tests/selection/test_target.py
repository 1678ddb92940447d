"""The place a selection names: found exactly as the database has it, refused where rows cannot be told apart."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.selection.catalog import Catalog
from pqcore.selection.document import parse
from pqcore.selection.kinds import Kind
from pqcore.selection.problem import Problem, SelectionError
from pqcore.selection.target import Target, resolve, table_name


def run(database: Database, *statements: str) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def target(database: Database, **document: Any) -> Target:
    return resolve(database, parse({"table": "t", "field": "h", **document}))


def problem(database: Database, **document: Any) -> Problem:
    with pytest.raises(SelectionError) as caught:
        target(database, **document)
    (only,) = caught.value.problems
    return only


def test_table_field_and_primary_key(database: Database) -> None:
    run(database, "CREATE TABLE t (b INTEGER NOT NULL, a INTEGER NOT NULL, h VARCHAR(10), PRIMARY KEY (a, b))")
    found = target(database)
    assert (found.table.name, found.field.name, found.name) == ("t", "h", "t")
    assert [column.name for column in found.key] == ["a", "b"]


def test_columns_as_the_editor_sees_them(database: Database) -> None:
    binary = {"postgresql": "BYTEA", "sqlite": "BLOB", "mysql": "VARBINARY(30)"}[database.dialect.name]
    run(
        database,
        f"CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, h VARCHAR(10), b {binary}, n NUMERIC(8,2) NOT NULL, "
        "at TIMESTAMP NULL, g INTEGER GENERATED ALWAYS AS (1 + 1) STORED)",
    )
    columns = {info.name: info for info in Catalog(database).columns("t")}
    assert {name: info.kind for name, info in columns.items()} == {
        "id": Kind.INTEGER,
        "h": Kind.TEXT,
        "b": Kind.BYTES,
        "n": Kind.DECIMAL,
        "at": Kind.DATETIME,
        "g": Kind.INTEGER,
    }
    assert columns["h"].type == "VARCHAR(10)"
    assert columns["h"].width == (None if database.dialect.name == "sqlite" else 10)
    assert [name for name, info in columns.items() if info.generated] == ["g"]
    assert not columns["id"].nullable
    assert columns["h"].nullable


def test_case_is_kept_and_never_folded(database: Database) -> None:
    with database.write() as connection:
        for name in ("Users", "Weird.Name"):
            table = sa.Table(name, sa.MetaData(), sa.Column("Id", sa.Integer, primary_key=True))
            table.append_column(sa.Column("Pass Word", sa.String(9)))
            table.create(connection)
    found = target(database, table="Users", field="Pass Word")
    assert (found.table.name, found.field.name, found.name) == ("Users", "Pass Word", "Users")
    assert problem(database, table="users").remedy == 'Perhaps "Users" is meant'
    assert problem(database, table="Users", field="pass word").remedy == 'Perhaps "Pass Word" is meant'
    assert target(database, table="Weird.Name", field="Pass Word").name == '"Weird.Name"'


def test_names_in_contexts_are_unambiguous() -> None:
    parts = [(None, "a.b"), ("a", "b"), (None, 'a"."b'), (None, "a"), ("a.b", "c"), ("a", "b.c"), (None, '"a"')]
    assert table_name("a", "b") == "a.b"
    assert len({table_name(schema, table) for schema, table in parts}) == len(parts)


def test_what_is_missing_is_named_with_what_is_near(database: Database) -> None:
    run(database, "CREATE TABLE customers (id INTEGER PRIMARY KEY, pw_hash VARCHAR(10))")
    assert problem(database, table="customer").remedy == 'Perhaps "customers" is meant'
    assert "customers" in problem(database, table="zebra").remedy
    field = problem(database, table="customers", field="pwhash")
    assert (field.path, field.remedy) == ("field", 'Perhaps "pw_hash" is meant')
    key = problem(database, table="customers", field="pw_hash", key=["idd"])
    assert (key.path, key.remedy) == ("key[0]", 'Perhaps "id" is meant')


def test_missing_schema(database: Database) -> None:
    run(database, "CREATE TABLE t (id INTEGER PRIMARY KEY, h VARCHAR(10))")
    assert problem(database, schema="nowhere").path == "schema"


def test_tables_of_other_schemas(database: Database) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("schemas are databases elsewhere")
    run(
        database,
        'CREATE SCHEMA "App"',
        "CREATE TABLE t (id INT PRIMARY KEY, h TEXT)",
        'CREATE TABLE "App".t (key UUID PRIMARY KEY, h VARCHAR(7), other INT REFERENCES t)',
    )
    found = target(database, schema="App")
    assert (found.name, found.key[0].name, found.table.schema) == ("App.t", "key", "App")
    assert [table.name for table in found.table.metadata.tables.values()] == ["t"], "no neighbours are reflected"


def test_a_view_is_refused(database: Database) -> None:
    run(database, "CREATE TABLE t (id INTEGER PRIMARY KEY, h VARCHAR(9))", "CREATE VIEW v AS SELECT * FROM t")
    assert problem(database, table="v").message == '"v" is a view'


@pytest.mark.parametrize("name", ["pq_migration_jobs", "PQ_Migration_Runs", "vw_pq_migration_jobs"])
def test_own_tables_are_refused(sqlite: Database, name: str) -> None:
    assert "belongs to pqconsole" in problem(sqlite, table=name).message


def test_a_field_of_the_key_is_refused(database: Database) -> None:
    run(database, "CREATE TABLE t (id INTEGER NOT NULL, h VARCHAR(10) NOT NULL, PRIMARY KEY (id, h))")
    assert problem(database).path == "field"


def test_a_table_without_a_key(database: Database) -> None:
    run(database, "CREATE TABLE t (a INTEGER, h VARCHAR(10))")
    found = problem(database)
    assert found.path == "key"
    assert "primary key" in found.remedy


def test_a_unique_index_serves_as_a_key_where_nothing_is_null(database: Database) -> None:
    run(
        database,
        "CREATE TABLE t (a VARCHAR(10) NOT NULL, b INTEGER, c INTEGER NOT NULL, h VARCHAR(10), UNIQUE (b))",
        "CREATE UNIQUE INDEX t_ca ON t (c, a)",
    )
    assert Catalog(database).candidate_keys("t") == [("c", "a")]
    assert [column.name for column in target(database).key] == ["c", "a"]
    assert [column.name for column in target(database, key=["a", "c"]).key] == ["a", "c"]
    assert "does not identify a row" in problem(database, key=["c"]).message
    assert "may be NULL" in problem(database, key=["a", "c", "b"]).message


def test_an_index_over_some_rows_is_no_key(database: Database) -> None:
    if database.dialect.name == "mysql":
        pytest.skip("MySQL has no partial indexes")
    run(
        database,
        "CREATE TABLE t (a INTEGER NOT NULL, h VARCHAR(10))",
        "CREATE UNIQUE INDEX t_a ON t (a) WHERE a > 5",
    )
    assert Catalog(database).candidate_keys("t") == []


def test_an_index_over_prefixes_is_no_key(database: Database) -> None:
    if database.dialect.name != "mysql":
        pytest.skip("only MySQL indexes prefixes")
    run(database, "CREATE TABLE t (a VARCHAR(100) NOT NULL, h VARCHAR(10), UNIQUE (a(10)))")
    assert Catalog(database).candidate_keys("t") == []


@pytest.mark.parametrize("kind", ["DOUBLE PRECISION", "ENUM"])
def test_keys_without_a_dependable_order(database: Database, kind: str) -> None:
    if kind == "ENUM" and database.dialect.name == "sqlite":
        pytest.skip("SQLite has no enumerations")
    if kind == "ENUM" and database.dialect.name == "postgresql":
        run(database, "CREATE TYPE e AS ENUM ('b', 'a')")
    spelled = {"ENUM": "e" if database.dialect.name == "postgresql" else "ENUM('b', 'a')"}.get(kind, kind)
    run(database, f"CREATE TABLE t (k {spelled} NOT NULL PRIMARY KEY, h VARCHAR(10))")
    assert "no dependable order" in problem(database).message


def test_null_in_an_sqlite_primary_key(sqlite: Database) -> None:
    run(sqlite, "CREATE TABLE loose (k TEXT PRIMARY KEY, h TEXT)", "INSERT INTO loose VALUES ('a', 'x')")
    assert target(sqlite, table="loose").key[0].name == "k"
    run(sqlite, "INSERT INTO loose VALUES (NULL, 'x')")
    found = problem(sqlite, table="loose")
    assert (found.path, "is NULL in some rows" in found.message) == ("key", True)


@pytest.mark.parametrize(
    ("definition", "nullable"),
    [
        ("k TEXT PRIMARY KEY, h TEXT", True),
        ("k INTEGER PRIMARY KEY, h TEXT", False),
        ("k INT PRIMARY KEY, h TEXT", True),
        ("k TEXT PRIMARY KEY NOT NULL, h TEXT", False),
        ("k TEXT PRIMARY KEY, h TEXT CHECK (h <> ')')) WITHOUT ROWID --", False),
    ],
)
def test_which_sqlite_keys_may_be_null(sqlite: Database, definition: str, nullable: bool) -> None:
    run(
        sqlite,
        "DROP TABLE IF EXISTS k",
        f"CREATE TABLE k ({definition}\n)" if "--" not in definition else f"CREATE TABLE k ({definition[:-3]}",
    )
    (info,) = [column for column in Catalog(sqlite).columns("k") if column.name == "k"]
    assert info.nullable is nullable


def test_sqlite_values_pass_as_they_are_stored(sqlite: Database) -> None:
    run(
        sqlite,
        "CREATE TABLE mixed (id UUID PRIMARY KEY NOT NULL, at DATETIME, n NUMERIC, b BLOB, j JSON, o BOOLEAN)",
        "INSERT INTO mixed VALUES ('3f2a', 'yesterday', '1.10', 'text', '{\"a\": 1}', 'maybe')",
    )
    table = Catalog(sqlite).table(None, "mixed")
    with sqlite.read() as connection:
        row = connection.execute(sa.select(table)).one()
    assert tuple(row) == ("3f2a", "yesterday", 1.1, "text", '{"a": 1}', "maybe")


def test_triggers_of_an_update(database: Database) -> None:
    run(database, "CREATE TABLE t (id INTEGER PRIMARY KEY, h VARCHAR(9))", "CREATE TABLE log (n INTEGER)")
    match database.dialect.name:
        case "postgresql":
            run(
                database,
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
                "CREATE TRIGGER on_update BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
                "CREATE TRIGGER on_delete BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
            )
        case "mysql":
            run(
                database,
                "CREATE TRIGGER on_update BEFORE UPDATE ON t FOR EACH ROW INSERT INTO log VALUES (1)",
                "CREATE TRIGGER on_delete BEFORE DELETE ON t FOR EACH ROW UPDATE log SET n = 1",
            )
        case _:
            run(
                database,
                "CREATE TRIGGER on_update AFTER UPDATE OF h ON t BEGIN INSERT INTO log VALUES (1); END",
                "CREATE TRIGGER on_delete AFTER DELETE ON t BEGIN UPDATE log SET n = 1; END",
            )
    assert Catalog(database).triggers("t") == ["on_update"]


def test_knowledge_is_kept_for_a_while_and_refreshed_when_asked(sqlite: Database) -> None:
    now = [0.0]
    catalog = Catalog(sqlite, max_age=30, clock=lambda: now[0])
    before = catalog.tables()
    run(sqlite, "CREATE TABLE late (id INTEGER PRIMARY KEY)")
    assert catalog.tables() == before
    catalog.refresh()
    assert catalog.tables() == sorted([*before, "late"])
    run(sqlite, "DROP TABLE late")
    now[0] = 31.0
    assert catalog.tables() == before


@pytest.fixture
def sqlite(tmp_path: Any) -> Any:
    opened = Database.open(f"sqlite:///{tmp_path / 'test.db'}")
    yield opened
    opened.close()
