"""The table document as data: what each live catalogue has to say of the job table and its views."""

from __future__ import annotations

from dataclasses import dataclass

SCOPES = ("hashes", "wrappers", "signatures")
STATUSES = ("pending", "running", "done", "failed", "cancelled")


@dataclass(frozen=True)
class Column:
    """A row of the document's column table; types in the catalogues' own words."""

    name: str
    mysql: str
    mariadb: str
    postgres: str
    sqlite: str
    nullable: bool = True
    default: str | None = None


def _enum(values: tuple[str, ...]) -> str:
    return "enum(" + ",".join(f"'{value}'" for value in values) + ")"


def _bigint(name: str, **kw: object) -> Column:
    return Column(name, "bigint", "bigint(20)", "bigint", "BIGINT", **kw)  # type: ignore[arg-type]


def _time(name: str, **kw: object) -> Column:
    return Column(name, "datetime(6)", "datetime(6)", "timestamp with time zone(6)", "DATETIME", **kw)  # type: ignore[arg-type]


COLUMNS = (
    Column("id", "bigint", "bigint(20)", "bigint", "INTEGER", nullable=False),
    Column("scope", _enum(SCOPES), _enum(SCOPES), "text", "TEXT", nullable=False),
    _bigint("target_policy_id"),
    _bigint("target_algo_id"),
    Column("selection", "json", "longtext", "jsonb", "TEXT"),
    _time("scheduled_at"),
    _time("started_at"),
    _time("finished_at"),
    Column("status", _enum(STATUSES), _enum(STATUSES), "text", "TEXT", nullable=False, default="pending"),
    _bigint("processed_count", nullable=False, default="0"),
    Column("error", "text", "text", "text", "TEXT"),
    _bigint("created_by"),
    _time("created_at", nullable=False, default="CURRENT_TIMESTAMP(6)"),
)
INDEXES = {"idx_pq_mig_status_sched": ("status", "scheduled_at")}
# name -> column, referenced table and column, action
FOREIGN_KEYS = {
    "fk_pq_mig_algo": ("target_algo_id", "crypto_algorithms", "id", "SET NULL"),
    "fk_pq_mig_policy": ("target_policy_id", "encryption_policies", "id", "SET NULL"),
    "fk_pq_mig_user": ("created_by", "users", "id", "SET NULL"),
}
VIEWS = {
    "vw_pq_migration_jobs": (*(column.name for column in COLUMNS), "is_done", "is_running"),
    "vw_pq_migration_jobs_metrics": ("status", "jobs", "processed_total"),
}
MYSQL_VIEW_FLAGS = {
    "vw_pq_migration_jobs": ("MERGE", "INVOKER"),
    "vw_pq_migration_jobs_metrics": ("TEMPTABLE", "INVOKER"),
}
