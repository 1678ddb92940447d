"""The proof: read every row back as an application would, whatever form it is stored in by now."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pqcore.database.connect import Database
from pqcore.database.tables import signatures as beside
from pqcore.demo import tables
from pqcore.demo.estate import Estate, Progress, check_value
from pqcore.demo.passwords import password_of
from pqcore.errors import PQConsoleError
from pqcore.formats import password, wrapped_key
from pqcore.formats.context import Context, key_digest, row_key_text
from pqcore.formats.digest import LEGACY, verify_digest
from pqcore.formats.legacy_signature import LegacySignature, verify_legacy
from pqcore.formats.legacy_wrap import LegacyWrap, legacy_wrap, unwrap
from pqcore.formats.signature import verify_signature
from pqcore.keys.provider import KeyProvider

_PAGE = 500
_SHOWN_PROBLEMS = 5
_WRONG_EVERY = 10  # a wrong password costs as much as a right one; every tenth login tries one too

Row = sa.Row[Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one row showed: whether it is in the new form, and what is wrong with it."""

    migrated: bool = False
    problem: str | None = None
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class KindProof:
    """What the rows of one table showed.

    Attributes:
        kind: what was tried: logins, documents, signatures, digests, partner keys.
        table: name of the table.
        checked: rows that have to hold.
        held: those that do.
        legacy: rows checked that are in the old form.
        migrated: rows checked that are in the new form.
        left_out: rows that cannot hold by design: accounts without a password, keys damaged on purpose.
        problems: one sentence for each of the first rows that do not hold.
    """

    kind: str
    table: str
    checked: int
    held: int
    legacy: int
    migrated: int
    left_out: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Every row that has to hold does."""
        return self.held == self.checked


@dataclass(frozen=True, slots=True)
class Proof:
    """What the whole estate showed."""

    kinds: tuple[KindProof, ...]

    @property
    def ok(self) -> bool:
        """Every row of every kind holds."""
        return all(kind.ok for kind in self.kinds)


def prove(
    db: Database, keys: KeyProvider, estate: Estate, data_set: str = "", *, progress: Progress | None = None
) -> Proof:
    """Try every login, open every document and partner key, verify every signature and digest.

    Works before, during and after the jobs. A login that was migrated costs one Argon2id.

    Args:
        db: the estate's database.
        keys: the estate's keys.
        estate: what was built.
        data_set: id of the installation, as ``database.install.data_set_id`` gives it; empty before ``init``.
        progress: told (table, rows done, rows in all), after each few hundred rows.
    """
    reader = _Reader(db, keys, estate, data_set)
    plan: list[tuple[str, sa.Table, int, Callable[[Row], Verdict]]] = [
        ("logins", tables.users, estate.users, reader.login),
        ("documents", tables.documents, estate.documents, reader.document),
        ("signatures", tables.audit_log, estate.audit_log, reader.audit_record),
        ("digests", tables.files, estate.files, reader.file),
        ("partner keys", tables.partner_keys, estate.partner_keys, reader.partner_key),
    ]
    kinds = []
    # Argon2id and the old hashes release the interpreter lock: threads count.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for kind, table, total, check in plan:
            tally = _Tally(kind, table.name)
            for page in _pages(db, table):
                reader.prepare(table, page)
                for row, verdict in zip(page, pool.map(_safely(check), page), strict=True):
                    tally.add(tuple(row[: len(table.primary_key.columns)]), verdict)
                if progress is not None:
                    progress(table.name, min(tally.rows, total), total)
            kinds.append(tally.result(total))
    return Proof(tuple(kinds))


class _Tally:
    def __init__(self, kind: str, table: str) -> None:
        self._kind, self._table = kind, table
        self.rows = self._held = self._migrated = self._left_out = 0
        self._problems: list[str] = []

    def add(self, key: tuple[Any, ...], verdict: Verdict) -> None:
        self.rows += 1
        if verdict.problem is not None:
            if len(self._problems) < _SHOWN_PROBLEMS:
                self._problems.append(f"{self._table} {row_key_text(key)}: {verdict.problem}")
        elif not verdict.left_out:
            self._held += 1
        self._left_out += verdict.left_out
        self._migrated += verdict.migrated and not verdict.left_out

    def result(self, expected: int) -> KindProof:
        if self.rows != expected:
            self._problems.insert(0, f"{self._table} has {self.rows} rows where {expected} were made")
        checked = max(self.rows, expected) - self._left_out
        return KindProof(
            self._kind,
            self._table,
            checked=checked,
            held=self._held,
            legacy=self.rows - self._left_out - self._migrated,
            migrated=self._migrated,
            left_out=self._left_out,
            problems=tuple(self._problems),
        )


def _pages(db: Database, table: sa.Table) -> Iterator[list[Row]]:
    """The table in pages, the key's columns first; each page is a short read of its own."""
    key = list(table.primary_key.columns)
    columns = [*key, *(column for column in table.columns if not column.primary_key)]
    statement = sa.select(*columns).order_by(*key).limit(_PAGE)
    last: tuple[Any, ...] | None = None
    while True:
        with db.read() as conn:
            page = list(conn.execute(statement if last is None else statement.where(db.dialect.after(key, last))))
        if not page:
            return
        yield page
        last = tuple(page[-1][: len(key)])


