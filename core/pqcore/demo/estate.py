"""Building the demonstration estate: legacy keys, and rows whose hashes, wraps and signatures are all real."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pqcore.crypto.keys import classical_private
from pqcore.database.connect import Database
from pqcore.demo import tables
from pqcore.demo.content import STREAMS, Content
from pqcore.demo.passwords import legacy_hash
from pqcore.errors import KeyStoreError, UsageError
from pqcore.formats.legacy_wrap import LegacyWrap, wrap
from pqcore.keys.provider import Key, KeyProvider

SEED = 20190304
_CHUNK = 500

# Old keys, and those the jobs write with: name -> algorithm.
LEGACY_KEYS = {
    "documents-rsa-2019": "RSA-2048",
    "documents-rsa-2022": "RSA-2048",
    "documents-kek": "AES-128",
    "partners-kek": "AES-128",
    "audit-ed25519": "Ed25519",
    "audit-p256": "ECDSA-P256",
}
NEW_KEYS = {
    "documents-hybrid": "ML-KEM-768+X25519",
    "documents-level5": "ML-KEM-1024",
    "partners-kem": "ML-KEM-768",
    "audit-mldsa65": "ML-DSA-65",
    "audit-mldsa87": "ML-DSA-87",
}

Progress = Callable[[str, int, int], None]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Estate:
    """Rows of each table. ``broken`` are the codes of partner keys that were damaged on purpose."""

    users: int
    documents: int
    audit_log: int
    files: int
    partner_keys: int
    broken: frozenset[str]


def build_estate(
    db: Database,
    keys: KeyProvider,
    *,
    rows: int = 1000,
    seed: int = SEED,
    progress: Progress | None = None,
) -> Estate:
    """Make the tables and fill them; legacy and new keys that are missing are generated.

    Args:
        db: a database without tables of these names.
        keys: where the keys go.
        rows: rows of users, documents, audit_log and files; partner_keys has a tenth.
        seed: of the rows' content; keys, salts and nonces are random.
        progress: told (table, rows done, rows in all), after each few hundred rows.

    Raises:
        UsageError: a table is there already, or ``rows`` is less than 1.
    """
    if rows < 1:
        raise UsageError(f"An estate of {rows} rows cannot be made", "Give a number of rows of at least 1")
    with db.read() as conn:
        existing = [name for name in tables.metadata.tables if sa.inspect(conn).has_table(name)]
    if existing:
        raise UsageError(
            f"The database has a table {existing[0]} already", "Give the demonstration an empty database of its own"
        )
    made = _keys(keys)
    with db.write() as conn:
        tables.metadata.create_all(conn)
    content, partners = Content(seed), max(10, rows // 10)
    filling: list[tuple[sa.Table, int, Callable[[int], Row]]] = [
        (tables.users, rows, lambda number: _user(content, number)),
        (tables.documents, rows, lambda number: _document(content, made, number, rows)),
        (tables.audit_log, rows, lambda number: _audit(content, made, number, rows)),
        (tables.files, rows, lambda number: _file(content, number)),
    ]
    for table, total, row in filling:
        for chunk in _chunks(total, _CHUNK):
            values = [row(number) for number in chunk]
            with db.write() as conn:
                conn.execute(sa.insert(table), values)
            if progress is not None:
                progress(table.name, chunk[-1], total)
    values = [_partner(content, made, number) for number in range(1, partners + 1)]
    with db.write() as conn:  # all at once: these rows say that the estate is complete
        for chunk in _chunks(partners, _CHUNK):
            conn.execute(sa.insert(tables.partner_keys), values[chunk[0] - 1 : chunk[-1]])
    if progress is not None:
        progress(tables.partner_keys.name, partners, partners)
    return Estate(rows, rows, rows, rows, partners, _broken(partners))


def open_estate(db: Database) -> Estate | None:
    """The estate that a database holds, None where there is none or it was not built to its end."""
    with db.read() as conn:
        if not all(sa.inspect(conn).has_table(name) for name in tables.metadata.tables):
            return None
        count = {
            table.name: conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables.metadata.tables.values()
        }
    if not count["partner_keys"]:
        return None
    return Estate(broken=_broken(count["partner_keys"]), **count)


def document_wrap(number: int) -> str:
    """How the data key of a document is wrapped, by JOSE name (RFC 7518)."""
    return ("A128KW", "RSA-OAEP-256", "A128KW", "RSA-OAEP", "RSA-OAEP-256")[number % 5]


def audit_signature(number: int) -> str:
    """How an audit record is signed."""
    return "ECDSA-P256" if number % 5 in {0, 2} else "Ed25519"


def file_digest(number: int) -> str:
    """How a file's checksum is computed."""
    return "sha1" if number % 5 in {0, 2} else "sha256"


