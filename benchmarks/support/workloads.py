"""What is measured: for each scope a table of rows in an old form, its job, and the bare cryptography of a row."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pqcore.crypto import argon2id, suites
from pqcore.crypto import keys as crypto_keys
from pqcore.formats.legacy_signature import LegacySignature, verify_legacy
from pqcore.formats.legacy_wrap import LegacyWrap, unwrap, wrap
from pqcore.keys.provider import KeyProvider
from pqcore.migrations.base import Scope

#: Sizes of the rows' content in bytes: a digest's row, about a sealed key's size, about an ML-DSA-65 signature's.
SIZES = (100, 1200, 3300)

KEYS = {
    "rsa": "RSA-2048",
    "kek": "AES-128",
    "signer": "Ed25519",
    "kem": "ML-KEM-768+X25519",
    "pq-signer": "ML-DSA-65",
}

Row = dict[str, Any]
Step = Callable[[], object]


class Workload(ABC):
    """One scope's rows and job.

    Attributes:
        name: shown in the tables.
        algorithm: the job's target.
        pace: rows a second that two cores manage, roughly: how many rows make a run of the asked length.
        sizes: sizes of content that are worth measuring.
        database_bound: whether the issue's target of 20 times the plain script holds for it, on servers.
    """

    name: ClassVar[str]
    scope: ClassVar[Scope]
    algorithm: ClassVar[str]
    pace: ClassVar[int]
    sizes: ClassVar[tuple[int, ...]] = SIZES
    database_bound: ClassVar[bool] = False

    def __init__(self, keys: KeyProvider, size: int) -> None:
        self.keys = keys
        self.size = size
        self._random = random.Random(size)

    @property
    def document(self) -> Mapping[str, Any]:
        """The selection, without its table."""
        return {"field": self.field, "options": self.options}

    @property
    @abstractmethod
    def field(self) -> str: ...

    @property
    @abstractmethod
    def options(self) -> Mapping[str, Any]: ...

    @abstractmethod
    def columns(self) -> list[sa.Column[Any]]:
        """Columns beside the key."""

    @abstractmethod
    def row(self, number: int) -> Row:
        """A row in the old form, without its key."""

    @abstractmethod
    def primitives(self, row: Row) -> Step:
        """The cryptography that migrating this row needs, with its proof, and nothing else."""

    def content(self, number: int) -> str:
        """Text of the workload's size that no database can compress."""
        start = f"{number:012}"
        noise = base64.b64encode(self._random.randbytes(self.size)).decode()
        return (start + noise)[: self.size]


class Digests(Workload):
    """Content digests recomputed from their content."""

    name = "digests: SHA-1 -> SHA-512"
    scope = Scope.HASHES
    algorithm = "SHA-512"
    pace = 40_000
    database_bound = True
    field = "digest"
    options: ClassVar[Mapping[str, Any]] = {"mode": "digest", "source": "body", "format": "SHA-1"}

    def columns(self) -> list[sa.Column[Any]]:
        return [sa.Column("body", sa.Text, nullable=False), sa.Column("digest", sa.String(200))]

    def row(self, number: int) -> Row:
        body = self.content(number)
        return {"body": body, "digest": hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest()}

    def primitives(self, row: Row) -> Step:
        content = row["body"].encode()

        def step() -> object:
            hashlib.sha1(content, usedforsecurity=False).digest()
            hashlib.sha512(content).digest()
            return hashlib.sha512(content).digest()

        return step


class Passwords(Workload):
    """Password hashes wrapped in Argon2id; the inner scheme costs nothing, Argon2id is the same for all of them."""

    name = "passwords: salted SHA-1 -> Argon2id"
    scope = Scope.HASHES
    algorithm = "Argon2id"
    pace = 40
    sizes = (100,)
    field = "password_hash"
    options: ClassVar[Mapping[str, Any]] = {"mode": "password"}

    def columns(self) -> list[sa.Column[Any]]:
        return [sa.Column("password_hash", sa.String(400))]

    def row(self, number: int) -> Row:
        salt = self._random.randbytes(6).hex()
        digest = hashlib.sha1(f"{salt}{number}".encode(), usedforsecurity=False).hexdigest()
        return {"password_hash": f"sha1${salt}${digest}"}

    def primitives(self, row: Row) -> Step:
        digest = row["password_hash"].encode()

        def step() -> object:
            salt = os.urandom(argon2id.SALT)
            argon2id.derive(digest, salt, argon2id.DEFAULT_COST)
            return argon2id.derive(digest, salt, argon2id.DEFAULT_COST)

        return step


