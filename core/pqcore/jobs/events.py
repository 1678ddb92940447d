"""The append-only event log: who did what to which job, when, and from where."""

from __future__ import annotations

import sqlalchemy as sa

from pqcore.actor import Actor
from pqcore.database.clock import now
from pqcore.database.tables import events


def record(conn: sa.Connection, actor: Actor, kind: str, message: str, *, job_id: int | None = None) -> None:
    """Append an event inside the caller's transaction. ``message`` is one sentence without a secret."""
    conn.execute(
        events.insert().values(
            job_id=job_id,
            at=now(),
            kind=kind,
            message=message,
            actor=actor.user[:128],
            host=actor.host[:255],
            ssh_client=actor.ssh_client[:255] if actor.ssh_client else None,
        )
    )
