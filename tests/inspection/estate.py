"""Tables with known numbers of known forms, on every kind of database."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database

ROWS = 600
RSA, KW = 360, 240  # wrapped keys of each kind; the RSA ones come first

metadata = sa.MetaData()
_binary = sa.LargeBinary()
vault = sa.Table(
    "vault",
    metadata,
    sa.Column("region", sa.String(8), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("owner", sa.String(40), nullable=False),
    sa.Column("wrapped_key", _binary),
    sa.Column("wrap_alg", sa.String(20)),
    sa.Column("password_hash", sa.String(200)),
    sa.Column("note", sa.Text().with_variant(sa.Text(1_000_000), "mysql", "mariadb")),
)
loose = sa.Table("loose", metadata, sa.Column("digest", sa.String(64)))  # no key at all
empty = sa.Table(
    "empty_table",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("signature", _binary),
)


def fill(db: Database) -> None:
    with db.write() as conn:
        metadata.create_all(conn)
        conn.execute(sa.insert(vault), list(_vault()))
        conn.execute(sa.insert(loose), [{"digest": hashlib.sha1(b"%d" % n).hexdigest()} for n in range(50)])


def _vault() -> Iterator[dict[str, Any]]:
    rng = random.Random(3)
    for n in range(ROWS):
        rsa = n < RSA
        yield {
            "region": ("east", "north", "west")[n % 3],
            "n": n * n,  # gaps that grow
            "owner": f"Owner number {n}",
            "wrapped_key": b"\xfe" + rng.randbytes(255 if rsa else 39),
            "wrap_alg": "RSA-OAEP-256" if rsa else "A256KW",
            "password_hash": ("$2b$12$" + "a" * 53, None, "!", "md5$salt$" + "0" * 32)[n % 4],
            "note": "x" * 300_000 if n == 5 else "see below",
        }
