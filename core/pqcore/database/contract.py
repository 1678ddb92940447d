"""What pqconsole needs to find in a database that others may have made."""

from __future__ import annotations

from pqcore.database.tables import COMPANIONS, jobs, jobs_view, metrics_view

SCHEMA_VERSION = 2

JOBS = jobs.name
META = "pq_migration_meta"
VIEWS: tuple[str, ...] = (jobs_view.name, metrics_view.name)
REFERENCED: tuple[str, ...] = ("users", "crypto_algorithms", "encryption_policies", "policy_algorithms")
COMPANION_NAMES: tuple[str, ...] = tuple(table.name for table in COMPANIONS)
# Tables that pqconsole may make, and that are its own only where it did.
SHARED: tuple[str, ...] = (*REFERENCED, JOBS)

# Columns without which pqconsole cannot work.
REQUIRED: dict[str, frozenset[str]] = {
    JOBS: frozenset(column.name for column in jobs.columns),
    **{view.name: frozenset(column.name for column in view.columns) for view in (jobs_view, metrics_view)},
    **{table.name: frozenset(column.name for column in table.columns) for table in COMPANIONS},
    "users": frozenset({"id"}),
    "crypto_algorithms": frozenset({"id", "name"}),
    "encryption_policies": frozenset({"id", "policy_name"}),
    "policy_algorithms": frozenset({"policy_id", "algo_id", "role"}),
}
