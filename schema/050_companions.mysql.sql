-- Companion tables: what pq_migration_jobs has no column for.
-- Names, keys and digests are compared by their bytes (utf8mb4_bin).

-- Facts about this installation: schema_version, data_set_id, tables made by pqconsole.
CREATE TABLE pq_migration_meta (
  name VARCHAR(64) NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What operators have asked of a job; no row means nothing.
CREATE TABLE pq_migration_control (
  job_id BIGINT NOT NULL,
  request VARCHAR(16) NULL,
  limits JSON NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- One row for each job that was ever started: its lease, its plan, its roll-up.
CREATE TABLE pq_migration_runs (
  job_id BIGINT NOT NULL,
  phase VARCHAR(16) NOT NULL,
  pass_no INT NOT NULL,
  total BIGINT NULL,
  plan_cursor TEXT NULL,
  plan_done BOOLEAN NOT NULL,
  plan_epoch BIGINT NOT NULL,
  target JSON NULL,
  lease_owner VARCHAR(128) NULL,
  lease_epoch BIGINT NOT NULL,
  lease_expires_at DATETIME(6) NULL,
  throttled_seconds DOUBLE NOT NULL DEFAULT 0,
  throttle_reason VARCHAR(255) NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Key ranges (lower, upper] with their lease, cursor and counters.
CREATE TABLE pq_migration_ranges (
  job_id BIGINT NOT NULL,
  seq INT NOT NULL,
  pass_no INT NOT NULL,
  purpose VARCHAR(16) NOT NULL DEFAULT 'migrate',
  lower_key TEXT NULL,
  upper_key TEXT NULL,
  cursor_key TEXT NULL,
  state VARCHAR(16) NOT NULL,
  lease_owner VARCHAR(128) NULL,
  lease_epoch BIGINT NOT NULL,
  lease_expires_at DATETIME(6) NULL,
  migrated BIGINT NOT NULL DEFAULT 0,
  skipped BIGINT NOT NULL DEFAULT 0,
  conflicted BIGINT NOT NULL DEFAULT 0,
  failed BIGINT NOT NULL DEFAULT 0,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (job_id, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE INDEX idx_pq_mig_ranges_claim ON pq_migration_ranges (job_id, state, lease_expires_at);

-- Who did what, when and from where; rows are only ever added.
CREATE TABLE pq_migration_events (
  id BIGINT NOT NULL AUTO_INCREMENT,
  job_id BIGINT NULL,
  at DATETIME(6) NOT NULL,
  kind VARCHAR(32) NOT NULL,
  message TEXT NOT NULL,
  actor VARCHAR(128) NOT NULL,
  host VARCHAR(255) NOT NULL,
  ssh_client VARCHAR(255) NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE INDEX idx_pq_mig_events_job ON pq_migration_events (job_id, id);

-- Rows that could not be migrated, each with its reason.
CREATE TABLE pq_migration_dead_letters (
  job_id BIGINT NOT NULL,
  key_digest VARCHAR(64) NOT NULL,
  row_key TEXT NOT NULL,
  walk_key TEXT NOT NULL,
  reason VARCHAR(32) NOT NULL,
  message TEXT NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (job_id, key_digest)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Old values kept for rollback, sealed to a key of their own.
CREATE TABLE pq_migration_originals (
  job_id BIGINT NOT NULL,
  key_digest VARCHAR(64) NOT NULL,
  field VARCHAR(128) NOT NULL,
  row_key TEXT NOT NULL,
  walk_key TEXT NOT NULL,
  sealed MEDIUMBLOB NOT NULL,
  written_digest VARCHAR(64) NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (job_id, key_digest, field)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Post-quantum signatures of rows whose table has no column for them.
CREATE TABLE pq_migration_signatures (
  table_name VARCHAR(255) NOT NULL,
  key_digest VARCHAR(64) NOT NULL,
  field VARCHAR(128) NOT NULL,
  row_key TEXT NOT NULL,
  old_digest VARCHAR(64) NOT NULL,
  algorithm VARCHAR(64) NOT NULL,
  key_id VARCHAR(128) NOT NULL,
  value MEDIUMBLOB NOT NULL,
  job_id BIGINT NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (table_name, key_digest, field)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Workers that reported themselves: consoles and work processes.
CREATE TABLE pq_migration_workers (
  id VARCHAR(128) NOT NULL,
  host VARCHAR(255) NOT NULL,
  pid BIGINT NOT NULL,
  kind VARCHAR(16) NOT NULL,
  threads INT NOT NULL,
  started_at DATETIME(6) NOT NULL,
  heartbeat_at DATETIME(6) NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Rows that each job got through in each minute in which it did: what its processed_count grew by. Kept for a week.
CREATE TABLE pq_migration_throughput (
  job_id BIGINT NOT NULL,
  minute DATETIME(6) NOT NULL,
  processed BIGINT NOT NULL,
  PRIMARY KEY (job_id, minute)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE INDEX idx_pq_mig_throughput_minute ON pq_migration_throughput (minute);
