"""Argon2id (RFC 9106), version 1.3, with its cost parameters as text.

Through argon2-cffi: Argon2 of ``cryptography`` 50.0 deadlocks with more than one lane in two threads. New values use
one lane.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

from pqcore.errors import UsageError

VERSION = ARGON2_VERSION
TAG = 32
SALT = 16


class Kind(StrEnum):
    """Argon2's types; the other two are for hashes that other programs made."""

    ID = "id"
    I = "i"  # noqa: E741 - its name
    D = "d"


_TYPES = {Kind.ID: Type.ID, Kind.I: Type.I, Kind.D: Type.D}


@dataclass(frozen=True, slots=True)
class Cost:
    """Memory in KiB, passes over it, lanes."""

    memory: int
    passes: int
    lanes: int = 1

    @property
    def text(self) -> str:
        """``m=19456,t=2,p=1``: a variant of the catalogue, and as in PHC strings."""
        return f"m={self.memory},t={self.passes},p={self.lanes}"


DEFAULT_COST = Cost(19456, 2)


def parse_cost(text: str) -> Cost:
    """The cost that a variant such as ``m=19456,t=2,p=1`` names. Raises UsageError."""
    found = re.fullmatch(r"m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,7})", text, re.ASCII)
    if found is None:
        raise UsageError("The cost of Argon2id cannot be read", "Write it as m=19456,t=2,p=1")
    return Cost(int(found[1]), int(found[2]), int(found[3]))


def derive(password: bytes, salt: bytes, cost: Cost, length: int = TAG, kind: Kind = Kind.ID) -> bytes:
    """The tag of ``length`` bytes. Releases the interpreter lock. Raises ValueError for parameters RFC 9106 forbids."""
    if len(salt) < 8 or length < 4 or cost.memory < 8 * cost.lanes:
        raise ValueError("Argon2id takes a salt of 8 bytes, a tag of 4 and 8 KiB for each lane at the least")
    return hash_secret_raw(
        password, salt, cost.passes, cost.memory, cost.lanes, length, type=_TYPES[kind], version=ARGON2_VERSION
    )
