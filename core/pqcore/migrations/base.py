"""What a scope promises the engine: one row's old value in, one proved new value out.

A migration is pure: it knows keys and formats, neither a database nor a job. The engine reads the
columns it names, calls ``migrate`` outside any transaction, and writes the outcome by compare and swap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class Scope(StrEnum):
    """What is migrated, in the words of the ``scope`` column."""

    HASHES = "hashes"
    WRAPPERS = "wrappers"
    SIGNATURES = "signatures"

    @classmethod
    def _missing_(cls, value: object) -> Scope:
        """A word that another program wrote: it can be shown, and is no member to iterate over or to run."""
        member = str.__new__(cls, str(value))
        member._name_, member._value_ = "UNKNOWN", str(value)
        return member


class SkipReason(StrEnum):
    """Why a row needs no work."""

    ALREADY_MIGRATED = "already_migrated"
    EMPTY = "empty"
    UNUSABLE = "unusable"  # a password marked as unusable, e.g. Django's "!"
    NOT_IN_SCOPE = "not_in_scope"  # a value that is already safe, e.g. Argon2id


class FailureReason(StrEnum):
    """Reason codes of dead letters; documented in docs/ERRORS.md."""

    UNPARSEABLE = "unparseable"  # the old value is not in the expected format
    UNVERIFIABLE = "unverifiable"  # the old value parses but does not verify or open
    KEY_MISSING = "key_missing"  # the key this row names is not in the keyring
    TOO_WIDE = "too_wide"  # the new value does not fit the column
    UNPROVED = "unproved"  # the new value did not prove itself; nothing was written
    VERIFY_FAILED = "verify_failed"  # a later look found a migrated value that does not prove itself
    REJECTED = "rejected"  # the database refuses the new value (a constraint, a trigger)


@dataclass(frozen=True, slots=True)
class StoredSignature:
    """A post-quantum signature kept beside the row, in the table ``pq_migration_signatures``.

    Attributes:
        field: the column that holds the old signature.
        old_digest: SHA-256 of the old signature's bytes (32 bytes); ties this record to that very value.
        algorithm: catalogue name, e.g. ``ML-DSA-65``.
        key_id: ``name:version``.
        value: the stored form of ``pqcore.formats.signature``.
    """

    field: str
    old_digest: bytes
    algorithm: str
    key_id: str
    value: bytes


# Record and Migrated are not frozen: one is made for every row, and freezing makes that ten times slower
@dataclass(slots=True)
class Record:
    """One row as read: its key, the columns named by ``Migration.reads``, and a signature kept beside it."""

    key: tuple[Any, ...]
    values: Mapping[str, Any]
    signature: StoredSignature | None = None


@dataclass(slots=True)
class Migrated:
    """The proved new values, by column; or a signature to be kept beside the row."""

    values: Mapping[str, Any]
    signature: StoredSignature | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The row needs no work."""

    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Failed:
    """The row cannot be migrated; ``message`` is one sentence without a secret."""

    reason: FailureReason
    message: str


Outcome = Migrated | Skipped | Failed


@dataclass(frozen=True, slots=True)
class Prefix:
    """A value of ``column`` that starts with ``text`` (str or bytes, as stored) is in the new form."""

    column: str
    text: str | bytes


@dataclass(frozen=True, slots=True)
class Length:
    """A value of ``column`` of exactly this many characters (or bytes) is in the new form."""

    column: str
    length: int


@dataclass(frozen=True, slots=True)
class Filled:
    """A row whose ``column`` is not NULL is in the new form."""

    column: str


Mark = Prefix | Length | Filled


@runtime_checkable
class Together(Protocol):
    """A migration that does better with the rows of a page at hand than with one after the other."""

    def migrate_all(self, records: Sequence[Record]) -> Iterator[Outcome]:
        """As ``Migration.migrate`` of each row, in order."""
        ...


class Migration(Protocol):
    """One scope's conversion for one job.

    Attributes:
        reads: columns needed beside the key; the field comes first.
        guards: columns whose values at write time must still be those that were read.
        writes: columns that ``Migrated.values`` sets, in order; empty where a record beside the row is written.
        marks: a row that matches any of these is surely in the new form (used to count what is left in SQL).
        beside: True when new signatures go to ``pq_migration_signatures``.
    """

    @property
    def reads(self) -> tuple[str, ...]: ...
    @property
    def guards(self) -> tuple[str, ...]: ...
    @property
    def writes(self) -> tuple[str, ...]: ...
    @property
    def marks(self) -> tuple[Mark, ...]: ...
    @property
    def beside(self) -> bool: ...

    def migrate(self, record: Record) -> Outcome:
        """Convert one row. Never raises for bad data: that is ``Failed``. Thread-safe."""
        ...

    def verify(self, record: Record) -> Outcome:
        """Prove that a row in the new form still opens or verifies: ``Skipped(ALREADY_MIGRATED)`` or ``Failed``."""
        ...

    def max_width(self, column: str) -> int:
        """Largest size of a new value of ``column``: characters for text, bytes for binary values."""
        ...


def outcomes(migration: Migration, records: Sequence[Record]) -> Iterator[Outcome]:
    """What becomes of each row, in order; computed when it is asked for, a few rows ahead where that saves time."""
    if isinstance(migration, Together):
        return migration.migrate_all(records)
    return map(migration.migrate, records)
