"""A small estate whose every secret is a canary, and everything that pqconsole leaves behind."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import load_der_private_key

from pqcore.database.connect import Database
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.sealing import Cost
from tests.cli.conftest import Cli, Done
from tests.leaks.canaries import Canaries, Findings

PASSPHRASE = "canary passphrase of the keyring"
DATABASE_PASSWORD = "canary password of the database"
ROWS = 2

VAULT = sa.Table(
    "vault",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("wrapped", sa.String(4000), nullable=False),
    sa.Column("record", sa.String(100), nullable=False),
    sa.Column("signature", sa.LargeBinary(200), nullable=False),
    sa.Column("password", sa.String(300), nullable=False),
)
WRAP = {"field": "wrapped", "options": {"format": "AES-KW", "old_key": "kek", "new_key": "kem"}}
SIGN = {
    "field": "signature",
    "options": {"format": "Ed25519", "payload": "record", "old_key": "signer", "new_key": "pq-signer"},
}
HASH = {"field": "password", "options": {"mode": "password", "pepper": "pepper"}}
JOBS = {
    "wrappers": (WRAP, "ML-KEM-768+X25519"),
    "signatures": (SIGN, "ML-DSA-44"),
    "hashes": (HASH, "Argon2id/m=19456,t=2,p=1"),
}


@dataclass
class Estate:
    """The table ``vault`` and its keys, and what each command printed."""

    cli: Cli
    url: str
    secrets: dict[str, bytes]
    said: list[str] = field(default_factory=list)

    @classmethod
    def build(cls, home: Path, url: str) -> Estate:
        cli = Cli(home, {"PQCONSOLE_URL": url, "PQCONSOLE_PASSPHRASE": PASSPHRASE})
        cli.env["PQCONSOLE_DATABASE_PASSWORD" if url.startswith("sqlite") else "PQCONSOLE_UNUSED"] = DATABASE_PASSWORD
        secrets = {"passphrase": PASSPHRASE.encode(), "database password": DATABASE_PASSWORD.encode()}
        keys = FileKeyProvider(home / "keys" / "keyring.json", lambda: PASSPHRASE, cost=Cost(64, 1))
        for name, algorithm in (
            ("kek", "AES-128"),
            ("signer", "Ed25519"),
            ("kem", "ML-KEM-768+X25519"),
            ("pq-signer", "ML-DSA-44"),
            ("pepper", "PEPPER"),
        ):
            keys.generate(name, algorithm)
            key = keys.get(name)
            parts = {"secret": key.secret, "seal secret": key.seal_secret}
            secrets |= {f"{part} of {name}": value for part, value in parts.items() if value is not None}
        estate = cls(cli, url, secrets)
        estate.ok("init")
        db = Database.open(url)
        VAULT.create(db.engine)
        with db.write() as conn:
            conn.execute(VAULT.insert(), [estate._row(number, keys) for number in range(ROWS)])
        db.close()
        return estate

    def copied_to(self, home: Path) -> Estate:
        """The same estate, in SQLite, in another place."""
        shutil.copytree(self.cli.home, home, dirs_exist_ok=True)
        url = f"sqlite:///{home / 'data.sqlite'}"
        return Estate(Cli(home, {**self.cli.env, "PQCONSOLE_URL": url}), url, dict(self.secrets))

    def _row(self, number: int, keys: FileKeyProvider) -> dict[str, Any]:
        kek, signer = keys.get("kek").secret, load_der_private_key(keys.get("signer").secret or b"", None)
        assert kek is not None
        assert isinstance(signer, Ed25519PrivateKey)
        data_key, password = os.urandom(32), f"canary password of user {number}"
        digest = hashlib.sha1(f"salt{number}{password}".encode()).digest()
        self.secrets |= {
            f"data key {number}": data_key,
            f"password {number}": password.encode(),
            f"inner digest {number}": digest,
        }
        record = f"record {number}"
        return {
            "id": number,
            "wrapped": base64.b64encode(aes_key_wrap(kek, data_key)).decode(),
            "record": record,
            "signature": signer.sign(record.encode()),
            "password": f"sha1$salt{number}${digest.hex()}",
        }

    def run(self, *words: str, stdin: str = "") -> Done:
        """Run a command and keep what it said; how it ends is for the caller to judge."""
        done = self.cli.run(*words, stdin=stdin)
        self.said.append(done.stdout + done.stderr)
        return done

    def ok(self, *words: str, stdin: str = "") -> str:
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, scope: str, **more: Any) -> str:
        selection, algorithm = JOBS[scope]
        document = json.dumps({"table": "vault", **selection, **more})
        return self.ok(
            *("jobs", "create", "--scope", scope, "--algorithm", algorithm, "--selection", "-"), stdin=document
        ).strip()

    def findings(self, *, migrated: bool) -> Findings:
        """Search all that is left: output, logs and reports, and every value of every table.

        Args:
            migrated: whether the old password hashes, which hold their digests, are gone from the application's table.
        """
        findings = Findings(Canaries(self.secrets))
        for text in self.said:
            findings.look("output", text)
        for path in self.cli.home.glob("log/*"):
            findings.look(f"file {path.name}", path.read_bytes())
        for path in (self.cli.home / "keys").iterdir():
            findings.look(f"file {path.name}", path.read_bytes())
        db = Database.open(self.url)
        tables = sa.MetaData()
        tables.reflect(db.engine)
        with db.read() as conn:
            for table in tables.tables.values():
                columns = [c for c in table.c if migrated or (table.name, c.name) != ("vault", "password")]
                for row in conn.execute(sa.select(*columns)):
                    for column, value in zip(columns, row, strict=True):
                        findings.look(f"{table.name}.{column.name}", bytes_of(value))
        db.close()
        assert findings.searched > 10_000
        return findings


def bytes_of(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
