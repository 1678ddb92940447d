"""Any number of jobs in a table, put there by bulk SQL: an estate's history, with the runs and ranges it left."""

from __future__ import annotations

from pqcore.database.connect import Database

# n runs from 1 to @n
_SERIES = {
    "sqlite": "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < @n) SELECT n FROM s) AS s",
    "postgresql": "generate_series(CAST(1 AS bigint), @n) AS s(n)",
    "mysql": "(SELECT seq AS n FROM seq_1_to_1000000 WHERE seq <= @n) AS s",
}
# the moment n minutes before now
_AGO = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ({minutes}) || ' minutes')",
    "postgresql": "(now() - make_interval(mins => ({minutes})::int))",
    "mysql": "(UTC_TIMESTAMP(6) - INTERVAL ({minutes}) MINUTE)",
}
_DOCUMENT = {"sqlite": "json_object", "postgresql": "jsonb_build_object", "mysql": "json_object"}
_STATUS = (
    "CASE WHEN n > @n - 3 THEN 'running' WHEN n > @n - 500 THEN 'pending'"
    " WHEN n % 50 = 7 THEN 'failed' WHEN n % 50 = 9 THEN 'cancelled' ELSE 'done' END"
)


def fill(db: Database, number: int) -> None:
    """Put ``number`` jobs into an installed, empty database: of 50 ended ones a failed, a cancelled and 48 done.

    The newest 500 wait, but for three that run without a living worker. An ended job has a run and a range.
    """
    kind = db.engine.dialect.name
    series = _SERIES[kind]
    # days ago, so that no age on the screen changes within the minute that is measured
    created = _AGO[kind].format(minutes="@n - n + 5050")
    ended = _AGO[kind].format(minutes="@n - n + 5000")
    scope = "CASE n % 3 WHEN 0 THEN 'hashes' WHEN 1 THEN 'wrappers' ELSE 'signatures' END"
    tenant = "replace('tenant_#', '#', CAST(n % 97 AS char(2)))"
    table = f"CASE n % 5 WHEN 0 THEN 'users' WHEN 1 THEN 'documents' WHEN 2 THEN 'audit_log' ELSE {tenant} END"
    document = f"{_DOCUMENT[kind]}('table', {table}, 'field', 'value')"
    error = "CASE WHEN n % 50 = 7 AND n <= @n - 500 THEN '3 rows could not be migrated, more than were allowed' END"
    jobs = (
        "INSERT INTO pq_migration_jobs"
        " (id, scope, target_algo_id, selection, started_at, finished_at, status, processed_count, error, created_at)"
        f" SELECT n, {scope}, (SELECT min(id) FROM crypto_algorithms) + n % 5, {document},"
        f" CASE WHEN n <= @n - 500 OR n > @n - 3 THEN {created} END, CASE WHEN n <= @n - 500 THEN {ended} END,"
        f" {_STATUS}, CASE WHEN n <= @n - 500 OR n > @n - 3 THEN 1000 + n * 7919 % 100003 ELSE 0 END,"
        f" {error}, {created} FROM {series}"
    )
    runs = (
        "INSERT INTO pq_migration_runs (job_id, phase, pass_no, total, plan_done, plan_epoch, lease_epoch, updated_at)"
        f" SELECT n, 'ended', 1, 1000 + n * 7919 % 100003, {'TRUE' if kind == 'postgresql' else '1'}, 1, 1, {ended}"
        f" FROM {series} WHERE n <= @n - 500"
    )
    ranges = (
        "INSERT INTO pq_migration_ranges (job_id, seq, pass_no, state, lease_epoch, migrated, updated_at)"
        f" SELECT n, 1, 1, 'done', 1, 1000 + n * 7919 % 100003, {ended} FROM {series} WHERE n <= @n - 500"
    )
    with db.write() as conn:
        conn = conn.execution_options(no_parameters=True)
        for statement in (jobs, runs, ranges):
            conn.exec_driver_sql(statement.replace("@n", str(number)))
        if kind == "postgresql":  # whose sequence knows nothing of ids that were given
            conn.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('pq_migration_jobs', 'id'), {int(number)})")
