-- SUM gives NUMERIC; processed_total is a whole number like the column it adds up.

CREATE VIEW vw_pq_migration_jobs_metrics AS
SELECT
  status,
  COUNT(*) AS jobs,
  CAST(SUM(processed_count) AS BIGINT) AS processed_total
FROM pq_migration_jobs
GROUP BY status;
