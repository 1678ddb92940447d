CREATE INDEX idx_pq_mig_status_sched ON pq_migration_jobs (status, scheduled_at);
