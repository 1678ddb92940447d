"""The demonstration's jobs: what is migrated to what, and how each is expected to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pqcore.demo.estate import Estate, audit_signature, document_wrap, file_digest
from pqcore.jobs.model import Status
from pqcore.migrations.base import Scope


@dataclass(frozen=True, slots=True)
class DemoJob:
    """One job to create, in this order.

    Attributes:
        title: what it does, in a few words.
        scope: of the job.
        selection: the selection document.
        algorithm: target as ``NAME[/VARIANT]``; None where ``policy`` names it.
        policy: name of a policy that ``init`` installs.
        starts_in: how far in the future it is scheduled; None is at once.
        run_first: whether it is to have run before the console opens.
        expected: the state it ends in once it has run.
    """

    title: str
    scope: Scope
    selection: Mapping[str, Any]
    algorithm: str | None = None
    policy: str | None = None
    starts_in: timedelta | None = None
    run_first: bool = False
    expected: Status = Status.DONE


def demo_jobs(estate: Estate) -> list[DemoJob]:
    """The jobs for an estate; those whose rows it does not have are left out."""
    jobs = [
        DemoJob(
            "document keys under RSA-OAEP with SHA-1, by policy",
            Scope.WRAPPERS,
            _documents("RSA-OAEP", format="RSA-OAEP-SHA1", old_key="documents-rsa-2019", new_key="documents-hybrid"),
            policy="hybrid-first",
            run_first=True,
        ),
        DemoJob(
            "audit records signed with Ed25519",
            Scope.SIGNATURES,
            _audit("Ed25519", new_key="audit-mldsa65", signature_field="pq_signature"),
            algorithm="ML-DSA-65",
            run_first=True,
        ),
        DemoJob(
            "partner keys under AES-128, some of them damaged",
            Scope.WRAPPERS,
            {
                "table": "partner_keys",
                "field": "wrapped_key",
                "options": {
                    "format": "AES-KW",
                    "encoding": "raw",
                    "old_key": "partners-kek",
                    "new_key": "partners-kem",
                },
                "max_failures": 0,
            },
            algorithm="ML-KEM-768",
            run_first=True,
            expected=Status.FAILED if estate.broken else Status.DONE,
        ),
        DemoJob(
            "file checksums by SHA-1",
            Scope.HASHES,
            _files("sha1", format="SHA-1"),
            algorithm="SHA-384",
            run_first=True,
        ),
        DemoJob(
            "document keys under RSA-OAEP with SHA-256",
            Scope.WRAPPERS,
            _documents(
                "RSA-OAEP-256", format="RSA-OAEP-SHA256", old_key={"column": "kek_id"}, new_key="documents-hybrid"
            ),
            algorithm="ML-KEM-768+X25519",
        ),
        DemoJob(
            "document keys under AES-128",
            Scope.WRAPPERS,
            _documents("A128KW", format="AES-KW", old_key="documents-kek", new_key="documents-level5"),
            algorithm="ML-KEM-1024",
        ),
        DemoJob(
            "audit records signed with ECDSA P-256",
            Scope.SIGNATURES,
            _audit("ECDSA-P256", new_key="audit-mldsa87"),
            algorithm="ML-DSA-87",
        ),
        DemoJob(
            "password hashes of all users",
            Scope.HASHES,
            {"table": "users", "field": "password_hash", "options": {"mode": "password"}},
            algorithm="Argon2id",
        ),
        DemoJob(
            "file checksums by SHA-256, in the night",
            Scope.HASHES,
            _files("sha256", format="SHA-256"),
            algorithm="SHA3-512",
            starts_in=timedelta(hours=8),
        ),
    ]
    return [job for job in jobs if _has_rows(job, estate)]


def _has_rows(job: DemoJob, estate: Estate) -> bool:
    """Whether a row is of the kind that the job selects; the kinds repeat every five rows."""
    first = range(1, min(estate.documents, 5) + 1)
    wanted = job.selection.get("where", {}).get("value")
    kinds = {kind(number) for number in first for kind in (document_wrap, audit_signature, file_digest)}
    return wanted is None or wanted in kinds


def _documents(wrap_alg: str, **options: Any) -> dict[str, Any]:
    return {
        "table": "documents",
        "field": "wrapped_key",
        "where": {"column": "wrap_alg", "op": "eq", "value": wrap_alg},
        "options": {"encoding": "base64", **options},
    }


def _audit(algorithm: str, **options: Any) -> dict[str, Any]:
    return {
        "table": "audit_log",
        "field": "signature",
        "where": {"column": "signature_alg", "op": "eq", "value": algorithm},
        "options": {
            "format": algorithm,
            "encoding": "raw",
            "payload": "payload",
            "old_key": {"column": "signer_key"},
            **options,
        },
    }


def _files(algorithm: str, **options: Any) -> dict[str, Any]:
    return {
        "table": "files",
        "field": "checksum",
        "where": {"column": "checksum_alg", "op": "eq", "value": algorithm},
        "options": {"mode": "digest", "source": "content", "encoding": "hex", **options},
    }
