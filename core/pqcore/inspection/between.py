"""A key value between two others: where to look next in a table too large to be counted through."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

_DEEP = 12  # characters or bytes of a text that are told apart


def between(low: Any, high: Any, fraction: float) -> Any:
    """A value of the same type about ``fraction`` (0 to 1) of the way from ``low`` to ``high``.

    It need not exist, and for text need not stand exactly there in the database's order: it is a place to begin to
    look. Returns ``low`` for types between whose values nothing can be named.
    """
    match low, high:
        case (bool(), _) | (_, bool()):
            return low
        case int(), int():
            return low + int((high - low) * fraction)
        case Decimal(), Decimal():
            return low + (high - low) * Decimal(str(round(fraction, 9)))
        case uuid.UUID(), uuid.UUID():
            return uuid.UUID(int=low.int + int((high.int - low.int) * fraction))
        case dt.datetime(), dt.datetime():
            return low + (high - low) * fraction
        case dt.date(), dt.date():
            return low + dt.timedelta(days=int((high - low).days * fraction))
        case str(), str():
            return _text(low, high, fraction)
        case (bytes(), bytes()):
            return _bytes(low, high, fraction)
    return low


def _bytes(low: bytes, high: bytes, fraction: float) -> bytes:
    shared = _shared(low, high)
    width = _DEEP
    start = int.from_bytes(low[shared : shared + width].ljust(width, b"\0"), "big")
    end = int.from_bytes(high[shared : shared + width].ljust(width, b"\0"), "big")
    if end <= start:
        return low
    return low[:shared] + (start + int((end - start) * fraction)).to_bytes(width, "big")


def _text(low: str, high: str, fraction: float) -> str:
    """As numbers of digits 0-9 and letters where both are made of those, so that keys with numbers in them spread."""
    shared = _shared(low, high)
    alphabet = _alphabet(low[shared : shared + _DEEP] + high[shared : shared + _DEEP])
    if alphabet is None:
        return low
    start, end = (_number(text[shared : shared + _DEEP], alphabet) for text in (low, high))
    if end <= start:
        return low
    number, letters = start + int((end - start) * fraction), []
    for _ in range(_DEEP):
        number, digit = divmod(number, len(alphabet))
        letters.append(alphabet[digit])
    return low[:shared] + "".join(reversed(letters))


_ALPHABETS = (
    "0123456789",
    "0123456789abcdef",
    "0123456789ABCDEF",
    "-0123456789abcdef",
    "0123456789abcdefghijklmnopqrstuvwxyz",
    "".join(chr(code) for code in range(0x20, 0x7F)),
)


def _alphabet(text: str) -> str | None:
    return next((alphabet for alphabet in _ALPHABETS if set(text) <= set(alphabet)), None)


def _number(text: str, alphabet: str) -> int:
    number = 0
    for letter in text.ljust(_DEEP, alphabet[0]):
        number = number * len(alphabet) + alphabet.index(letter)
    return number


def _shared(low: Any, high: Any) -> int:
    count = 0
    for one, other in zip(low, high, strict=False):
        if one != other:
            break
        count += 1
    return count
