"""Large tables of content digests, filled as fast as each database allows, under keys of every kind."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database

_CHUNK = 10_000
_EPOCH = dt.date(2019, 1, 1)

Values = tuple[Any, ...]


@dataclass(frozen=True)
class KeyKind:
    """A kind of primary key.

    Attributes:
        columns: makes its columns.
        in_order: the key of the row number n, where keys come in the order of the rows.
        strewn: the same, where they are strewn over the table as random ids are.
    """

    name: str
    columns: Callable[[], list[sa.Column[Any]]]
    in_order: Callable[[int], Values]
    strewn: Callable[[int], Values]


def _digest(number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).digest()


KEY_KINDS: Mapping[str, KeyKind] = {
    kind.name: kind
    for kind in (
        KeyKind(
            "integer",
            lambda: [_key("id", sa.BigInteger)],
            lambda n: (n,),
            lambda n: (int.from_bytes(_digest(n)[:7], "big"),),
        ),
        KeyKind(
            "UUID",
            lambda: [_key("id", sa.Uuid)],
            lambda n: (uuid.UUID(int=n << 80 | int.from_bytes(_digest(n)[:8], "big")),),
            lambda n: (uuid.UUID(bytes=_digest(n), version=4),),
        ),
        KeyKind(
            "text",
            lambda: [_key("id", sa.String(50))],
            lambda n: (f"object/{n:032}",),
            lambda n: (f"object/{_digest(n).hex()}",),
        ),
        KeyKind(
            "four columns",
            lambda: [
                _key("region", sa.String(10)),
                _key("tenant", sa.Integer),
                _key("day", sa.Date),
                _key("number", sa.BigInteger),
            ],
            lambda n: (f"region-{n // 10**6:03}", n // 10**4, _EPOCH + dt.timedelta(days=n // 10**3), n),
            lambda n: (f"region-{n % 7}", n % 50, _EPOCH + dt.timedelta(days=n % 365), n),
        ),
    )
}


def _key(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def make(db: Database, name: str, kind: KeyKind, rows: int, *, strewn: bool) -> None:
    """A new table of so many rows: key, ``body`` and the SHA-256 digest of it, ``digest``."""
    body, digest = sa.Column("body", sa.String(200), nullable=False), sa.Column("digest", sa.String(200))
    table = sa.Table(name, sa.MetaData(), *kind.columns(), body, digest)
    with db.write() as conn:
        table.drop(conn, checkfirst=True)
        table.create(conn)
    rest = _rows(kind.strewn if strewn else kind.in_order, rows)
    if db.dialect.name == "postgresql":
        _copy(db, table, rest)
        return
    names = [column.name for column in table.columns]
    while chunk := [dict(zip(names, values, strict=True)) for values in islice(rest, _CHUNK)]:
        with db.write() as conn:
            conn.execute(sa.insert(table), chunk)


def _rows(key: Callable[[int], Values], rows: int) -> Iterator[Values]:
    for number in range(1, rows + 1):
        body = f"content of the object number {number}, as it was stored"
        yield (*key(number), body, hashlib.sha256(body.encode()).hexdigest())


def _copy(db: Database, table: sa.Table, rows: Iterator[Values]) -> None:
    """PostgreSQL's own way: ten times faster than statements."""
    columns = ", ".join(column.name for column in table.columns)
    with db.write() as conn:
        driver: Any = conn.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
            for values in rows:
                copy.write_row(values)
