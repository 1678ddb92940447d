"""liboqs: found or not found without a side effect, and where it is there, held against ``cryptography``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pqcore.crypto import agreement, keys, liboqs, signing
from pqcore.crypto.catalogue import CATALOGUE, find, migratable_to
from pqcore.errors import KeyStoreError
from pqcore.formats import signature
from pqcore.formats.context import Context
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.keys.lifecycle import rotate
from pqcore.keys.memory import MemoryKeyProvider

REPORT = """
import sys
from pqcore.crypto import liboqs
from pqcore.crypto.catalogue import migratable_to
found = liboqs.status()
names = [a.name for a in migratable_to("signatures")]
print(repr((found.version, found.reason, "oqs" in sys.modules, any(n.startswith(("SLH", "Falcon")) for n in names))))
"""
# with nothing in the places where libraries are looked for: the report of a machine without liboqs
BARE = {"PATH": "", "HOME": "/nonexistent", "LD_LIBRARY_PATH": ""}


def reported(script: str = REPORT, **environment: str) -> tuple[str, str, bool, bool]:
    """What a fresh process says of liboqs, which has to be all that it prints."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("OQS_INSTALL_PATH", "LD_LIBRARY_PATH")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        env={**inherited, **environment},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    return eval(done.stdout)  # what REPORT printed


def library(folder: Path, *, target: Path | None = None, content: bytes = b"") -> str:
    """An OQS_INSTALL_PATH whose liboqs is a link to ``target`` or has this content."""
    place = folder / "lib" / ("liboqs.dylib" if sys.platform == "darwin" else "liboqs.so")
    place.parent.mkdir(parents=True)
    if target is None:
        place.write_bytes(content)
    else:
        place.symlink_to(target)
    return str(folder)


without = pytest.mark.skipif(liboqs.status().version != "", reason="liboqs is installed for all programs here")


@without
def test_a_missing_library_means_not_available_and_nothing_is_imported_or_built() -> None:
    assert reported(**BARE) == ("", "its native library is not installed", False, False)


@without
def test_a_broken_library_means_not_available(tmp_path: Path) -> None:
    version, reason, imported, usable = reported(**BARE, OQS_INSTALL_PATH=library(tmp_path, content=b"not a library"))
    assert (version, imported, usable) == ("", False, False)
    assert re.fullmatch(r"the native library /.*/lib/liboqs\.\w+ cannot be loaded", reason)


@without
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="another library is found in /proc")
def test_an_old_library_means_not_available(tmp_path: Path) -> None:
    """Any library without the functions that are needed will do: here that of the C language."""
    maps = Path("/proc/self/maps").read_text()
    found = re.search(r"/\S*/libc(?:\.so\.6|-[\d.]+\.so|\.musl\S*)$", maps, re.MULTILINE)
    assert found is not None
    install = library(tmp_path, target=Path(found[0]))
    version, reason, imported, usable = reported(**BARE, OQS_INSTALL_PATH=install)
    assert (version, imported, usable) == ("", False, False)
    assert reason == "the native library liboqs is too old, it has no OQS_init"


def test_without_the_package_no_library_is_even_looked_for() -> None:
    script = f"""
import ctypes.util, importlib.metadata
def missing(name): raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.distribution = missing
def looked(name): raise AssertionError(name)
ctypes.util.find_library = looked
{REPORT}"""
    assert reported(script) == ("", "liboqs-python is not installed", False, False)


@without
def test_what_needs_it_says_so() -> None:
    for use in (
        lambda: keys.generate("SLH-DSA-SHA2-128s"),
        lambda: liboqs.sign("Falcon-512", bytes(1281), b"m"),
        lambda: signing.verify("SLH-DSA-SHAKE-256f", bytes(64), b"m", bytes(49856), b"c"),
    ):
        with pytest.raises(KeyStoreError, match=r"is not available here: .*pqconsole\[oqs\]"):
            use()


