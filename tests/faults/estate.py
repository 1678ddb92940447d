"""Two tables in use by an application, with triggers that record every change of every value."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from pqcore import seeding
from pqcore.actor import Actor
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.database.tables import COMPANIONS, jobs, meta
from pqcore.jobs.repository import JobRepository
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.sealing import Cost
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id
from tests.engine.items import body_of, sha1

_metadata = sa.MetaData()

# "version" is the application's: it grows with each of its writes, and never with one of ours
ITEMS = sa.Table(
    "fault_items",
    _metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("body", sa.String(200), nullable=False),
    sa.Column("digest", sa.String(200), nullable=False),
)
VAULT = sa.Table(
    "fault_vault",
    _metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("wrapped", sa.String(4000), nullable=False),
)
TABLES: Mapping[str, sa.Table] = {"items": ITEMS, "vault": VAULT}
FIELDS: Mapping[str, str] = {"items": "digest", "vault": "wrapped"}

# one row for each change of a value, by trigger; the old value is NULL for an insert, the new one for a deletion
HISTORY = sa.Table(
    "fault_history",
    _metadata,
    sa.Column("n", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("tab", sa.String(16), nullable=False),
    sa.Column("id", sa.BigInteger, nullable=False),
    sa.Column("old_version", sa.BigInteger),
    sa.Column("new_version", sa.BigInteger),
    sa.Column("old_value", sa.String(4000)),
    sa.Column("new_value", sa.String(4000)),
)
# what the application has written, in the same transaction; content is NULL for a deletion
WRITES = sa.Table(
    "fault_writes",
    _metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("tab", sa.String(16), nullable=False),
    sa.Column("id", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("content", sa.String(200)),
    sa.Column("old_form", sa.Boolean, nullable=False),
)
# the application's last write at the moment a sweep begins, by trigger
MARKS = sa.Table(
    "fault_marks",
    _metadata,
    sa.Column("job_id", sa.BigInteger, nullable=False),
    sa.Column("pass_no", sa.Integer, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
)

SELECTIONS: Mapping[str, dict[str, Any]] = {
    "items": {"table": "fault_items", "field": "digest", "options": {"mode": "digest", "source": "body"}},
    "vault": {
        "table": "fault_vault",
        "field": "wrapped",
        "options": {"format": "AES-KW", "old_key": "kek", "new_key": "kem"},
    },
}
_TARGETS = {"items": (Scope.HASHES, "SHA-512"), "vault": (Scope.WRAPPERS, "ML-KEM-768+X25519")}
_KEY_STEP = 10  # room between the keys of the first rows, for those that are added
_PASSPHRASE = "secret"


def key_of(number: int) -> int:
    return number * _KEY_STEP


@dataclass(frozen=True)
class Place:
    """Where an estate is: all that a process needs to open it."""

    url: str
    keyring: Path

    def database(self) -> Database:
        return Database.open(self.url)

    def keys(self) -> FileKeyProvider:
        return FileKeyProvider(self.keyring, lambda: _PASSPHRASE, cost=Cost(8192, 1))

    def repository(self, db: Database) -> JobRepository:
        return JobRepository(db, Actor("faults", "host", None))


class Estate:
    """The tables in a fresh database; ``reset`` fills them anew for each run."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.db = place.database()
        self.keys = place.keys()
        self.jobs = place.repository(self.db)
        self.planted: Mapping[str, frozenset[int]] = {}
        install.apply(self.db, install.plan(self.db))
        seeding.fill(self.db)
        self.keys.generate("kek", "AES-128")
        self.keys.generate("kem", "ML-KEM-768+X25519")
        kek = self.keys.get("kek").secret
        assert kek is not None
        self.kek = kek
        _metadata.create_all(self.db.engine)
        with self.db.write() as conn:
            for statement in triggers(self.db.dialect.name):
                conn.exec_driver_sql(statement)

    def close(self) -> None:
        self.db.close()

    def reset(self, items: int, vault: int, *, damaged: bool = True) -> None:
        """Empty everything, forget all jobs, and fill the tables with old values, some of them damaged."""
        self.planted = {
            "items": frozenset({key_of(items // 3), key_of(items - 2)} if items and damaged else ()),
            "vault": frozenset({key_of(vault // 2)} if vault and damaged else ()),
        }
        with self.db.write() as conn:
            for table in (ITEMS, VAULT, jobs, *(t for t in COMPANIONS if t is not meta), WRITES, MARKS, HISTORY):
                conn.execute(sa.delete(table))
            log: list[dict[str, Any]] = []
            for name, rows in (("items", self._items(items)), ("vault", self._vault(vault))):
                contents = list(rows)
                if not contents:
                    continue
                conn.execute(TABLES[name].insert(), [row for row, _ in contents])
                for row, content in contents:
                    log.append({"tab": name, "id": row["id"], "version": 0, "content": content, "old_form": True})
            conn.execute(WRITES.insert(), [{"seq": n, **entry} for n, entry in enumerate(log, start=1)])

    def _items(self, rows: int) -> Iterator[tuple[dict[str, Any], str]]:
        for number in range(1, rows + 1):
            key, body = key_of(number), body_of(number)
            # damaged: its digest is that of something else
            digest = sha1("something else") if key in self.planted["items"] else sha1(body)
            yield {"id": key, "version": 0, "body": body, "digest": digest}, body

    def _vault(self, rows: int) -> Iterator[tuple[dict[str, Any], str]]:
        for number in range(1, rows + 1):
            key, data_key = key_of(number), os.urandom(32)
            kek = os.urandom(16) if key in self.planted["vault"] else self.kek
            yield {"id": key, "version": 0, "wrapped": wrap(kek, data_key)}, data_key.hex()

    def create(self, table: str, **selection: Any) -> int:
        """A new job over a table."""
        scope, algorithm = _TARGETS[table]
        document = {**SELECTIONS[table], **selection}
        return self.jobs.create(scope, document, algorithm_id=algorithm_id(self.db, scope, algorithm)).id


def wrap(kek: bytes, data_key: bytes) -> str:
    """A data key as the application stores it."""
    return base64.b64encode(aes_key_wrap(kek, data_key)).decode()


def triggers(dialect: str) -> Sequence[str]:
    """The statements that make the triggers."""
    made: list[str] = []
    for name, table in TABLES.items():
        field = FIELDS[name]
        for event, old, new in (("INSERT", False, True), ("UPDATE", True, True), ("DELETE", True, False)):
            values = ", ".join(
                (
                    f"'{name}'",
                    "NEW.id" if new else "OLD.id",
                    "OLD.version" if old else "NULL",
                    "NEW.version" if new else "NULL",
                    f"OLD.{field}" if old else "NULL",
                    f"NEW.{field}" if new else "NULL",
                )
            )
            columns = "tab, id, old_version, new_version, old_value, new_value"
            body = f"INSERT INTO fault_history ({columns}) VALUES ({values})"
            made += _trigger(dialect, f"{table.name}_{event.lower()}", f"AFTER {event} ON {table.name}", body)
    mark = (
        "INSERT INTO fault_marks (job_id, pass_no, seq) "
        "SELECT NEW.job_id, NEW.pass_no, COALESCE(MAX(seq), 0) FROM fault_writes"
    )
    made += _trigger(
        dialect, "fault_mark", "AFTER UPDATE ON pq_migration_runs", mark, when="NEW.pass_no <> OLD.pass_no"
    )
    return made


def _trigger(dialect: str, name: str, event: str, body: str, when: str = "") -> list[str]:
    if dialect == "postgresql":
        function = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$"
        condition = f"WHEN ({when})" if when else ""
        return [function, f"CREATE TRIGGER {name} {event} FOR EACH ROW {condition} EXECUTE FUNCTION {name}()"]
    if dialect == "mysql":
        action = f"IF {when} THEN {body}; END IF" if when else body
        return [f"CREATE TRIGGER {name} {event} FOR EACH ROW {action}"]
    condition = f"WHEN {when}" if when else ""
    return [f"CREATE TRIGGER {name} {event} FOR EACH ROW {condition} BEGIN {body}; END"]