class Wrappers(Workload):
    """Wrapped data keys of 32 bytes; the content is the row's other data, which the database moves along."""

    scope = Scope.WRAPPERS
    algorithm = "ML-KEM-768+X25519"
    form: ClassVar[LegacyWrap]
    old_key: ClassVar[str]
    field = "wrapped"

    @property
    def options(self) -> Mapping[str, Any]:
        return {"format": self.form.value, "old_key": self.old_key, "new_key": "kem"}

    def columns(self) -> list[sa.Column[Any]]:
        return [sa.Column("wrapped", sa.String(4000)), sa.Column("body", sa.Text, nullable=False)]

    def row(self, number: int) -> Row:
        wrapped = wrap(self.form, os.urandom(32), self.keys.get(self.old_key))
        return {"wrapped": base64.b64encode(wrapped).decode(), "body": self.content(number)}

    def primitives(self, row: Row) -> Step:
        wrapped, old, new = base64.b64decode(row["wrapped"]), self.keys.get(self.old_key), self.keys.get("kem")
        suite = suites.suite_of(new.algorithm)
        public, secret, tag_key = new.public, new.secret, new.seal_secret
        assert suite is not None
        assert public is not None
        assert secret is not None
        assert tag_key is not None

        def step() -> object:
            plaintext = unwrap(self.form, wrapped, old)
            sealed = suites.seal(suite, public, plaintext, b"info")
            tag = hmac.digest(tag_key, sealed, "sha256")
            opened = suites.open_sealed(suite, secret, sealed, b"info")
            return opened == plaintext and hmac.compare_digest(tag, hmac.digest(tag_key, sealed, "sha256"))

        return step


class RSAWrappers(Wrappers):
    """Under RSA-2048."""

    name = "wrappers: RSA-OAEP -> ML-KEM-768+X25519"
    pace = 1500
    form = LegacyWrap.RSA_OAEP_SHA256
    old_key = "rsa"


class AESWrappers(Wrappers):
    """Under AES-128."""

    name = "wrappers: AES-KW -> ML-KEM-768+X25519"
    pace = 4000
    database_bound = True
    form = LegacyWrap.AES_KW
    old_key = "kek"


class Signatures(Workload):
    """Ed25519 signatures over the content, counter-signed into a column."""

    name = "signatures: Ed25519 -> ML-DSA-65"
    scope = Scope.SIGNATURES
    algorithm = "ML-DSA-65"
    pace = 1500
    field = "signature"
    options: ClassVar[Mapping[str, Any]] = {
        "format": "Ed25519",
        "payload": "body",
        "old_key": "signer",
        "new_key": "pq-signer",
        "signature_field": "pq_signature",
    }

    def columns(self) -> list[sa.Column[Any]]:
        return [
            sa.Column("body", sa.Text, nullable=False),
            sa.Column("signature", sa.LargeBinary(200)),
            sa.Column("pq_signature", sa.LargeBinary(5000)),
        ]

    def row(self, number: int) -> Row:
        key = self.keys.get("signer")
        private = crypto_keys.classical_private(key.algorithm, key.secret or b"")
        assert isinstance(private, Ed25519PrivateKey)
        body = self.content(number)
        return {"body": body, "signature": private.sign(body.encode()), "pq_signature": None}

    def primitives(self, row: Row) -> Step:
        body, signature = row["body"].encode(), bytes(row["signature"])
        old, new = self.keys.get("signer"), self.keys.get("pq-signer")
        private = crypto_keys.mldsa_private(new.algorithm, new.secret or b"")
        public = crypto_keys.mldsa_public(new.algorithm, new.public or b"")

        def step() -> object:
            verify_legacy(LegacySignature.ED25519, signature, body, old)
            statement = hashlib.sha512(body).digest()
            public.verify(private.sign(statement, b"context"), statement, b"context")
            return hashlib.sha512(body).digest()

        return step


WORKLOADS: Mapping[str, type[Workload]] = {
    "digests": Digests,
    "passwords": Passwords,
    "rsa": RSAWrappers,
    "aes": AESWrappers,
    "signatures": Signatures,
}
