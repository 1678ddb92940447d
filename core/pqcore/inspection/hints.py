"""What a column's name says, and a neighbour that names the algorithm: evidence beside the value, and said to be so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pqcore.formats.detection.forms import Basis, Candidate, Detection, State, Use

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_MOST_DECLARED = 64  # characters of an algorithm's name

_PASSWORD = frozenset({"password", "passwd", "passwort", "pwd", "pw", "passhash", "passphrase", "pass"})
_SIGNATURE = frozenset({"signature", "signatures", "sig", "sign", "signed"})
_WRAPPED = frozenset({"wrapped", "wrap", "dek", "cek", "envelope", "sealed"})
_KEY = frozenset({"key", "keys", "datakey"})
_ENCRYPTED = frozenset({"encrypted", "enc", "crypted", "cipher", "ciphertext", "encryption"})
_MAC = frozenset({"mac", "hmac", "blind", "bidx", "keyed"})
_DIGEST = frozenset(
    {
        "digest",
        "hash",
        "hashed",
        "checksum",
        "sum",
        "fingerprint",
        "etag",
        "md",
        "md5",
        "sha",
        "sha1",
        "sha256",
        "sha512",
    }
)
_NOT_VALUES = frozenset(
    {
        "alg",
        "algo",
        "algorithm",
        "scheme",
        "method",
        "type",
        "id",
        "ids",
        "name",
        "at",
        "date",
        "time",
        "version",
        "hint",
    }
)
_ALGORITHM = frozenset({"alg", "algo", "algorithm", "scheme", "method"})


def words(name: str) -> tuple[str, ...]:
    """The words of a column's name in lower case: ``wrappedKey`` and ``wrapped_key`` are the same."""
    return tuple(word.lower() for word in _WORD.findall(name))


def uses(name: str) -> frozenset[Use] | None:
    """What values of a column of this name are for; None where the name does not say."""
    found = set(words(name))
    if found & _NOT_VALUES:
        return None
    if found & _PASSWORD:
        return frozenset({Use.PASSWORD})
    if found & _SIGNATURE:
        return frozenset({Use.SIGNATURE, Use.MAC})
    if found & _WRAPPED or (found & _KEY and found & _ENCRYPTED):
        return frozenset({Use.WRAPPED_KEY})
    if found & _MAC:
        return frozenset({Use.MAC})
    if found & _DIGEST:
        return frozenset({Use.DIGEST, Use.MAC})
    if found & _ENCRYPTED:
        return frozenset({Use.CIPHERTEXT, Use.WRAPPED_KEY})
    return None


def algorithm_column(name: str, texts: Iterable[str]) -> str | None:
    """The neighbour, among columns of text, that says which algorithm a value of the column ``name`` is of.

    It names an algorithm and shares a word's beginning with the column: ``wrap_alg`` for ``wrapped_key``.
    """
    own = [word for word in words(name) if len(word) >= 3]
    best: tuple[int, str] | None = None
    for other in texts:
        found = words(other)
        if other == name or not set(found) & _ALGORITHM:
            continue
        shared = sum(1 for word in found if word not in _ALGORITHM and any(_related(word, mine) for mine in own))
        if shared and (best is None or shared > best[0]):
            best = (shared, other)
    return None if best is None else best[1]


def _related(one: str, other: str) -> bool:
    return len(one) >= 3 and (other.startswith(one[:4]) or one.startswith(other[:4]))


@dataclass(frozen=True, slots=True)
class Declared:
    """What an algorithm's name, as applications write it, says of a value.

    Attributes:
        use: what the value is for.
        starts: names of the forms that it can be start with one of these.
        format: the option ``format`` of a selection for it, where that follows from the name.
    """

    use: Use
    starts: tuple[str, ...]
    format: str | None = None