def _safely(check: Callable[[Row], Verdict]) -> Callable[[Row], Verdict]:
    def checked(row: Row) -> Verdict:
        try:
            return check(row)
        except PQConsoleError as error:
            return Verdict(problem=error.message)

    return checked


class _Reader:
    """Reads rows as the product's own code would, through ``pqcore.formats`` alone."""

    def __init__(self, db: Database, keys: KeyProvider, estate: Estate, data_set: str) -> None:
        self._db = db
        self._keys = keys
        self._estate = estate
        self._data_set = data_set
        self._signatures: dict[str, bytes] = {}
        with db.read() as conn:
            self._has_companions = sa.inspect(conn).has_table(beside.name)

    def prepare(self, table: sa.Table, page: list[Row]) -> None:
        """Fetch what is kept beside the rows of a page."""
        if table is not tables.audit_log or not self._has_companions:
            return
        wanted = [key_digest(row_key_text((row.stream, row.seq))) for row in page]
        statement = sa.select(beside.c.key_digest, beside.c.value).where(
            beside.c.table_name == table.name, beside.c.field == "signature", beside.c.key_digest.in_(wanted)
        )
        with self._db.read() as conn:
            self._signatures = {digest: bytes(value) for digest, value in conn.execute(statement)}

    def login(self, row: Row) -> Verdict:
        stored, right = row.password_hash, password_of(row.id)
        kind = password.classify(stored)
        if kind is password.Kind.UNUSABLE:
            return Verdict(left_out=True)
        migrated = kind is not password.Kind.LEGACY
        if not password.check_password(stored, right, self._keys).ok:
            return Verdict(migrated, "the right password is refused")
        if row.id % _WRONG_EVERY == 0 and password.check_password(stored, right + "x", self._keys).ok:
            return Verdict(migrated, "a wrong password is taken")
        return Verdict(migrated)

    def document(self, row: Row) -> Verdict:
        migrated = wrapped_key.recognise(row.wrapped_key)
        if migrated:
            data_key = wrapped_key.open_wrapped_key(
                row.wrapped_key, self._keys, self._context(tables.documents, "wrapped_key", row)
            )
        else:
            form = LegacyWrap.AES_KW if row.wrap_alg == "A128KW" else legacy_wrap(row.wrap_alg)
            data_key = unwrap(form, base64.b64decode(row.wrapped_key), self._keys.get(row.kek_id))
        try:
            body = AESGCM(data_key).decrypt(bytes(row.nonce), bytes(row.body), str(row.id).encode())
        except (InvalidTag, ValueError):
            return Verdict(migrated, "the body does not open under its data key")
        if hashlib.sha256(body).hexdigest() != row.content_digest:
            return Verdict(migrated, "the body has another digest than it was stored with")
        return Verdict(migrated)

    def audit_record(self, row: Row) -> Verdict:
        old = bytes(row.signature)
        signer = self._keys.get(row.signer_key)
        verify_legacy(LegacySignature(row.signature_alg), old, row.payload.encode(), signer)
        new = row.pq_signature or self._signatures.get(key_digest(row_key_text((row.stream, row.seq))))
        if new is None:
            return Verdict()
        verify_signature(bytes(new), row.payload, old, self._keys, self._context(tables.audit_log, "signature", row))
        return Verdict(migrated=True)

    def file(self, row: Row) -> Verdict:
        check = verify_digest(row.checksum, bytes(row.content))
        return Verdict(check.algorithm not in LEGACY, None if check.ok else "the content has another digest")

    def partner_key(self, row: Row) -> Verdict:
        value = bytes(row.wrapped_key)
        migrated = wrapped_key.recognise(value)
        if row.code in self._estate.broken:
            problem = "a damaged key was migrated" if migrated else None
            return Verdict(migrated, problem, left_out=problem is None)
        if migrated:
            key = wrapped_key.open_wrapped_key(
                value, self._keys, self._context(tables.partner_keys, "wrapped_key", row)
            )
        else:
            key = unwrap(LegacyWrap.AES_KW, value, self._keys.get("partners-kek"))
        if not hmac.compare_digest(check_value(key), row.check_value):
            return Verdict(migrated, "the key is not the partner's")
        return Verdict(migrated)

    def _context(self, table: sa.Table, column: str, row: Row) -> Context:
        return Context(self._data_set, table.name, column, tuple(row[: len(table.primary_key.columns)]))
