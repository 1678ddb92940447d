-- Tables that pq_migration_jobs refers to. Each is made only where no table or view of that name exists.

CREATE TABLE users (
  id BIGINT NOT NULL AUTO_INCREMENT,
  email VARCHAR(320) NULL,
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE crypto_algorithms (
  id BIGINT NOT NULL AUTO_INCREMENT,
  class ENUM('kem','sig','hash','symmetric') NOT NULL,
  name VARCHAR(120) NOT NULL,
  variant VARCHAR(80) NOT NULL DEFAULT '',
  nist_level SMALLINT NULL,
  status ENUM('active','deprecated','experimental') NOT NULL DEFAULT 'active',
  params JSON NULL,
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE KEY uq_crypto_algorithms_name (name, variant)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE encryption_policies (
  id BIGINT NOT NULL AUTO_INCREMENT,
  policy_name VARCHAR(120) NOT NULL,
  mode VARCHAR(32) NOT NULL DEFAULT 'local',
  layer_selection VARCHAR(32) NOT NULL DEFAULT 'defined',
  min_layers SMALLINT NOT NULL DEFAULT 1,
  max_layers SMALLINT NOT NULL DEFAULT 1,
  aad_template JSON NULL,
  notes TEXT NULL,
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE KEY uq_encryption_policies_name (policy_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE policy_algorithms (
  policy_id BIGINT NOT NULL,
  algo_id BIGINT NOT NULL,
  role ENUM('kem','sig','hash','symmetric') NOT NULL,
  weight INT NOT NULL DEFAULT 1,
  priority INT NOT NULL DEFAULT 0,
  PRIMARY KEY (policy_id, algo_id, role)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
