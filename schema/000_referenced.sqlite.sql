-- Tables that pq_migration_jobs refers to. Each is made only where no table or view of that name exists.

CREATE TABLE users (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  email TEXT NULL,
  created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
);

CREATE TABLE crypto_algorithms (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  class TEXT NOT NULL,
  name VARCHAR(120) NOT NULL,
  variant VARCHAR(80) NOT NULL DEFAULT '',
  nist_level SMALLINT NULL,
  status TEXT NOT NULL DEFAULT 'active',
  params TEXT NULL,
  created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  CONSTRAINT uq_crypto_algorithms_name UNIQUE (name, variant),
  CONSTRAINT chk_crypto_algorithms_class CHECK (class IN ('kem', 'sig', 'hash', 'symmetric')),
  CONSTRAINT chk_crypto_algorithms_status CHECK (status IN ('active', 'deprecated', 'experimental')),
  CONSTRAINT chk_crypto_algorithms_params CHECK (params IS NULL OR json_valid(params))
);

CREATE TABLE encryption_policies (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  policy_name VARCHAR(120) NOT NULL,
  mode VARCHAR(32) NOT NULL DEFAULT 'local',
  layer_selection VARCHAR(32) NOT NULL DEFAULT 'defined',
  min_layers SMALLINT NOT NULL DEFAULT 1,
  max_layers SMALLINT NOT NULL DEFAULT 1,
  aad_template TEXT NULL,
  notes TEXT NULL,
  created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  CONSTRAINT uq_encryption_policies_name UNIQUE (policy_name),
  CONSTRAINT chk_encryption_policies_aad CHECK (aad_template IS NULL OR json_valid(aad_template))
);

CREATE TABLE policy_algorithms (
  policy_id BIGINT NOT NULL,
  algo_id BIGINT NOT NULL,
  role VARCHAR(16) NOT NULL,
  weight INTEGER NOT NULL DEFAULT 1,
  priority INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (policy_id, algo_id, role),
  CONSTRAINT chk_policy_algorithms_role CHECK (role IN ('kem', 'sig', 'hash', 'symmetric'))
);
