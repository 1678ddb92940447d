"""Old password hashes: Django PBKDF2 and bcrypt, crypt(3) bcrypt, salted SHA-1 and SHA-256 of Django and LDAP."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

import bcrypt

from pqcore.formats.encoding import Encoding, decode
from pqcore.formats.errors import FormatError

MAX_PBKDF2_ITERATIONS = 10_000_000
MAX_BCRYPT_COST = 16
BCRYPT_BYTES = 72  # what bcrypt takes of a password; old systems cut silently, so this layer does too
_MAX_SALT = 1024


class Scheme(StrEnum):
    """Old schemes by the code that stands for them in the wrapped form."""

    PBKDF2_SHA256 = "p256"  # pbkdf2_sha256$iterations$salt$base64
    PBKDF2_SHA1 = "p1"  # pbkdf2_sha1$iterations$salt$base64
    BCRYPT_2A = "bc2a"  # $2a$cost$salt and digest, or bcrypt$ before it
    BCRYPT_2B = "bc2b"
    BCRYPT_2Y = "bc2y"
    BCRYPT_SHA256 = "bs2b"  # bcrypt_sha256$$2b$...: bcrypt of the password's SHA-256 in hexadecimal
    SALTED_SHA1 = "s1"  # sha1$salt$hex: SHA-1(salt || password)
    SALTED_SHA256 = "s256"  # sha256$salt$hex
    LDAP_SHA1 = "l1"  # {SSHA}base64: SHA-1(password || salt) || salt
    LDAP_SHA256 = "l256"  # {SSHA256}base64


_BCRYPT = {Scheme.BCRYPT_2A: "2a", Scheme.BCRYPT_2B: "2b", Scheme.BCRYPT_2Y: "2y", Scheme.BCRYPT_SHA256: "2b"}
_BCRYPT_SCHEMES = {"2a": Scheme.BCRYPT_2A, "2b": Scheme.BCRYPT_2B, "2y": Scheme.BCRYPT_2Y}
_SHA = {
    Scheme.SALTED_SHA1: "sha1",
    Scheme.SALTED_SHA256: "sha256",
    Scheme.LDAP_SHA1: "sha1",
    Scheme.LDAP_SHA256: "sha256",
}
_PBKDF2 = {Scheme.PBKDF2_SHA256: "sha256", Scheme.PBKDF2_SHA1: "sha1"}
_SHA_SIZE = {"sha1": 20, "sha256": 32}
_BCRYPT_FORM = re.compile(r"\$(2[aby])\$([0-9]{2})\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})", re.ASCII)
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class LegacyHash:
    """An old hash, parsed. ``digest`` is empty where only the parameters are known.

    Attributes:
        scheme: which scheme.
        rounds: PBKDF2 iterations or bcrypt cost; 0 for the others.
        salt: salt as the scheme takes it (bcrypt: its 22 characters).
        digest: what the password comes out as (bcrypt: its 31 characters).
    """

    scheme: Scheme
    rounds: int
    salt: bytes
    digest: bytes = field(default=b"", repr=False)

    @property
    def parameters(self) -> LegacyHash:
        """The same without the digest."""
        return replace(self, digest=b"")


def parse_legacy(stored: str) -> LegacyHash:
    """Read an old hash strictly. Raises FormatError where it is none of the schemes or out of bounds."""
    if stored.startswith("{"):
        return _ldap(stored)
    if stored.startswith("$2"):
        return _bcrypt(stored, None)
    name, _, rest = stored.partition("$")
    match name:
        case "bcrypt":
            return _bcrypt(rest, None)
        case "bcrypt_sha256":
            return _bcrypt(rest, Scheme.BCRYPT_SHA256)
        case "pbkdf2_sha256":
            return _pbkdf2(rest, Scheme.PBKDF2_SHA256)
        case "pbkdf2_sha1":
            return _pbkdf2(rest, Scheme.PBKDF2_SHA1)
        case "sha1":
            return _salted(rest, Scheme.SALTED_SHA1)
        case "sha256":
            return _salted(rest, Scheme.SALTED_SHA256)
    raise FormatError("The value is not a password hash of a known scheme", "See docs/FORMATS.md for the schemes")


def check_bounds(old: LegacyHash) -> LegacyHash:
    """``old``, where its parameters are allowed: a stored cost without bounds is an attack. Raises FormatError."""
    if old.scheme in _PBKDF2:
        bounds = (1, MAX_PBKDF2_ITERATIONS)
    elif old.scheme in _BCRYPT:
        bounds = (4, MAX_BCRYPT_COST)
    else:
        bounds = (0, 0)
    if not bounds[0] <= old.rounds <= bounds[1]:
        raise FormatError(f"The cost of the password hash is outside {bounds[0]} to {bounds[1]}", "Reset the password")
    if len(old.salt) > _MAX_SALT:
        raise FormatError(f"The salt of the password hash is longer than {_MAX_SALT} bytes", "Reset the password")
    if old.scheme in _BCRYPT and not re.fullmatch(rb"[./A-Za-z0-9]{21}[.Oeu]", old.salt):
        raise FormatError("The salt of the bcrypt hash is broken", "Reset the password")
    return old


def derive_legacy(old: LegacyHash, password: bytes) -> bytes:
    """What ``password`` comes out as under the old hash's scheme, salt and cost (its ``digest``, if it is right)."""
    scheme = check_bounds(old).scheme
    if scheme in _PBKDF2:
        return hashlib.pbkdf2_hmac(_PBKDF2[scheme], password, old.salt, old.rounds)
    if scheme in _BCRYPT:
        if scheme is Scheme.BCRYPT_SHA256:
            password = hashlib.sha256(password).hexdigest().encode()
        setting = f"${_BCRYPT[scheme]}${old.rounds:02d}$".encode() + old.salt
        return bcrypt.hashpw(password[:BCRYPT_BYTES], setting)[-31:]
    salted = password + old.salt if scheme in (Scheme.LDAP_SHA1, Scheme.LDAP_SHA256) else old.salt + password
    return hashlib.new(_SHA[scheme], salted, usedforsecurity=False).digest()


