"""Migrations built as a job builds them, and rows as a database gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pqcore.crypto.catalogue import find
from pqcore.formats.context import Context
from pqcore.migrations.base import Failed, Migrated, Migration, Outcome, Record, Scope, StoredSignature
from pqcore.migrations.build import build
from tests.formats.keyring import ring

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TABLE, FIELD, DATA_SET = "app.documents", "value", "data set"


def made(scope: Scope, algorithm: str, options: dict[str, Any], **more: Any) -> Migration:
    """The migration of ``app.documents.value``."""
    arguments: dict[str, Any] = {"table": TABLE, "field": FIELD, "keys": ring(), "data_set": DATA_SET}
    return build(scope, find(algorithm), options=options, now=lambda: WHEN, **(arguments | more))


def row(value: Any, key: tuple[Any, ...] = (7,), signature: StoredSignature | None = None, **others: Any) -> Record:
    """A row with ``value`` in the field."""
    return Record(key, {FIELD: value, **others}, signature)


def context(key: tuple[Any, ...] = (7,)) -> Context:
    """The place of a row, as an application gives it."""
    return Context(DATA_SET, TABLE, FIELD, key)


def migrated(outcome: Outcome) -> Migrated:
    """The outcome, which has to be new values."""
    assert isinstance(outcome, Migrated), outcome
    return outcome


def new_value(outcome: Outcome) -> Any:
    """The new value of the field."""
    return migrated(outcome).values[FIELD]


def reason(outcome: Outcome) -> str:
    """The reason code of a failure, whose message is a sentence of bounded length."""
    assert isinstance(outcome, Failed), outcome
    assert outcome.message.endswith(".")
    assert len(outcome.message) < 300
    return outcome.reason.value
