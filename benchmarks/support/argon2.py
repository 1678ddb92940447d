"""Argon2id of argon2-cffi against that of ``cryptography``, at the cost that new password hashes get."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from argon2.low_level import Type, hash_secret_raw
from benchmarks.support.machine import cores
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from pqcore.crypto.argon2id import DEFAULT_COST, TAG

_SALT = b"sixteen bytes of"


@dataclass(frozen=True)
class Derived:
    """Derivations per second by one library, in one thread and in a thread for each core."""

    library: str
    one: float
    all: float


def _cffi() -> bytes:
    cost = DEFAULT_COST
    return hash_secret_raw(b"password", _SALT, cost.passes, cost.memory, cost.lanes, TAG, type=Type.ID)


def _cryptography() -> bytes:
    cost = DEFAULT_COST
    kdf = Argon2id(salt=_SALT, length=TAG, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory)
    return kdf.derive(b"password")


def compare(seconds: float) -> list[Derived]:
    """Measure both, in turns of a few derivations, so that whatever else the machine does hits both alike."""
    if _cffi() != _cryptography():
        raise SystemExit("the two libraries derive different values")
    libraries = {"argon2-cffi": _cffi, "cryptography": _cryptography}
    rates: dict[str, list[float]] = {}
    for threads in (1, cores()):
        counts = dict.fromkeys(libraries, 0)
        spent = dict.fromkeys(libraries, 0.0)
        while min(spent.values()) < seconds:
            for name, derive in libraries.items():
                spent[name] += _turn(derive, threads)
                counts[name] += threads * _IN_A_TURN
        for name in libraries:
            rates.setdefault(name, []).append(counts[name] / spent[name])
    return [Derived(name, *both) for name, both in rates.items()]


_IN_A_TURN = 5


def _turn(derive: Callable[[], bytes], threads: int) -> float:
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        for done in [pool.submit(_some, derive) for _ in range(threads)]:
            done.result()
        return time.perf_counter() - began


def _some(derive: Callable[[], bytes]) -> None:
    for _ in range(_IN_A_TURN):
        derive()