def test_its_keys_can_be_held_and_its_signatures_parsed_without_it() -> None:
    """A keyring with such keys, and a column with such signatures, do not break where liboqs is gone."""
    slh, falcon = bytes(range(64)), bytes(1281) + b"\x09" * 897
    assert keys.public_of("SLH-DSA-SHA2-128s", slh) == slh[32:]
    assert keys.public_of("Falcon-512", falcon) == falcon[1281:]
    assert keys.identify(slh, "sphincs+-sha2-128s-simple") == ("SLH-DSA-SHA2-128s", slh, slh[32:])
    assert keys.identify(falcon, "FN-DSA-512") == ("Falcon-512", falcon, falcon[1281:])
    assert keys.identify(slh[:32], "SLH-DSA-SHA2-128s") == ("SLH-DSA-SHA2-128s", None, slh[:32])
    for broken in (slh[:-1], b"", slh + b"\0"):
        with pytest.raises(KeyStoreError, match="has 64 bytes"):
            keys.public_of("SLH-DSA-SHA2-128s", broken)
    with pytest.raises(KeyStoreError, match="has 2178 bytes"):
        keys.falcon_parts("Falcon-512", falcon[:-1])
    assert len(signature.header("SLH-DSA-SHAKE-256f", signature.Mode.REPLACE, "k:1")) % 3 == 0


with_liboqs = pytest.mark.skipif(
    liboqs.status().version == "", reason=f"liboqs is not available: {liboqs.status().reason}"
)
SIGNERS = [a.name for a in migratable_to("signatures") if liboqs.has(a.name) and a.name not in keys.MLDSA_ALGORITHMS]
QUICK = [name for name in SIGNERS if name.endswith(("f", "512", "1024"))]
HERE = Context("data set", "audit", "signature", (1,))


@with_liboqs
def test_it_is_loaded_without_a_word() -> None:
    assert reported(**{k: os.environ[k] for k in ("OQS_INSTALL_PATH", "LD_LIBRARY_PATH") if k in os.environ}) == (
        liboqs.status().version,
        "",
        True,
        bool(SIGNERS),
    )


@with_liboqs
@pytest.mark.parametrize("algorithm", keys.MLKEM_ALGORITHMS)
def test_ml_kem_agrees_with_cryptography_both_ways(algorithm: str) -> None:
    for _ in range(20):
        assert agreement.same_kem(algorithm)


@with_liboqs
@pytest.mark.parametrize("algorithm", keys.MLDSA_ALGORITHMS)
def test_ml_dsa_agrees_with_cryptography_both_ways(algorithm: str) -> None:
    for _ in range(10):
        assert agreement.same_signatures(algorithm)
    material = keys.generate(algorithm)
    signed = signing.sign(algorithm, material.secret, b"m", b"c")
    assert not liboqs.verify(algorithm, material.public or b"", b"m", signed[:-1] + bytes((signed[-1] ^ 1,)), b"c")


@with_liboqs
@pytest.mark.parametrize("algorithm", [a for a in CATALOGUE if liboqs.has(a.name)], ids=lambda a: a.label)
def test_lengths_are_those_of_the_catalogue(algorithm: object) -> None:
    expected = {k: v for k, v in algorithm.sizes.items() if k != "shared_secret"}  # type: ignore[attr-defined]
    assert liboqs.lengths(algorithm.name) == expected  # type: ignore[attr-defined]