def check_value(key: bytes) -> str:
    """What a partner says on the telephone to prove that both sides hold the same key: 32 hexadecimal digits."""
    return hmac.digest(key, b"partner key check value", "sha256").hex()[:32]


def _keys(keys: KeyProvider) -> dict[str, Key]:
    """All keys of the estate by name, made where they are missing."""
    known = {info.name for info in keys.list()}
    for name, algorithm in (LEGACY_KEYS | NEW_KEYS).items():
        if name not in known:
            keys.generate(name, algorithm)
        elif keys.info(name).algorithm != algorithm:
            raise KeyStoreError(
                f"The keyring has a key {name} of another algorithm", "Give the demonstration a keyring of its own"
            )
    return {name: keys.get(name) for name in LEGACY_KEYS}


def _chunks(total: int, size: int) -> Iterator[range]:
    for start in range(1, total + 1, size):
        yield range(start, min(start + size, total + 1))


def _user(content: Content, number: int) -> Row:
    name, email, role = content.user(number)
    return {
        "id": number,
        "email": email,
        "display_name": name,
        "role": role,
        "password_hash": legacy_hash(number),
        "created_at": content.moment(number),
    }


def _document(content: Content, keys: dict[str, Key], number: int, users: int) -> Row:
    title, body = content.document(number)
    data_key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
    alg = document_wrap(number)
    if alg == "A128KW":
        form, kek = LegacyWrap.AES_KW, keys["documents-kek"]
    elif alg == "RSA-OAEP":
        form, kek = LegacyWrap.RSA_OAEP_SHA1, keys["documents-rsa-2019"]
    else:
        form, kek = LegacyWrap.RSA_OAEP_SHA256, keys[f"documents-rsa-{2019 if number % 2 else 2022}"]
    return {
        "id": number,
        "owner_id": 1 + number * 7 % users,
        "title": title,
        "body": AESGCM(data_key).encrypt(nonce, body, str(number).encode()),
        "nonce": nonce,
        "content_digest": hashlib.sha256(body).hexdigest(),
        "wrapped_key": base64.b64encode(wrap(form, data_key, kek)).decode(),
        "wrap_alg": alg,
        "kek_id": kek.id,
        "created_at": content.moment(number),
    }


def _audit(content: Content, keys: dict[str, Key], number: int, users: int) -> Row:
    actor, action, payload, at = content.audit(number, users)
    alg = audit_signature(number)
    signer = keys["audit-ed25519" if alg == "Ed25519" else "audit-p256"]
    return {
        "stream": STREAMS[number % len(STREAMS)],
        "seq": number // len(STREAMS) + 1,
        "at": at,
        "actor_id": actor,
        "action": action,
        "payload": payload,
        "signature": _sign(signer, payload.encode()),
        "signature_alg": alg,
        "signer_key": signer.id,
        "pq_signature": None,
    }


def _sign(key: Key, payload: bytes) -> bytes:
    private = classical_private(key.algorithm, key.secret or b"")
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(payload)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.sign(payload, ec.ECDSA(hashes.SHA256()))
    raise KeyStoreError(f"The key {key.id} does not sign here", "Name an Ed25519 or ECDSA key")


def _file(content: Content, number: int) -> Row:
    file_id, path, data = content.file(number)
    alg = file_digest(number)
    return {
        "id": file_id,
        "path": path,
        "content": data,
        "checksum": hashlib.new(alg, data).hexdigest(),
        "checksum_alg": alg,
        "uploaded_at": content.moment(number),
    }


def _partner(content: Content, keys: dict[str, Key], number: int) -> Row:
    key = secrets.token_bytes(32)
    wrapped = wrap(LegacyWrap.AES_KW, key, keys["partners-kek"])
    broken = _is_broken(number)
    if broken:  # one flipped bit, as a bad tape leaves it
        wrapped = bytes((wrapped[0] ^ 1,)) + wrapped[1:]
    return {
        "code": _code(number),
        "partner": content.partner(number),
        "wrapped_key": wrapped,
        "check_value": check_value(key),
        "note": "restored from tape after the 2021 outage" if broken else None,
    }


def _code(number: int) -> str:
    return f"PARTNER-{number:06}"


def _is_broken(number: int) -> bool:
    # Behind the first rows: what a sample of them shows is in order, as it is in life.
    return number % 25 == 8


def _broken(partners: int) -> frozenset[str]:
    return frozenset(_code(number) for number in range(1, partners + 1) if _is_broken(number))
