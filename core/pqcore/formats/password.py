"""Password hashes wrapped in Argon2id, and the one function a login needs for every form a column may hold.

The wrapped form keeps the inner scheme, its cost and its salt, and never the inner digest::

    pq1$19456,2,1$PEPPER$SALT$TAG$SCHEME,ROUNDS,INNERSALT

Memory (KiB), passes and lanes; id of the pepper key, or nothing; Argon2id salt and tag in base64url without padding;
the inner scheme's code (``legacy_scheme.Scheme``), iterations or cost (0 where it has none; with ``.`` and block size
and lanes for scrypt) and salt. Argon2id is taken over the inner digest, or with a pepper over HMAC-SHA-256 of it.
Short: Django's column has 128 characters.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from pqcore.crypto import argon2id
from pqcore.crypto.argon2id import DEFAULT_COST, Cost
from pqcore.crypto.keys import MIN_SHARED_SECRET
from pqcore.errors import KeyStoreError
from pqcore.formats.encoding import Encoding, decode, encode
from pqcore.formats.errors import FormatError
from pqcore.formats.keyring import KeyLike, KeySource, lookup, secret_of
from pqcore.formats.legacy_password import (
    LegacyHash,
    Scheme,
    as_text,
    check_bounds,
    derive_legacy,
    is_legacy,
    parse_legacy,
)
from pqcore.formats.legacy_scheme import MAX_PBKDF2_ITERATIONS

PREFIX = "pq1$"
_SAFE_SALT = re.compile(rb"[./A-Za-z0-9]*")
_LAYER = re.compile(
    r"([a-z0-9]{2,4}),(0|[1-9][0-9]{0,9})((?:\.[1-9][0-9]?){0,2}),([./A-Za-z0-9]*|=[-_A-Za-z0-9]+)", re.ASCII
)
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}:[1-9][0-9]{0,9}", re.ASCII)
_ARGON2 = re.compile(
    r"(?:argon2|\{ARGON2(?:ID|I)?\})?\$argon2(id|i|d)\$v=19\$(m=[0-9]+,t=[0-9]+,p=[0-9]+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)",
    re.ASCII,
)
_MYSQL41 = re.compile(r"\*[0-9A-Fa-f]{40}", re.ASCII)  # begins as unusable values do
_ARGON2_STARTS = ("", "argon2", "{ARGON2}", "{ARGON2ID}", "{ARGON2I}")  # PHC, Django, LDAP, Dovecot
ARGON2_PREFIXES = tuple(f"{start}$argon2{kind}$" for start in _ARGON2_STARTS for kind in ("id", "i", "d"))


class Kind(StrEnum):
    """What a password column holds."""

    EMPTY = "empty"
    UNUSABLE = "unusable"  # starts with "!" (Django, shadow) or "*"
    WRAPPED = "wrapped"
    ARGON2 = "argon2"
    LEGACY = "legacy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest Argon2id parameters read from storage that are computed; beyond them is an attack."""

    memory: int = 262144
    passes: int = 16
    lanes: int = 16


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """``ok``: the password is right. ``rehash``: it is, and a plain hash of it should be stored instead."""

    ok: bool
    rehash: bool


@dataclass(frozen=True, slots=True)
class WrappedHash:
    """A wrapped hash, parsed: cost, pepper key id (may be empty), salt, tag, and the inner parameters."""

    cost: Cost
    pepper: str
    salt: bytes
    tag: bytes = field(repr=False)
    inner: LegacyHash


def classify(stored: str | bytes | None, scheme: str | None = None) -> Kind:
    """What a column's value is, by its beginning; a value of a known kind may still be broken.

    ``scheme`` is what values are that do not say it themselves (``legacy_password.NAMED``).
    """
    if not stored:
        return Kind.EMPTY
    text = as_text(stored)
    if text is not None:
        if text[0] in "!*" and not _MYSQL41.fullmatch(text):
            return Kind.UNUSABLE
        if text.startswith(PREFIX):
            return Kind.WRAPPED
        if text.startswith(ARGON2_PREFIXES):
            return Kind.ARGON2
    return Kind.LEGACY if scheme is not None or is_legacy(stored) else Kind.UNKNOWN


def wrap_password_hash(old: str | bytes | LegacyHash, cost: Cost = DEFAULT_COST, pepper: KeyLike | None = None) -> str:
    """Wrap an old hash. Raises FormatError where it is of no known scheme, KeyStoreError for an unfit pepper."""
    legacy = _legacy(old)
    salt = secrets.token_bytes(argon2id.SALT)
    tag = _outer(legacy.digest, salt, cost, pepper, argon2id.TAG)
    fields = (
        f"{cost.memory},{cost.passes},{cost.lanes}",
        "" if pepper is None else pepper.id,
        _b64(salt),
        _b64(tag),
        f"{legacy.scheme},{_rounds_text(legacy)},{_salt_text(legacy.salt)}",
    )
    return PREFIX + "$".join(fields)