@with_liboqs
@pytest.mark.parametrize("algorithm", QUICK)
def test_countersignatures_through_the_whole_format(algorithm: str) -> None:
    ring = MemoryKeyProvider()
    ring.generate("signer", algorithm)
    key = ring.get("signer")
    stored = signature.countersign(
        b"payload",
        b"old",
        key=key,
        context=HERE,
        old_algorithm="Ed25519",
        old_key_id="k:1",
        time=datetime(2026, 1, 2, tzinfo=UTC),
    )
    form = signature.verify_signature(stored, b"payload", b"old", ring, HERE)
    assert (form.algorithm, form.key_id) == (algorithm, "signer:1")
    assert len(stored) <= signature.stored_length(algorithm, "signer:1", "Ed25519", "k:1")
    with pytest.raises(NotAuthentic):
        signature.verify_signature(stored, b"payload!", b"old", ring, HERE)
    with pytest.raises(NotAuthentic):
        signature.verify_signature(stored, b"payload", b"old", ring, replace(HERE, row_key=(2,)))
    for at in (*range(6, 60), *range(60, len(stored), max(1, len(stored) // 40)), len(stored) - 1):
        broken = stored[:at] + bytes((stored[at] ^ 1,)) + stored[at + 1 :]
        with pytest.raises((FormatError, NotAuthentic, KeyStoreError)):
            signature.verify_signature(broken, b"payload", b"old", ring, HERE)
    with pytest.raises((FormatError, NotAuthentic)):
        signature.verify_signature(stored + b"\0", b"payload", b"old", ring, HERE)


@with_liboqs
@pytest.mark.parametrize("algorithm", keys.MLDSA_ALGORITHMS)
def test_an_expanded_ml_dsa_key_signs_through_liboqs_and_verifies_everywhere(algorithm: str) -> None:
    provider = MemoryKeyProvider()
    provider.generate("signer", algorithm, expanded=True)
    key = provider.get("signer")
    assert key.secret is not None
    assert key.public is not None
    assert keys.public_of(algorithm, key.secret) == key.public
    signed = signing.sign(algorithm, key.secret, b"message", b"context")
    assert signing.verify(algorithm, key.public, b"message", signed, b"context")
    assert not signing.verify(algorithm, key.public, b"message", signed, b"another")
    # its next version has its form, and it can be moved as it is
    rotate(provider, "signer")
    assert keys.expanded_parts(algorithm, provider.get("signer:2").secret or b"") is not None
    assert keys.identify(key.secret, algorithm) == (algorithm, key.secret, key.public)


@without
def test_an_expanded_key_needs_liboqs() -> None:
    with pytest.raises(KeyStoreError, match="not available here"):
        keys.generate("ML-DSA-65", expanded=True)


@pytest.mark.parametrize("algorithm", ["ML-KEM-768+X25519", "SLH-DSA-SHA2-128f", "PEPPER", "ML-DSA-65+Ed25519"])
def test_only_ml_dsa_has_an_expanded_form(algorithm: str) -> None:
    with pytest.raises(KeyStoreError, match="one form only"):
        keys.generate(algorithm, expanded=True)


def test_an_expanded_key_of_a_wrong_length_is_no_key() -> None:
    entry = find("ML-DSA-65")
    whole = bytes((entry.secret_key or 0) + (entry.public_key or 0))
    for wrong in (whole[:-1], whole + b"\0", whole[: entry.secret_key]):
        with pytest.raises(KeyStoreError):
            keys.identify(wrong, "ML-DSA-65")


@with_liboqs
def test_every_length_is_checked() -> None:
    material = keys.generate("Falcon-512")
    private, public = keys.falcon_parts("Falcon-512", material.secret)
    for broken in (private[:-1], private + b"\0", b""):
        with pytest.raises(KeyStoreError, match="private key of Falcon-512 has 1281"):
            liboqs.sign("Falcon-512", broken, b"m")
    for broken in (public[:-1], public + b"\0", b""):
        with pytest.raises(KeyStoreError, match="public key of Falcon-512 has 897"):
            liboqs.verify("Falcon-512", broken, b"m", b"s")
    for broken in (b"", bytes(753), bytes(752)):
        assert not liboqs.verify("Falcon-512", public, b"m", broken)
    kem = keys.generate("ML-KEM-768")
    for ciphertext in (bytes(1087), bytes(1089), b""):
        with pytest.raises(KeyStoreError, match="ciphertext of ML-KEM-768 has 1088"):
            liboqs.decapsulate("ML-KEM-768", kem.secret, ciphertext)
    with pytest.raises(KeyStoreError, match="seed of ML-KEM-768 has 64"):
        liboqs.kem_public("ML-KEM-768", kem.secret[:-1])
    with pytest.raises(KeyStoreError, match="public key of ML-KEM-768 has 1184"):
        liboqs.encapsulate("ML-KEM-768", (kem.public or b"")[:-1])


@with_liboqs
def test_threads_share_it() -> None:
    made = {
        name: keys.generate(name) for name in ("Falcon-512", "Falcon-1024", "SLH-DSA-SHAKE-128f") if name in SIGNERS
    }

    def work(number: int) -> bool:
        name = list(made)[number % len(made)]
        message = f"message {number}".encode()
        signed = signing.sign(name, made[name].secret, message, b"c")
        good = signing.verify(name, made[name].public or b"", message, signed, b"c")
        return good and not signing.verify(name, made[name].public or b"", message + b"!", signed, b"c")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(24)))


def test_the_numbers_stored_are_the_last_arcs_of_the_standards_identifiers() -> None:
    """FIPS 205 under NIST's sigAlgs: sha2-128s is 20, shake-256f is 31."""
    numbers = {name: signature.header(name, signature.Mode.REPLACE, "k:1")[6] for name in liboqs.SLH_DSA}
    assert (numbers["SLH-DSA-SHA2-128s"], numbers["SLH-DSA-SHA2-256f"]) == (20, 25)
    assert (numbers["SLH-DSA-SHAKE-128s"], numbers["SLH-DSA-SHAKE-256f"]) == (26, 31)
    assert [find(name).name for name in liboqs.SLH_DSA] == list(liboqs.SLH_DSA)
