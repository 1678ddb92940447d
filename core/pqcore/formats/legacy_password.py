"""Old password hashes, read strictly and within bounds, whatever system wrote them."""

from __future__ import annotations

from pqcore.formats.errors import FormatError
from pqcore.formats.legacy_scheme import LegacyHash, Scheme, check_bounds, derive_legacy
from pqcore.formats.legacy_text import NAMED, SALT_NAMES, USER_NAMES, USERS, candidates, read_described, read_named

__all__ = [
    "NAMED",
    "SALT_NAMES",
    "USERS",
    "USER_NAMES",
    "LegacyHash",
    "Scheme",
    "as_text",
    "check_bounds",
    "derive_legacy",
    "is_legacy",
    "parse_legacy",
]


def parse_legacy(
    stored: str | bytes, scheme: str | None = None, user: str | bytes | None = None, salt: str | bytes | None = None
) -> LegacyHash:
    """Read an old hash.

    Args:
        stored: as the column holds it.
        scheme: one of ``NAMED``: what a value is that does not say what it is; never guessed.
        user: the user name, for schemes that take it as salt.
        salt: for schemes whose salt is kept beside the hash.

    Raises FormatError where it is broken, out of bounds or of no known scheme; where a scheme has to be named, the
    error says which ones it could be.
    """
    name, beside = _bytes(user), _bytes(salt)
    text = as_text(stored)
    found = None if text is None else read_described(text, name)
    if found is None and scheme is not None:
        found = read_named(stored, scheme, name, beside)
    if found is None:
        raise _unknown(stored)
    return check_bounds(found)


def is_legacy(stored: str | bytes) -> bool:
    """Whether a value says that it is an old hash, a broken one included."""
    text = as_text(stored)
    try:
        return text is not None and read_described(text, b"") is not None
    except FormatError:
        return True


def as_text(stored: str | bytes) -> str | None:
    """A value as text, None for bytes that are none."""
    if isinstance(stored, str):
        return stored
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return None


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _unknown(stored: str | bytes) -> FormatError:
    names = candidates(stored)
    if not names:
        return FormatError("The value is not a password hash of a known scheme", "See docs/FORMATS.md for the schemes")
    return FormatError(
        f"The value does not say what it is; it could be {', '.join(names)}",
        "Name the scheme in options.scheme, or as `scheme` at a login",
    )