def wraps(stored: str | bytes, old: str | bytes | LegacyHash, pepper: KeyLike | None = None) -> bool:
    """Whether ``stored`` is a wrap of exactly the old hash ``old``: its parameters and its digest, derived anew."""
    wrapped, legacy = parse_wrapped(stored), _legacy(old)
    if wrapped.inner != legacy.parameters or wrapped.pepper != ("" if pepper is None else pepper.id):
        return False
    return hmac.compare_digest(_outer(legacy.digest, wrapped.salt, wrapped.cost, pepper, len(wrapped.tag)), wrapped.tag)


def parse_wrapped(stored: str | bytes, limits: Limits = Limits()) -> WrappedHash:
    """Read a wrapped hash strictly, with bounds on every parameter. Raises FormatError."""
    parts = _text(stored).split("$")
    if len(parts) != 6 or parts[0] != PREFIX[:-1]:
        raise FormatError("The wrapped password hash is broken", "Reset the password")
    _, cost_text, pepper, salt_text, tag_text, inner = parts
    numbers = re.fullmatch(r"([1-9][0-9]{0,9}),([1-9][0-9]{0,9}),([1-9][0-9]{0,7})", cost_text, re.ASCII)
    layer = _LAYER.fullmatch(inner)
    if numbers is None or layer is None or (pepper and not _KEY_ID.fullmatch(pepper)):
        raise FormatError("The wrapped password hash is broken", "Reset the password")
    cost = _bounded(Cost(int(numbers[1]), int(numbers[2]), int(numbers[3])), limits)
    salt, tag = _unb64(salt_text), _unb64(tag_text)
    if len(salt) != argon2id.SALT or len(tag) != argon2id.TAG or layer[1] not in tuple(Scheme):
        raise FormatError("The wrapped password hash is broken", "Reset the password")
    block = tuple(int(number) for number in layer[3].split(".")[1:])
    legacy = check_bounds(LegacyHash(Scheme(layer[1]), int(layer[2]), _salt_bytes(layer[4]), block=block))
    return WrappedHash(cost, pepper, salt, tag, legacy)


def check_password(
    stored: str | bytes | None,
    password: str | bytes,
    keys: KeySource | None = None,
    *,
    cost: Cost = DEFAULT_COST,
    limits: Limits = Limits(),
    scheme: str | None = None,
    user: str | None = None,
    salt: str | bytes | None = None,
) -> PasswordCheck:
    """Check a password against whatever the column holds; what a login calls.

    Args:
        stored: wrapped, plain Argon2 (PHC string, Django's too), or an old hash. Empty and unusable values match no
            password.
        password: text is taken as UTF-8.
        keys: needed where peppers are used: a key provider, or a function from a key id to a key.
        cost: what plain Argon2id should have; a weaker one asks for a new hash.
        limits: largest Argon2id parameters to compute.
        scheme: as ``options.scheme`` of the migration, for values not migrated yet that do not say what they are.
        user: name of the user, for values not migrated yet whose scheme takes it as salt.
        salt: the salt that is kept in another column, for values not migrated yet.

    Raises FormatError where the value is broken, of an unknown kind or beyond the limits; KeyStoreError where a pepper
    is missing. After ``rehash``, store ``hash_password(password)``, or your framework's own Argon2id hash.
    """
    secret = password.encode() if isinstance(password, str) else password
    match classify(stored, scheme):
        case Kind.EMPTY | Kind.UNUSABLE:
            return PasswordCheck(False, False)
        case Kind.WRAPPED:
            ok = _check_wrapped(parse_wrapped(stored or "", limits), secret, keys)
            return PasswordCheck(ok, ok)
        case Kind.ARGON2:
            return _check_argon2(_text(stored or ""), secret, cost, limits)
        case Kind.LEGACY | Kind.UNKNOWN:
            legacy = parse_legacy(stored or "", scheme, user, salt)
            digest = derive_legacy(legacy, secret)
            ok = digest is not None and hmac.compare_digest(digest, legacy.digest)
            return PasswordCheck(ok, ok)


def hash_password(password: str | bytes, cost: Cost = DEFAULT_COST) -> str:
    """A plain Argon2id PHC string, to be stored after a login that asked for ``rehash``."""
    secret = password.encode() if isinstance(password, str) else password
    salt = secrets.token_bytes(argon2id.SALT)
    tag = argon2id.derive(secret, salt, cost)
    return f"$argon2id$v=19${cost.text}${_phc(salt)}${_phc(tag)}"


