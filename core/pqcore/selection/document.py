"""The selection document: which values of a live table a job migrates, and how.

The form is published as ``schema.json`` (JSON Schema 2020-12) and explained in docs/SELECTION.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pqcore.migrations.base import Scope
from pqcore.selection.condition import Condition, read_condition, to_json
from pqcore.selection.jsontext import Node, read_bytes, read_mapping, read_text
from pqcore.selection.options import read_options
from pqcore.selection.problem import SelectionError, quoted, step
from pqcore.selection.reader import Reader, kind_of
from pqcore.selection.windows import Window, parse_window, zone_of

MAX_LIMIT = 2**63 - 1
MAX_KEY_COLUMNS = 16
ROWS = (1, 50_000)
TARGET_MS = (1, 10_000)
BYTES = (4096, 64 * 2**20)
MAX_RATE = 1e9
MAX_WINDOWS = 8
MAX_LAG = 86_400.0  # seconds
RUNNING = (1, 100_000)
MAX_FAILURES = 2**53  # the largest whole number that every JSON reader keeps exactly
# dead letters after which a job fails whose selection does not say
DEFAULT_MAX_FAILURES = 100


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Bounds of one batch; it sizes itself within them.

    Attributes:
        rows: at most this many rows.
        target_ms: the aim for the transaction that writes, in milliseconds.
        max_bytes: at most about this many bytes read and written.
    """

    rows: int = 4000
    target_ms: int = 40
    max_bytes: int = 4 * 2**20


@dataclass(frozen=True, slots=True)
class ThrottleSettings:
    """What holds a job back; each member that is None (or empty) does not.

    Attributes:
        rows_per_second: rows a second at most, over all threads of the job.
        windows: when it may work; empty is always.
        time_zone: the IANA name of the zone whose clock the windows go by.
        max_replica_lag: seconds that the slowest replica may be behind.
        max_running: sessions at work in the whole server.
    """

    rows_per_second: float | None = None
    windows: tuple[Window, ...] = ()
    time_zone: str = "UTC"
    max_replica_lag: float | None = None
    max_running: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """One parsed selection document.

    Attributes:
        table: name of the table, exactly as the database has it.
        field: column that holds the old value.
        schema: schema of the table; None is the connection's default.
        key: columns that identify a row; empty is the primary key.
        where: which rows; None is all.
        limit: at most this many rows, in key order; None is all.
        options: options of the scope, as ``pqcore.migrations.options`` describes them.
        batch: bounds of a batch.
        throttle: what holds the job back.
        keep_originals: whether old values are kept, sealed, for rollback.
        max_failures: dead letters after which the job fails: a count (int), or a share of the rows (float below 1);
            None is the engine's default, ``DEFAULT_MAX_FAILURES``.
    """

    table: str
    field: str
    schema: str | None = None
    key: tuple[str, ...] = ()
    where: Condition | None = None
    limit: int | None = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    batch: BatchSettings = dataclasses.field(default_factory=BatchSettings)
    throttle: ThrottleSettings = dataclasses.field(default_factory=ThrottleSettings)
    keep_originals: bool = False
    max_failures: int | float | None = None


#: Members of a document, in the order they are written, with their meaning (help and completion).
MEMBERS: Mapping[str, str] = {
    "table": "the table whose values are migrated",
    "field": "the column that holds the old value",
    "schema": "the table's schema; without it the connection's default",
    "key": "the columns that identify a row; without it the primary key",
    "where": "which rows; without it all",
    "limit": "at most this many rows, in key order",
    "options": "options of the scope",
    "batch": "bounds of one batch",
    "throttle": "what holds the job back",
    "keep_originals": "keep old values, sealed, for rollback",
    "max_failures": f"dead letters that fail the job: a count, or a share below 1; without it {DEFAULT_MAX_FAILURES}",
}
BATCH_MEMBERS: Mapping[str, str] = {
    "rows": "rows in one batch at most",
    "target_ms": "aim for the writing transaction, in milliseconds",
    "max_bytes": "bytes read and written by one batch at most",
}
THROTTLE_MEMBERS: Mapping[str, str] = {
    "rows_per_second": "rows a second at most, over all threads",
    "windows": "times of day at which the job works, such as 22:00-06:00",
    "time_zone": "the zone whose clock the windows go by, such as Europe/Berlin; without it UTC",
    "max_replica_lag": "seconds that the slowest replica may be behind",
    "max_running": "sessions that may be at work in the server, pqconsole's own included",
}
#: Sections whose members can be changed while a job runs, with their members.
LIVE_SECTIONS: Mapping[str, Mapping[str, str]] = {"batch": BATCH_MEMBERS, "throttle": THROTTLE_MEMBERS}


def parse(source: str | bytes | Mapping[str, Any], *, scope: Scope | None = None) -> Selection:
    """Read a document strictly; with ``scope``, its options too are held against that scope.

    Args:
        source: JSON text, its UTF-8 bytes, or the document in memory.
        scope: what is to be migrated; None checks only that each option belongs to some scope.

    Raises:
        SelectionError: holds every problem found, with line and column where the source is text.
    """
    if isinstance(source, bytes):
        source, problems = read_bytes(source)
        if problems:
            raise SelectionError(problems)
    node, problems = read_text(source) if isinstance(source, str) else read_mapping(source)
    reader = Reader(source if isinstance(source, str) else None)
    reader.problems.extend(problems)
    selection = None if node is None else _read(reader, node, scope)
    if reader.problems or selection is None:
        raise SelectionError(sorted(reader.problems, key=lambda p: (p.line or 0, p.column or 0)))
    return selection


