-- Jobs that migrate stored data to PQ-safe hashing/encryption policies.
-- SQLite cannot add a foreign key later, so they are here. pqconsole leaves out the line of one whose table cannot
-- be referred to (its id is not unique): SQLite would then refuse every write to this table.

CREATE TABLE pq_migration_jobs (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  scope TEXT NOT NULL,
  target_policy_id BIGINT NULL,
  target_algo_id BIGINT NULL,
  selection TEXT NULL,
  scheduled_at DATETIME NULL,
  started_at DATETIME NULL,
  finished_at DATETIME NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  processed_count BIGINT NOT NULL DEFAULT 0,
  error TEXT NULL,
  created_by BIGINT NULL,
  created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  CONSTRAINT chk_pq_mig_scope CHECK (scope IN ('hashes', 'wrappers', 'signatures')),
  CONSTRAINT chk_pq_mig_status CHECK (status IN ('pending', 'running', 'done', 'failed', 'cancelled')),
  CONSTRAINT chk_pq_mig_selection CHECK (selection IS NULL OR json_valid(selection))
  , CONSTRAINT fk_pq_mig_algo FOREIGN KEY (target_algo_id) REFERENCES crypto_algorithms (id) ON DELETE SET NULL
  , CONSTRAINT fk_pq_mig_policy FOREIGN KEY (target_policy_id) REFERENCES encryption_policies (id) ON DELETE SET NULL
  , CONSTRAINT fk_pq_mig_user FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL
);
