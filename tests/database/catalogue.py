"""Reading each database's own catalogue, without pqconsole and without SQLAlchemy's reflection."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

Columns = dict[str, tuple[str, bool, str | None]]  # name -> type, nullable, default


def rows(conn: sa.Connection, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in conn.execute(sa.text(sql), parameters)]


def engine_of(conn: sa.Connection) -> str:
    """``postgres``, ``sqlite``, ``mysql`` or ``mariadb``."""
    if conn.dialect.name == "postgresql":
        return "postgres"
    if conn.dialect.name == "mysql":
        return "mariadb" if "MariaDB" in str(conn.exec_driver_sql("SELECT VERSION()").scalar()) else "mysql"
    return conn.dialect.name


def columns(conn: sa.Connection, table: str) -> Columns:
    engine = engine_of(conn)
    if engine == "sqlite":
        return {r[1]: (r[2], not r[3], _default(r[4])) for r in rows(conn, f"PRAGMA table_info({table})")}
    if engine == "postgres":
        found = rows(
            conn,
            "SELECT column_name, data_type || CASE WHEN data_type LIKE 'timestamp%' "
            "THEN '(' || datetime_precision || ')' ELSE '' END, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_schema = 'public' AND table_name = :t "
            "ORDER BY ordinal_position",
            t=table,
        )
    else:
        found = rows(
            conn,
            "SELECT column_name, column_type, is_nullable, column_default FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name = :t ORDER BY ordinal_position",
            t=table,
        )
    return {name: (kind, nullable == "YES", _default(default)) for name, kind, nullable, default in found}


def _default(text: str | None) -> str | None:
    """A default in one spelling: without quotes, casts and case of its function."""
    if text is None or text == "NULL":
        return None
    bare = re.sub(r"::\w+$", "", text).strip("'")
    if bare.lower() == "current_timestamp(6)" or bare == "strftime('%Y-%m-%d %H:%M:%f000', 'now')":
        return "CURRENT_TIMESTAMP(6)"
    return bare


def indexes(conn: sa.Connection, table: str) -> dict[str, tuple[str, ...]]:
    """Columns by name of index, without that of the primary key."""
    engine = engine_of(conn)
    if engine == "sqlite":
        names = [r[1] for r in rows(conn, f"PRAGMA index_list({table})") if r[3] == "c"]
        return {name: tuple(r[2] for r in rows(conn, f"PRAGMA index_info({name})")) for name in names}
    if engine == "postgres":
        found = rows(
            conn,
            "SELECT i.relname, array_agg(a.attname ORDER BY k.n) FROM pg_index x "
            "JOIN pg_class i ON i.oid = x.indexrelid CROSS JOIN unnest(x.indkey) WITH ORDINALITY AS k(attnum, n) "
            "JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum "
            "WHERE x.indrelid = to_regclass(:t) AND NOT x.indisprimary GROUP BY i.relname",
            t=table,
        )
        return {name: tuple(columns) for name, columns in found}
    found = rows(
        conn,
        "SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics "
        "WHERE table_schema = DATABASE() AND table_name = :t AND index_name <> 'PRIMARY' GROUP BY index_name",
        t=table,
    )
    return {name: tuple(text.split(",")) for name, text in found}


def foreign_keys(conn: sa.Connection, table: str) -> dict[str, tuple[str, str, str, str]]:
    engine = engine_of(conn)
    if engine == "sqlite":
        # the pragma knows no names: they are in the statement
        sql = rows(conn, "SELECT sql FROM sqlite_master WHERE name = :t", t=table)[0][0]
        names = dict(re.findall(r"(?:CONSTRAINT (\w+) )FOREIGN KEY \((\w+)\)", sql))
        by_column = {column: name for name, column in names.items()}
        found = rows(conn, f"PRAGMA foreign_key_list({table})")
        return {by_column[r[3]]: (r[3], r[2], r[4], r[6]) for r in found}
    if engine == "postgres":
        found = rows(
            conn,
            "SELECT c.conname, a.attname, c.confrelid::regclass::text, f.attname, c.confdeltype FROM pg_constraint c "
            "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
            "JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1] "
            "WHERE c.conrelid = to_regclass(:t) AND c.contype = 'f'",
            t=table,
        )
        actions = {"n": "SET NULL", "a": "NO ACTION", "c": "CASCADE", "r": "RESTRICT", "d": "SET DEFAULT"}
        return {name: (col, target, other, actions[action]) for name, col, target, other, action in found}
    found = rows(
        conn,
        "SELECT k.constraint_name, k.column_name, k.referenced_table_name, k.referenced_column_name, r.delete_rule "
        "FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r "
        "ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name "
        "WHERE k.table_schema = DATABASE() AND k.table_name = :t AND k.referenced_table_name IS NOT NULL",
        t=table,
    )
    return {name: tuple(rest) for name, *rest in found}  # type: ignore[misc]


def objects(conn: sa.Connection) -> dict[str, str]:
    """Every table and view with a full description: its definition as the database gives it back."""
    engine = engine_of(conn)
    if engine == "sqlite":
        found = rows(
            conn, "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        )
        return dict(found)  # type: ignore[arg-type]
    if engine == "postgres":
        return dict(
            rows(  # type: ignore[arg-type]
                conn,
                """
                SELECT relname, concat_ws(E'\\n', relkind,
                  (SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
                      pg_get_expr(adbin, adrelid)), E'\\n' ORDER BY attnum)
                    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                    WHERE attrelid = c.oid AND attnum > 0),
                  (SELECT string_agg(conname || ' ' || pg_get_constraintdef(o.oid), E'\\n' ORDER BY conname)
                    FROM pg_constraint o WHERE conrelid = c.oid),
                  (SELECT string_agg(indexdef, E'\\n' ORDER BY indexname) FROM pg_indexes WHERE tablename = c.relname),
                  CASE WHEN relkind = 'v' THEN pg_get_viewdef(c.oid) END)
                FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
                """,
            )
        )
    names = rows(conn, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
    return {
        name: re.sub(r" AUTO_INCREMENT=\d+", "", rows(conn, f"SHOW CREATE TABLE {name}")[0][1]) for (name,) in names
    }