def _declared() -> dict[str, Declared]:
    rsa = ("RSA-",)
    known: list[tuple[str, Declared]] = [
        ("RSA-OAEP-256 RSA-OAEP-SHA256 RSAES-OAEP-SHA256", Declared(Use.WRAPPED_KEY, rsa, "RSA-OAEP-SHA256")),
        ("RSA-OAEP RSA-OAEP-SHA1 RSAES-OAEP-SHA1", Declared(Use.WRAPPED_KEY, rsa, "RSA-OAEP-SHA1")),
        ("RSA-OAEP-384 RSA-OAEP-SHA384", Declared(Use.WRAPPED_KEY, rsa, "RSA-OAEP-SHA384")),
        ("RSA-OAEP-512 RSA-OAEP-SHA512", Declared(Use.WRAPPED_KEY, rsa, "RSA-OAEP-SHA512")),
        ("RSA1_5 RSAES-PKCS1-v1_5", Declared(Use.WRAPPED_KEY, rsa, "RSA-PKCS1-v1.5")),
        ("RSA", Declared(Use.WRAPPED_KEY, rsa)),
        ("AES-KW", Declared(Use.WRAPPED_KEY, ("AES-128-KW", "AES-192-KW", "AES-256-KW"), "AES-KW")),
        ("AES-KWP", Declared(Use.WRAPPED_KEY, ("AES-128-KW", "AES-192-KW", "AES-256-KW"), "AES-KWP")),
        ("RSA-PSS RSASSA-PSS", Declared(Use.SIGNATURE, rsa)),
        ("Ed25519 EdDSA", Declared(Use.SIGNATURE, ("Ed25519",), "Ed25519")),
        ("Ed448", Declared(Use.SIGNATURE, ("Ed448",), "Ed448")),
        ("ES256 ECDSA-P256 ECDSA-P256-SHA256 secp256r1", Declared(Use.SIGNATURE, ("ECDSA-P256",), "ECDSA-P256")),
        ("ES384 ECDSA-P384 ECDSA-P384-SHA384", Declared(Use.SIGNATURE, ("ECDSA-P384",), "ECDSA-P384")),
        ("ES512 ECDSA-P521 ECDSA-P521-SHA512", Declared(Use.SIGNATURE, ("ECDSA-P521",), "ECDSA-P521")),
        ("MD5", Declared(Use.DIGEST, ("MD5",))),
        ("NTLM NTHASH", Declared(Use.PASSWORD, ("NTLM",))),
    ]
    for bits in (256, 384, 512):
        pss = Declared(Use.SIGNATURE, rsa, f"RSA-PSS-SHA{bits}")
        known.append((f"PS{bits} RSA-PSS-SHA{bits} RSASSA-PSS-SHA{bits}", pss))
        pkcs1 = Declared(Use.SIGNATURE, rsa, f"RSA-PKCS1-SHA{bits}")
        known.append((f"RS{bits} RSA-PKCS1-SHA{bits} SHA{bits}withRSA RSA-SHA{bits}", pkcs1))
    for bits in (128, 192, 256):
        known.append(
            (f"A{bits}KW AES-{bits}-KW AES{bits}-KW", Declared(Use.WRAPPED_KEY, (f"AES-{bits}-KW",), "AES-KW"))
        )
        known.append((f"A{bits}GCMKW AES-{bits}-GCM", Declared(Use.WRAPPED_KEY, (f"AES-{bits}-GCM",))))
    for name in ("SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512"):
        of_digest = name if name in ("SHA-1", "SHA-256") else None
        known.append((name, Declared(Use.DIGEST, (name,), of_digest)))
        short = name.replace("SHA-", "")
        known.append((f"HMAC-{name} HS{short}", Declared(Use.MAC, (f"HMAC-{name}",))))
    return {_folded(word): meaning for names, meaning in known for word in names.split()}


def _folded(text: str) -> str:
    return re.sub(r"[-_/.\s]", "", text).casefold()


_DECLARED = _declared()


def declared(text: object) -> Declared | None:
    """What the name of an algorithm says; None for anything that is no name known here, whatever it holds."""
    if isinstance(text, bytes):
        text = text.decode("ascii", "replace")
    if not isinstance(text, str) or len(text) > _MOST_DECLARED:
        return None
    return _DECLARED.get(_folded(text))


def narrow(detection: Detection, meant: frozenset[Use] | None, named: Declared | None) -> Detection:
    """The candidates that agree with the neighbour's word, or else with the column's name; all where none agrees.

    A value that says itself what it is stays as it is.
    """
    if detection.state is not State.AMBIGUOUS:
        return detection
    if named is not None:
        kept = [c for c in detection.candidates if c.form.use is named.use and c.form.inner.startswith(named.starts)]
        if kept:
            return _kept(detection, kept, Basis.DECLARED)
    if meant is not None:
        kept = [c for c in detection.candidates if c.form.use in meant]
        if kept and len(kept) < len(detection.candidates):
            basis = detection.basis if detection.basis is Basis.STRUCTURE else Basis.NAME
            return _kept(detection, kept, basis)
    return detection


def _kept(detection: Detection, kept: Sequence[Candidate], basis: Basis) -> Detection:
    state = State.RECOGNISED if len(kept) == 1 else State.AMBIGUOUS
    return Detection(state, tuple(kept), basis, detection.encoding, detection.length)
