"""liboqs through liboqs-python, where its native library is installed: SLH-DSA, Falcon, and a second opinion.

liboqs-python clones and builds liboqs when it is imported and finds no library, and it logs to standard output. So the
library is found and loaded here first, and the module is imported only where that went well. It checks no lengths (a
short key is padded, a short ciphertext opens to a random secret): every length is checked here.

Its objects are not freed by garbage collection. Those with a secret are closed, and so wiped, after each use; those
without one are made once for each algorithm and shared by all threads.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from pqcore.errors import KeyStoreError

SLH_DSA = tuple(
    f"SLH-DSA-{function}-{size}"
    for function in ("SHA2", "SHAKE")
    for size in ("128s", "128f", "192s", "192f", "256s", "256f")
)
FALCON = ("Falcon-512", "Falcon-1024")
_ML_DSA = ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
_ML_KEM = ("ML-KEM-768", "ML-KEM-1024")
_NAMES = {name: name for name in (*FALCON, *_ML_DSA, *_ML_KEM)} | {
    name: "SLH_DSA_PURE_" + name.removeprefix("SLH-DSA-").replace("-", "_").upper() for name in SLH_DSA
}
# What an older library lacks: signing with a context string, and ML-KEM keys from a seed.
_SYMBOLS = (
    "OQS_init",
    "OQS_version",
    "OQS_SIG_sign_with_ctx_str",
    "OQS_SIG_verify_with_ctx_str",
    "OQS_SIG_supports_ctx_str",
    "OQS_KEM_keypair_derand",
)
_PACKAGE = "liboqs-python"
_import_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Status:
    """What there is of liboqs here.

    Attributes:
        version: of the native library; empty where it is not available.
        reason: why it is not, without a full stop.
        algorithms: catalogue names of what it has.
    """

    version: str = ""
    reason: str = ""
    algorithms: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Loaded:
    module: Any
    status: Status


def status() -> Status:
    """Whether liboqs can be used here, and for what; looked for once in a process."""
    return _loaded().status


def has(algorithm: str) -> bool:
    """Whether this algorithm can be used through liboqs here."""
    return algorithm in status().algorithms


def generate(algorithm: str) -> tuple[bytes, bytes]:
    """Secret and public key of a new key pair. Raises KeyStoreError where liboqs or the algorithm is missing."""
    with _mechanism("Signature", algorithm) as mechanism:
        public: bytes = mechanism.generate_keypair()
        secret: bytes = mechanism.export_secret_key()
    return secret, public


def sign(algorithm: str, secret: bytes, message: bytes, context: bytes = b"") -> bytes:
    """A signature; the context string is for SLH-DSA and ML-DSA, Falcon has none. Raises KeyStoreError."""
    _context(algorithm, context)
    with _mechanism("Signature", algorithm, secret) as mechanism:
        try:
            signature: bytes = mechanism.sign_with_ctx_str(message, context) if context else mechanism.sign(message)
        except RuntimeError:
            raise KeyStoreError(f"liboqs does not sign with this key of {algorithm}", "Restore the key") from None
    return signature


def verify(algorithm: str, public: bytes, message: bytes, signature: bytes, context: bytes = b"") -> bool:
    """Whether the signature is right. Raises KeyStoreError for a public key of a wrong length."""
    _context(algorithm, context)
    mechanism = _shared("Signature", algorithm)
    _length(algorithm, "public key", public, mechanism.length_public_key)
    longest: int = mechanism.length_signature
    if not 0 < len(signature) <= longest or (algorithm not in FALCON and len(signature) != longest):
        return False
    if context:
        return bool(mechanism.verify_with_ctx_str(message, signature, context, public))
    return bool(mechanism.verify(message, signature, public))


def lengths(algorithm: str) -> dict[str, int]:
    """Lengths in bytes as the library has them: ``public_key``, ``secret_key`` and ``signature`` or ``ciphertext``."""
    kind = "KeyEncapsulation" if algorithm in _ML_KEM else "Signature"
    mechanism = _shared(kind, algorithm)
    last = "ciphertext" if algorithm in _ML_KEM else "signature"
    return {name: getattr(mechanism, f"length_{name}") for name in ("public_key", "secret_key", last)}


def kem_public(algorithm: str, seed: bytes) -> bytes:
    """The public key of an ML-KEM seed (``d | z``, 64 bytes). Raises KeyStoreError."""
    with _seeded(algorithm, seed) as (_, public):
        return public


def encapsulate(algorithm: str, public: bytes) -> tuple[bytes, bytes]:
    """Shared secret and ciphertext, in this order as in ``cryptography``. Raises KeyStoreError."""
    mechanism = _shared("KeyEncapsulation", algorithm)
    _length(algorithm, "public key", public, mechanism.length_public_key)
    try:
        ciphertext, secret = mechanism.encap_secret(public)
    except RuntimeError:
        raise KeyStoreError(f"The public key is not a key of {algorithm}", "Import the key again") from None
    return secret, ciphertext


def decapsulate(algorithm: str, seed: bytes, ciphertext: bytes) -> bytes:
    """The shared secret; another one where the ciphertext is wrong, as FIPS 203 says. Raises KeyStoreError."""
    with _seeded(algorithm, seed) as (mechanism, _):
        _length(algorithm, "ciphertext", ciphertext, mechanism.length_ciphertext)
        secret: bytes = mechanism.decap_secret(ciphertext)
    return secret


@contextmanager
def _seeded(algorithm: str, seed: bytes) -> Iterator[tuple[Any, bytes]]:
    with _mechanism("KeyEncapsulation", algorithm) as mechanism:
        _length(algorithm, "seed", seed, mechanism.length_keypair_seed)
        yield mechanism, mechanism.generate_keypair_seed(seed)


@contextmanager
def _mechanism(kind: str, algorithm: str, secret: bytes | None = None) -> Iterator[Any]:
    """An object of its own, closed and wiped at the end."""
    shared = _shared(kind, algorithm)
    if secret is not None:
        _length(algorithm, "private key", secret, shared.length_secret_key)
    with getattr(_loaded().module, kind)(_NAMES[algorithm], secret) as mechanism:
        yield mechanism


@lru_cache(maxsize=len(_NAMES))
def _shared(kind: str, algorithm: str) -> Any:
    """The one object without a secret for this algorithm. Raises KeyStoreError where it is not available."""
    found = _loaded()
    if algorithm not in found.status.algorithms:
        why = found.status.reason or f"liboqs {found.status.version} was built without it"
        raise KeyStoreError(
            f"{algorithm} is not available here: {why}", "Install liboqs and pip install 'pqconsole[oqs]'"
        )
    return getattr(found.module, kind)(_NAMES[algorithm])


def _context(algorithm: str, context: bytes) -> None:
    if context and algorithm in FALCON:
        raise ValueError("Falcon has no context string")
    if len(context) > 255:
        raise ValueError("a context string has up to 255 bytes")


def _length(algorithm: str, what: str, data: bytes, expected: int) -> None:
    if len(data) != expected:
        raise KeyStoreError(
            f"The {what} of {algorithm} has {expected} bytes, this one has {len(data)}", "Import the key again"
        )


@lru_cache(maxsize=1)
def _loaded() -> _Loaded:
    try:
        distribution(_PACKAGE)
    except PackageNotFoundError:
        return _unavailable(f"{_PACKAGE} is not installed")
    library, reason = _native()
    if library is None:
        return _unavailable(reason)
    missing = [symbol for symbol in _SYMBOLS if not hasattr(library, symbol)]
    if missing:
        return _unavailable(f"the native library liboqs is too old, it has no {missing[0]}")
    try:
        module = _import()
        enabled = {*module.get_enabled_sig_mechanisms(), *module.get_enabled_kem_mechanisms()}
        version = str(module.oqs_version())
    except (Exception, SystemExit) as error:  # whatever it does, it is only not available
        return _unavailable(f"{_PACKAGE} cannot be imported ({type(error).__name__})")
    algorithms = frozenset(name for name, theirs in _NAMES.items() if theirs in enabled)
    return _Loaded(module, Status(version, "", algorithms))


def _unavailable(reason: str) -> _Loaded:
    return _Loaded(None, Status(reason=reason))


def _native() -> tuple[ctypes.CDLL | None, str]:
    """The library that liboqs-python would take, and why there is none; it looks in the same places in this order."""
    found = [ctypes.util.find_library("liboqs"), ctypes.util.find_library("oqs")]
    folder = os.environ.get("OQS_INSTALL_PATH")
    if folder:
        suffix = ".dylib" if os.uname().sysname == "Darwin" else ".so"
        found += [str(Path(folder).absolute() / lib / f"liboqs{suffix}") for lib in ("lib", "lib64")]
    places = [path for path in found if path and (os.sep not in path or Path(path).exists())]
    for path in places:
        try:
            return ctypes.CDLL(path), ""
        except OSError:
            continue
    return None, f"the native library {places[0]} cannot be loaded" if places else "its native library is not installed"


def _import() -> Any:
    """Import ``oqs`` without a word, and without a way to build anything."""
    with _import_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where its version is not the library's
        log = logging.getLogger("oqs.oqs")
        log.disabled = True
        before = os.environ.get("PYOQS_VERSION")
        os.environ["PYOQS_VERSION"] = "none"  # no version that it could install
        try:
            module = importlib.import_module("oqs")
        finally:
            if before is None:
                del os.environ["PYOQS_VERSION"]
            else:
                os.environ["PYOQS_VERSION"] = before
        for handler in list(log.handlers):
            log.removeHandler(handler)
        return module
