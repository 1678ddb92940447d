"""Reading the published vectors of the ``cryptography_vectors`` package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = Path(cryptography_vectors.__file__).parent


def records(path: str, first: str) -> Iterator[dict[str, str]]:
    """The records of a NIST-style file: each begins with the field ``first``. A line without "=" is a flag."""
    record: dict[str, str] = {}
    for line in (ROOT / path).read_text().splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith(("#", "[")):
            continue
        if name == first and record:
            yield record
            record = {}
        record[name] = value if equals else "yes"
    yield record


def rsa_records(path: str, last: str) -> Iterator[dict[str, str]]:
    """The records of a file of RSA's own test vectors: values in hexadecimal under "# name:" lines, ``last`` ends one.

    A field keeps its value until it is given again.
    """
    named: dict[str, str] = {}
    name = ""
    for line in [*(ROOT / path).read_text().splitlines(), "# end"]:
        if line.startswith("#"):
            if name == last and name in named:
                yield dict(named)
            name = line.strip("# :").lower()
            named.pop(name, None)
        elif name and line.strip():
            named[name] = named.get(name, "") + line.replace(" ", "")


def rsa_private(vector: dict[str, str]) -> bytes:
    """The private key of such a record, PKCS#8 DER."""
    n, e, d, p, q = (int(vector[name], 16) for name in ("modulus", "public exponent", "exponent", "prime 1", "prime 2"))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, n)
    )
    return numbers.private_key().private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