def _pbkdf2(rest: str, scheme: Scheme) -> LegacyHash:
    parts = rest.split("$")
    if len(parts) != 3 or not re.fullmatch(r"[1-9][0-9]{0,9}", parts[0], re.ASCII):
        raise _broken("PBKDF2")
    digest = _base64(parts[2], "PBKDF2")
    if len(digest) != _SHA_SIZE[_PBKDF2[scheme]]:
        raise _broken("PBKDF2")
    return check_bounds(LegacyHash(scheme, int(parts[0]), _utf8(parts[1]), digest))


def _bcrypt(stored: str, scheme: Scheme | None) -> LegacyHash:
    found = _BCRYPT_FORM.fullmatch(stored)
    if found is None or (scheme is not None and found[1] != "2b"):
        raise _broken("bcrypt")
    salt = _canonical_bcrypt_salt(found[3]).encode()
    return check_bounds(LegacyHash(scheme or _BCRYPT_SCHEMES[found[1]], int(found[2]), salt, found[4].encode()))


def _canonical_bcrypt_salt(salt: str) -> str:
    # 22 characters hold 132 bits, the salt has 128: old programs left anything in the last four, which are not used.
    return salt[:21] + _BCRYPT_ALPHABET[_BCRYPT_ALPHABET.index(salt[21]) & 0x30]


def _salted(rest: str, scheme: Scheme) -> LegacyHash:
    salt, dollar, digits = rest.rpartition("$")
    if not dollar or len(digits) != 2 * _SHA_SIZE[_SHA[scheme]]:
        raise _broken("salted SHA")
    return check_bounds(LegacyHash(scheme, 0, _utf8(salt), decode(digits, Encoding.HEX)))


def _ldap(stored: str) -> LegacyHash:
    name, _, text = stored[1:].partition("}")
    scheme = {"SSHA": Scheme.LDAP_SHA1, "SSHA256": Scheme.LDAP_SHA256}.get(name.upper())
    if scheme is None:
        raise FormatError("The value is not a password hash of a known scheme", "See docs/FORMATS.md for the schemes")
    data = _base64(text, "LDAP")
    size = _SHA_SIZE[_SHA[scheme]]
    if len(data) <= size:
        raise _broken("LDAP")
    return check_bounds(LegacyHash(scheme, 0, data[size:], data[:size]))


def _base64(text: str, scheme: str) -> bytes:
    try:
        return decode(text, Encoding.BASE64)
    except FormatError:
        raise _broken(scheme) from None


def _utf8(salt: str) -> bytes:
    try:
        return salt.encode()
    except UnicodeEncodeError:
        raise FormatError("The salt of the password hash is not valid text", "Reset the password") from None


def _broken(scheme: str) -> FormatError:
    return FormatError(f"The {scheme} password hash is broken", "Reset the password")