def parse_settings(sections: Mapping[str, Any]) -> tuple[BatchSettings, ThrottleSettings]:
    """Read the sections ``batch`` and ``throttle`` alone, as strictly as a document.

    Raises:
        SelectionError: holds every problem found.
    """
    node, problems = read_mapping(sections)
    reader = Reader()
    reader.problems.extend(problems)
    found = {} if node is None else reader.members(node, "", LIVE_SECTIONS)
    batch = _read_batch(reader, found["batch"]) if "batch" in found else BatchSettings()
    throttle = _read_throttle(reader, found["throttle"]) if "throttle" in found else ThrottleSettings()
    if reader.problems:
        raise SelectionError(reader.problems)
    return batch, throttle


def _read(reader: Reader, node: Node, scope: Scope | None) -> Selection:
    found = reader.members(node, "", MEMBERS, required=("table", "field") if isinstance(node.value, dict) else ())
    read: dict[str, Any] = {}
    for member, child in found.items():
        match member:
            case "table" | "schema":
                read[member] = reader.name(child, member, member)
            case "field":
                read[member] = reader.name(child, member, "column")
            case "key":
                read[member] = reader.names(child, member, "column", MAX_KEY_COLUMNS)
            case "where":
                read[member] = read_condition(reader, child, member)
            case "limit":
                read[member] = reader.integer(child, member, 1, MAX_LIMIT)
            case "options":
                read[member] = read_options(reader, child, member, scope)
            case "batch":
                read[member] = _read_batch(reader, child)
            case "throttle":
                read[member] = _read_throttle(reader, child)
            case "keep_originals":
                read[member] = reader.boolean(child, member)
            case "max_failures":
                read[member] = _read_max_failures(reader, child)
    if scope is not None and "options" not in found:
        read["options"] = read_options(reader, Node({}, node.start, node.end), "options", scope)
    return Selection(**{"table": "", "field": "", **read})


def _read_batch(reader: Reader, node: Node) -> BatchSettings:
    found = reader.members(node, "batch", BATCH_MEMBERS)
    ranges = {"rows": ROWS, "target_ms": TARGET_MS, "max_bytes": BYTES}
    values = {name: reader.integer(child, step("batch", name), *ranges[name]) for name, child in found.items()}
    return BatchSettings(**{name: value for name, value in values.items() if value is not None})


def _read_throttle(reader: Reader, node: Node) -> ThrottleSettings:
    read: dict[str, Any] = {}
    for member, child in reader.members(node, "throttle", THROTTLE_MEMBERS).items():
        path = step("throttle", member)
        match member:
            case "rows_per_second":
                read[member] = reader.number(child, path, MAX_RATE)
            case "windows":
                items = reader.items(child, path, 1, MAX_WINDOWS)
                read[member] = tuple(_read_window(reader, item, step(path, i)) for i, item in enumerate(items))
            case "time_zone":
                read[member] = _read_zone(reader, child, path)
            case "max_replica_lag":
                read[member] = reader.number(child, path, MAX_LAG)
            case "max_running":
                read[member] = reader.integer(child, path, *RUNNING)
    return ThrottleSettings(**read)


def _read_window(reader: Reader, node: Node, path: str) -> Window:
    window = parse_window(node.value) if isinstance(node.value, str) else None
    if window is None:
        given = quoted(node.value, 20) if isinstance(node.value, str) else kind_of(node)
        remedy = "Write two different times of day as HH:MM-HH:MM, such as 22:00-06:00"
        reader.note(path, node, f"{given} is no time window", remedy)
    return window or Window(0, 1)


def _read_zone(reader: Reader, node: Node, path: str) -> str:
    if isinstance(node.value, str) and zone_of(node.value) is not None:
        return node.value
    given = quoted(node.value, 40) if isinstance(node.value, str) else kind_of(node)
    reader.note(path, node, f"{given} is no time zone that this machine knows", "Use UTC, or a name as Europe/Berlin")
    return "UTC"


def _read_max_failures(reader: Reader, node: Node) -> int | float | None:
    value = node.value
    remedy = "Use a whole number of rows, or a share above 0 and below 1 such as 0.01"
    if isinstance(value, bool) or not isinstance(value, int | float):
        reader.note("max_failures", node, f"{kind_of(node)} is no number of failures", remedy)
        return None
    if not 0 <= value <= MAX_FAILURES or (value > 1 and value != int(value)):
        reader.note("max_failures", node, f"{value} is no number of failures", remedy)
        return None
    return int(value) if value == int(value) else value


def to_document(selection: Selection) -> dict[str, Any]:
    """The document of a selection, ready for JSON: ``parse(to_document(s)) == s``. Defaults are left out."""
    document: dict[str, Any] = {}
    for member in MEMBERS:
        value = getattr(selection, member)
        match member:
            case "where":
                value = None if value is None else to_json(value)
            case "batch" | "throttle":
                value = section_of(value)
            case "options":
                value = _plain(value)
            case "key":
                value = list(value)
        if value not in (None, {}, [], False) or (member == "max_failures" and value is not None):
            document[member] = value
    return document


def section_of(settings: BatchSettings | ThrottleSettings) -> dict[str, Any]:
    """The section of a document that means these settings. Defaults are left out."""
    values = {f.name: getattr(settings, f.name) for f in fields(settings)}
    changed = {name: value for name, value in values.items() if value != getattr(type(settings)(), name)}
    return {name: [str(w) for w in value] if name == "windows" else value for name, value in changed.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(child) for key, child in value.items()}
    return [_plain(child) for child in value] if isinstance(value, list | tuple) else value
