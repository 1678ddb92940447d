"""SQLAlchemy descriptions of the job table, its views and the companion tables.

The DDL lives in ``schema/*.sql``; a conformance test holds these descriptions against it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """A point in time: aware UTC in Python, TIMESTAMPTZ(6) or UTC DATETIME(6) in the database."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        aware = value.astimezone(UTC)
        return aware if dialect.name == "postgresql" else aware.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = sa.MetaData()

_big = sa.BigInteger

jobs = sa.Table(
    "pq_migration_jobs",
    metadata,
    sa.Column("id", _big, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("target_policy_id", _big),
    sa.Column("target_algo_id", _big),
    sa.Column("selection", sa.JSON),
    sa.Column("scheduled_at", UTCDateTime),
    sa.Column("started_at", UTCDateTime),
    sa.Column("finished_at", UTCDateTime),
    sa.Column("status", sa.Text, nullable=False, server_default="pending"),
    sa.Column("processed_count", _big, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
    sa.Column("created_by", _big),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

# Views are read, never created from here.
jobs_view = sa.Table(
    "vw_pq_migration_jobs",
    sa.MetaData(),
    *[sa.Column(c.name, c.type) for c in jobs.columns],
    sa.Column("is_done", sa.Boolean),
    sa.Column("is_running", sa.Boolean),
)
metrics_view = sa.Table(
    "vw_pq_migration_jobs_metrics",
    sa.MetaData(),
    sa.Column("status", sa.Text),
    sa.Column("jobs", _big),
    sa.Column("processed_total", _big),
)

# One row for each fact about this installation: schema_version, data_set_id.
meta = sa.Table(
    "pq_migration_meta",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# What operators have asked of a job; absent means nothing was asked.
control = sa.Table(
    "pq_migration_control",
    metadata,
    sa.Column("job_id", _big, primary_key=True),
    sa.Column("request", sa.String(16)),
    sa.Column("limits", sa.JSON),
    sa.Column("updated_at", UTCDateTime, nullable=False),
)

# One row for each job that was ever started: its lease, its plan, its roll-up.
runs = sa.Table(
    "pq_migration_runs",
    metadata,
    sa.Column("job_id", _big, primary_key=True),
    sa.Column("phase", sa.String(16), nullable=False),
    sa.Column("pass_no", sa.Integer, nullable=False),
    sa.Column("total", _big),
    sa.Column("plan_cursor", sa.Text),  # upper bound of the last planned range, None before the first
    sa.Column("plan_done", sa.Boolean, nullable=False),
    sa.Column("plan_epoch", _big, nullable=False),
    sa.Column("target", sa.JSON),  # algorithm and key ids this run writes with, fixed at its first start
    sa.Column("lease_owner", sa.String(128)),
    sa.Column("lease_epoch", _big, nullable=False),
    sa.Column("lease_expires_at", UTCDateTime),
    sa.Column("throttled_seconds", sa.Float, nullable=False, server_default="0"),
    sa.Column("throttle_reason", sa.String(255)),  # what holds the job back now, in a few words
    sa.Column("updated_at", UTCDateTime, nullable=False),
)

# Key ranges (lower, upper]; bounds and cursor are JSON texts of pqcore.jobs.cursor; None is open.
ranges = sa.Table(
    "pq_migration_ranges",
    metadata,
    sa.Column("job_id", _big, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("pass_no", sa.Integer, nullable=False),
    sa.Column("purpose", sa.String(16), nullable=False, server_default="migrate"),
    sa.Column("lower_key", sa.Text),
    sa.Column("upper_key", sa.Text),
    sa.Column("cursor_key", sa.Text),  # last key that is done with
    sa.Column("state", sa.String(16), nullable=False),  # open | done
    sa.Column("lease_owner", sa.String(128)),
    sa.Column("lease_epoch", _big, nullable=False),
    sa.Column("lease_expires_at", UTCDateTime),
    sa.Column("migrated", _big, nullable=False, server_default="0"),
    sa.Column("skipped", _big, nullable=False, server_default="0"),
    sa.Column("conflicted", _big, nullable=False, server_default="0"),
    sa.Column("failed", _big, nullable=False, server_default="0"),
    sa.Column("updated_at", UTCDateTime, nullable=False),
    # index idx_pq_mig_ranges_claim (job_id, state, lease_expires_at)
)

events = sa.Table(
    "pq_migration_events",
    metadata,
    sa.Column("id", _big, primary_key=True),  # assigned by the database
    sa.Column("job_id", _big),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("actor", sa.String(128), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("ssh_client", sa.String(255)),
    # index idx_pq_mig_events_job (job_id, id)
)

# key_digest is SHA-256 of row_key in hexadecimal: row keys may be longer than an index allows.
dead_letters = sa.Table(
    "pq_migration_dead_letters",
    metadata,
    sa.Column("job_id", _big, primary_key=True),
    sa.Column("key_digest", sa.String(64), primary_key=True),
    sa.Column("row_key", sa.Text, nullable=False),
    sa.Column("walk_key", sa.Text, nullable=False),  # the key as pqcore.jobs.cursor writes it
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

# Old values kept for rollback, sealed to a key of their own; "field" is the column they came from.
originals = sa.Table(
    "pq_migration_originals",
    metadata,
    sa.Column("job_id", _big, primary_key=True),
    sa.Column("key_digest", sa.String(64), primary_key=True),
    sa.Column("field", sa.String(128), primary_key=True),
    sa.Column("row_key", sa.Text, nullable=False),
    sa.Column("walk_key", sa.Text, nullable=False),  # the key as pqcore.jobs.cursor writes it
    sa.Column("sealed", sa.LargeBinary(2**24 - 1), nullable=False),
    sa.Column("written_digest", sa.String(64), nullable=False),  # SHA-256 of the new value as written
    sa.Column("created_at", UTCDateTime, nullable=False),
)

# Post-quantum signatures kept beside rows whose table has no column for them.
signatures = sa.Table(
    "pq_migration_signatures",
    metadata,
    sa.Column("table_name", sa.String(255), primary_key=True),  # schema.table or table; see docs/FORMATS.md
    sa.Column("key_digest", sa.String(64), primary_key=True),
    sa.Column("field", sa.String(128), primary_key=True),
    sa.Column("row_key", sa.Text, nullable=False),
    sa.Column("old_digest", sa.String(64), nullable=False),  # SHA-256 of the old signature, hexadecimal
    sa.Column("algorithm", sa.String(64), nullable=False),
    sa.Column("key_id", sa.String(128), nullable=False),
    sa.Column("value", sa.LargeBinary(2**24 - 1), nullable=False),
    sa.Column("job_id", _big, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

workers = sa.Table(
    "pq_migration_workers",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("pid", _big, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # console | work
    sa.Column("threads", sa.Integer, nullable=False),
    sa.Column("started_at", UTCDateTime, nullable=False),
    sa.Column("heartbeat_at", UTCDateTime, nullable=False),
)

# Rows that each job got through in each minute in which it did: what its processed_count grew by.
throughput = sa.Table(
    "pq_migration_throughput",
    metadata,
    sa.Column("job_id", _big, primary_key=True),
    sa.Column("minute", UTCDateTime, primary_key=True),  # its first moment, by the database's clock
    sa.Column("processed", _big, nullable=False),
    # index idx_pq_mig_throughput_minute (minute)
)

COMPANIONS: tuple[sa.Table, ...] = (
    meta,
    control,
    runs,
    ranges,
    events,
    dead_letters,
    originals,
    signatures,
    workers,
    throughput,
)
