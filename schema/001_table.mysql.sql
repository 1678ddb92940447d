-- Jobs that migrate stored data to PQ-safe hashing/encryption policies. MySQL 8.0+ and MariaDB 10.6+.

CREATE TABLE pq_migration_jobs (
  id BIGINT NOT NULL AUTO_INCREMENT,
  scope ENUM('hashes','wrappers','signatures') NOT NULL,
  target_policy_id BIGINT NULL,
  target_algo_id BIGINT NULL,
  selection JSON NULL,
  scheduled_at DATETIME(6) NULL,
  started_at DATETIME(6) NULL,
  finished_at DATETIME(6) NULL,
  status ENUM('pending','running','done','failed','cancelled') NOT NULL DEFAULT 'pending',
  processed_count BIGINT NOT NULL DEFAULT 0,
  error TEXT NULL,
  created_by BIGINT NULL,
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