def wrapped_length(cost: Cost, pepper_id: str, salt_chars: int) -> int:
    """Characters of the longest wrapped form, for inner salts that take up to ``salt_chars``."""
    inner = len("p256,,") + len(str(MAX_PBKDF2_ITERATIONS)) + salt_chars
    bcrypt = len("bc2b,16,") + 22
    outer = len(PREFIX) + len(f"{cost.memory},{cost.passes},{cost.lanes}") + 1 + len(pepper_id) + 1 + 22 + 1 + 43 + 1
    return outer + max(inner, bcrypt)


def inner_salt_chars(old: str | bytes | LegacyHash) -> int:
    """Characters that the salt of an old hash takes in the wrapped form. Raises FormatError."""
    return len(_salt_text(_legacy(old).salt))


def _check_wrapped(wrapped: WrappedHash, password: bytes, keys: KeySource | None) -> bool:
    pepper = None
    if wrapped.pepper:
        if keys is None:
            raise KeyStoreError(f"The password hash needs the pepper {wrapped.pepper}", "Pass the keys")
        pepper = lookup(keys, wrapped.pepper)
    digest = derive_legacy(wrapped.inner, password)
    if digest is None:
        return False
    return hmac.compare_digest(_outer(digest, wrapped.salt, wrapped.cost, pepper, len(wrapped.tag)), wrapped.tag)


def _check_argon2(stored: str, password: bytes, wanted: Cost, limits: Limits) -> PasswordCheck:
    found = _ARGON2.fullmatch(stored)
    if found is None:
        raise FormatError("The Argon2 password hash is broken", "Reset the password")
    numbers = [int(part[2:]) if len(part) < 13 else 2**63 for part in found[2].split(",")]
    cost = _bounded(Cost(*numbers), limits)
    salt, tag = _unphc(found[3]), _unphc(found[4])
    if not 8 <= len(salt) <= 64 or not 16 <= len(tag) <= 128:
        raise FormatError("The Argon2 password hash is broken", "Reset the password")
    kind = argon2id.Kind(found[1])
    ok = hmac.compare_digest(argon2id.derive(password, salt, cost, len(tag), kind), tag)
    weaker = kind is not argon2id.Kind.ID or cost.memory * cost.passes < wanted.memory * wanted.passes
    return PasswordCheck(ok, ok and weaker)


def _outer(digest: bytes, salt: bytes, cost: Cost, pepper: KeyLike | None, length: int) -> bytes:
    if pepper is not None:
        key = secret_of(pepper)
        if pepper.algorithm != "PEPPER" or len(key) < MIN_SHARED_SECRET:
            raise KeyStoreError(f"The key {pepper.id} ({pepper.algorithm}) is no pepper", "Name a key of kind PEPPER")
        digest = hmac.digest(key, digest, "sha256")
    return argon2id.derive(digest, salt, cost, length)


def _bounded(cost: Cost, limits: Limits) -> Cost:
    fits = cost.memory <= limits.memory and cost.passes <= limits.passes and cost.lanes <= limits.lanes
    if not fits or cost.passes < 1 or cost.lanes < 1 or cost.memory < 8 * cost.lanes:
        raise FormatError("The stored Argon2id parameters are out of bounds", "Reset the password, or raise the limits")
    return cost


def _legacy(old: str | bytes | LegacyHash) -> LegacyHash:
    return old if isinstance(old, LegacyHash) else parse_legacy(old)


def _rounds_text(old: LegacyHash) -> str:
    return ".".join(str(number) for number in (old.rounds, *old.block))


def _salt_text(salt: bytes) -> str:
    # Salts hold any characters; those that could be taken for separators go as base64url behind "=".
    return salt.decode("ascii") if _SAFE_SALT.fullmatch(salt) else "=" + _b64(salt)


def _salt_bytes(text: str) -> bytes:
    salt = _unb64(text[1:]) if text.startswith("=") else text.encode("ascii")
    if _salt_text(salt) != text:
        raise FormatError("The wrapped password hash is broken", "Reset the password")
    return salt


def _b64(data: bytes) -> str:
    return str(encode(data, Encoding.BASE64URL))


def _unb64(text: str) -> bytes:
    if "=" in text:
        raise FormatError("The wrapped password hash is broken", "Reset the password")
    return decode(text, Encoding.BASE64URL)


def _phc(data: bytes) -> str:
    return str(encode(data, Encoding.BASE64)).rstrip("=")


def _unphc(text: str) -> bytes:
    return decode(text + "=" * (-len(text) % 4), Encoding.BASE64)


def _text(stored: str | bytes) -> str:
    if isinstance(stored, str):
        return stored
    try:
        return stored.decode()
    except UnicodeDecodeError:
        raise FormatError("The password hash is not text", "Reset the password") from None
