"""Tables of the demonstration's product, on each database; their keys differ on purpose."""

from __future__ import annotations

import sqlalchemy as sa

from pqcore.database.tables import UTCDateTime

metadata = sa.MetaData()

# A text key, which PostgreSQL holds as a real UUID.
_UUID = sa.String(36).with_variant(sa.Uuid(as_uuid=False), "postgresql")

# The same table that pq_migration_jobs.created_by refers to, so it is there before ``init``.
users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("email", sa.String(190), nullable=False, unique=True),
    sa.Column("display_name", sa.String(100), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

# body is encrypted under a data key of its own; wrapped_key is that data key, wrapped, in base64.
documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("owner_id", sa.BigInteger, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("nonce", sa.LargeBinary(12), nullable=False),
    sa.Column("content_digest", sa.String(64), nullable=False),
    sa.Column("wrapped_key", sa.Text, nullable=False),
    sa.Column("wrap_alg", sa.String(32), nullable=False),
    sa.Column("kek_id", sa.String(80), nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

# A composite key: each stream counts for itself.
audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("stream", sa.String(32), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    sa.Column("signature_alg", sa.String(32), nullable=False),
    sa.Column("signer_key", sa.String(80), nullable=False),
    sa.Column("pq_signature", sa.LargeBinary),
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", _UUID, primary_key=True),
    sa.Column("path", sa.String(255), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("checksum", sa.String(160), nullable=False),
    sa.Column("checksum_alg", sa.String(16), nullable=False),
    sa.Column("uploaded_at", UTCDateTime, nullable=False),
)

# Keys shared with partners, wrapped and raw; check_value proves a key that was opened. Filled last, in one
# transaction: with rows in it, the estate is complete.
partner_keys = sa.Table(
    "partner_keys",
    metadata,
    sa.Column("code", sa.String(24), primary_key=True),
    sa.Column("partner", sa.String(100), nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("check_value", sa.String(32), nullable=False),
    sa.Column("note", sa.String(100)),
)
