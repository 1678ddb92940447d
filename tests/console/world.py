"""A small world for the console: a SQLite workspace with a table to migrate, and jobs put in by SQL at fixed times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pqcore.actor import Actor
from pqcore.database.connect import Database
from pqcore.database.tables import (
    control,
    dead_letters,
    events,
    jobs,
    originals,
    ranges,
    runs,
    throughput,
    workers,
)
from pqcore.formats.context import key_digest
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.migrations.base import Scope
from pqcore.settings import load
from pqcore.workspace import NewJob, Workspace
from pqtui.app import ConsoleApp
from pqtui.glyphs import UNICODE

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOON = datetime(2126, 3, 1, 12, 0, tzinfo=UTC)  # a lease that holds however long the test takes
PEOPLE = 24


def open_world(folder: Path, *, read_only: bool = False) -> Workspace:
    """A workspace on a SQLite file in ``folder``; the schema is installed where it is missing."""
    settings = load(url=f"sqlite:///{folder / 'world.sqlite'}", env={"PQCONSOLE_HOME": str(folder)})
    actor = Actor("ada", "ops1", "192.0.2.7")
    writable = Workspace(settings, Database.open(settings.url), MemoryKeyProvider(), actor)
    with writable.db.write() as conn:
        conn.execute(sa.text("CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT)"))
        conn.execute(
            sa.text("CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, email TEXT, password VARCHAR(255))")
        )
        if conn.execute(sa.text("SELECT count(*) FROM people")).scalar_one() == 0:
            conn.execute(
                sa.text("INSERT INTO people VALUES (:id, :email, :password)"),
                [
                    # sha1 of salt and "secret", as Django once stored it
                    {"id": n, "email": f"p{n}@example.com", "password": f"sha1$salt{n:02}${_sha1(f'salt{n:02}secret')}"}
                    for n in range(1, PEOPLE + 1)
                ],
            )
    writable.install()
    if not read_only:
        return writable
    writable.close()
    settings = replace(settings, read_only=True)
    return Workspace(settings, Database.open(settings.url, read_only=True), MemoryKeyProvider(), actor)


def _sha1(text: str) -> str:
    return sha1(text.encode()).hexdigest()


def add_job(workspace: Workspace, job_id: int, **values: Any) -> None:
    """Put a job into the table, as another program would. Keys that are no column go to the companions.

    ``total``, ``migrated``, ``skipped``, ``failed``: counters; ``held_by``: a worker's lease; ``request``;
    ``phase`` of its run; ``keeps``: keys of rows whose originals are kept; ``letters``: (key, reason, message) of
    dead letters; ``log``: (kind, message) of events; ``minutes``: minutes before ``NOW`` -> rows processed in each.
    """
    row = {
        "id": job_id,
        "scope": "hashes",
        "selection": {"table": "people", "field": "password", "options": {"mode": "password"}},
        "target_algo_id": algorithm_id(workspace, "Argon2id"),
        "status": "pending",
        "processed_count": 0,
        "created_at": NOW - timedelta(hours=3),
    }
    row.update({k: v for k, v in values.items() if k in jobs.c})
    with workspace.db.write() as conn:
        conn.execute(jobs.insert().values(row))
        if "total" in values or values.get("held_by"):
            held = values.get("held_by")
            _put(
                conn,
                runs,
                job_id=job_id,
                phase=values.get("phase", "migrating"),
                pass_no=1,
                total=values.get("total"),
                plan_done=True,
                plan_epoch=1,
                lease_owner=held,
                lease_epoch=1,
                lease_expires_at=SOON if held else None,
                updated_at=NOW,
            )
        counted = {name: values.get(name, 0) for name in ("migrated", "skipped", "conflicted", "failed")}
        if any(counted.values()):
            done = row["status"] == "done"
            _put(
                conn,
                ranges,
                job_id=job_id,
                seq=1,
                pass_no=1,
                lower_key=None,
                upper_key='[["int","1000"]]',
                cursor_key='[["int","480"]]',
                state="done" if done else "open",
                lease_owner=values.get("held_by"),
                lease_epoch=1,
                lease_expires_at=SOON if values.get("held_by") else None,
                updated_at=NOW,
                **counted,
            )
        if values.get("request"):
            _put(conn, control, job_id=job_id, request=values["request"], updated_at=NOW)
        for key, reason, message in values.get("letters", ()):
            _put(
                conn,
                dead_letters,
                job_id=job_id,
                key_digest=key_digest(key),
                row_key=key,
                walk_key=key,
                reason=reason,
                message=message,
                created_at=NOW,
            )
        for number, key in enumerate(values.get("keeps", ())):
            _put(
                conn,
                originals,
                job_id=job_id,
                key_digest=key_digest(key),
                field="digest",
                row_key=key,
                walk_key=key,
                sealed=bytes([number]),
                written_digest="0" * 64,
                created_at=NOW,
            )
        for ago, processed in values.get("minutes", {}).items():
            _put(conn, throughput, job_id=job_id, minute=NOW - timedelta(minutes=ago), processed=processed)
        for kind, message in values.get("log", ()):
            _put(conn, events, job_id=job_id, at=NOW, kind=kind, message=message, actor="ada", host="ops1")


def _put(conn: sa.Connection, table: sa.Table, **values: Any) -> None:
    conn.execute(table.insert().values({name: value for name, value in values.items() if name in table.c}))


def algorithm_id(workspace: Workspace, name: str) -> int:
    """The id of an algorithm in this database."""
    with workspace.db.read() as conn:
        query = sa.text("SELECT min(id) FROM crypto_algorithms WHERE name = :name")
        return int(conn.execute(query, {"name": name}).scalar_one())


FILES = 30


def add_files(workspace: Workspace) -> None:
    """A table ``files`` with contents and their SHA-1 digests."""
    with workspace.db.write() as conn:
        conn.execute(sa.text("CREATE TABLE files (id INTEGER PRIMARY KEY, body TEXT, digest VARCHAR(200))"))
        rows = [{"id": n, "body": f"content {n}", "digest": _sha1(f"content {n}")} for n in range(1, FILES + 1)]
        conn.execute(sa.text("INSERT INTO files VALUES (:id, :body, :digest)"), rows)


def digests(workspace: Workspace) -> dict[int, str]:
    """What the table ``files`` holds now."""
    with workspace.db.read() as conn:
        return {row.id: row.digest for row in conn.execute(sa.text("SELECT id, digest FROM files"))}


def file_job(workspace: Workspace, **selection: Any) -> int:
    """A pending job that migrates ``files`` to SHA-512."""
    document = {"table": "files", "field": "digest", "options": {"mode": "digest", "source": "body"}, **selection}
    return workspace.create_job(NewJob(Scope.HASHES, document, "SHA-512")).id


def run_to_end(workspace: Workspace, job_id: int) -> None:
    """Run it, as a worker elsewhere would."""
    worker = workspace.worker(threads=1)
    try:
        worker.run_job(job_id)
    finally:
        worker.stop()


def fill(workspace: Workspace) -> None:
    """Jobs in every state, the same each time."""
    wraps: Mapping[str, Any] = {"table": "documents", "field": "wrapped_key"}
    kem, dsa = algorithm_id(workspace, "ML-KEM-768+X25519"), algorithm_id(workspace, "ML-DSA-65")
    worker = "ops1:4711:c0ffee00"
    add_job(
        workspace, 1, scope="wrappers", selection=wraps, target_algo_id=kem, status="done", total=5000, migrated=4990,
        skipped=10, processed_count=5000, created_at=NOW - timedelta(days=2), started_at=NOW - timedelta(hours=5),
        finished_at=NOW - timedelta(hours=4), minutes={ago: 60 + ago % 7 * 8 for ago in range(300, 240, -1)},
        log=(("created", "Created"), ("done", "Done: 4990 migrated, 10 skipped")),
    )  # fmt: skip
    add_job(
        workspace, 2, scope="signatures", selection={"table": "audit_log", "field": "signature"}, target_algo_id=dsa,
        status="failed", total=800, migrated=797, failed=3, processed_count=800, started_at=NOW - timedelta(hours=2),
        finished_at=NOW - timedelta(hours=1), minutes={ago: 10 + ago % 11 for ago in range(110, 60, -1)},
        error="3 rows could not be migrated, more than the 2 that were allowed",
        letters=(
            ("[17]", "unverifiable", "The old signature does not verify with the key audit-2019:1"),
            ("[99]", "unparseable", "The old value is no base64"),
            ("[512]", "key_missing", "The key audit-2017 is not in the keyring"),
        ),
    )  # fmt: skip
    add_job(
        workspace, 3, scope="wrappers", selection=wraps, target_algo_id=kem, status="running", total=1000, migrated=420,
        processed_count=420, started_at=NOW - timedelta(minutes=12), held_by=worker,
        minutes={ago: 20 + ago * 5 % 37 for ago in range(12, 0, -1)},
        log=(("created", "Created"), ("started", f"Started by {worker}")),
    )  # fmt: skip
    add_job(workspace, 4, status="cancelled", total=100, migrated=10, processed_count=10)
    add_job(workspace, 5, request="pause", total=100, migrated=50, processed_count=50)
    add_job(workspace, 6, status="running", total=300, migrated=30, processed_count=30)  # nobody holds its lease
    add_job(workspace, 7, scheduled_at=NOW + timedelta(hours=8))
    add_job(workspace, 8)
    with workspace.db.write() as conn:
        conn.execute(
            workers.insert().values(
                id=worker, host="ops1", pid=4711, kind="work", threads=4, started_at=NOW, heartbeat_at=SOON
            )
        )


def console(workspace: Workspace, *, poll_seconds: float = 0.15, **options: Any) -> ConsoleApp:
    """The console, with a clock that stands still where none is given; polls come fast so that tests need not wait."""
    app = ConsoleApp(workspace, poll_seconds=poll_seconds, **{"now": lambda: NOW, "glyphs": UNICODE, **options})
    app.place = "demo  sqlite:///estate.sqlite"
    return app
