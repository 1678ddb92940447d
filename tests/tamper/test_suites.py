"""Suites, algorithms, drafts and modes changed in the header, by somebody with and without the sealer's secret."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pqcore.crypto import suites
from pqcore.errors import KeyStoreError
from pqcore.formats import signature, wrapped_key
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.wrapped_key import Accept
from tests.formats.keyring import key, ring
from tests.tamper.forms import (
    DATA_KEY,
    HERE,
    NESTED,
    WHEN,
    WRAPPED,
    each_signature,
    each_single,
    each_wrap,
    refuses,
    stored_here,
)

OTHER_NUMBERS = {
    "DHKEM(X25519)": (0x0020, 1, 2),
    "DHKEM(P-256)": (0x0010, 1, 2),
    "ML-KEM-512": (0x0040, 1, 2),
    "no KEM": (0, 1, 2),
    "AES-128-GCM": (None, None, 1),
    "ChaCha20-Poly1305": (None, None, 3),
    "export only": (None, None, 0xFFFF),
    "no KDF": (None, 0, 2),
    "SHAKE128": (None, 0x0010, 2),
    "an unknown KDF": (None, 0x7777, 2),
}


def suite_at(stored: bytes) -> int:
    """Where the numbers of the (outermost) suite begin."""
    return 8 if stored.startswith(wrapped_key.NESTED_MAGIC) else 6


def with_suite(stored: bytes, numbers: tuple[int | None, ...]) -> bytes:
    at_suite = suite_at(stored)
    old = stored[at_suite : at_suite + 6]
    new = b"".join(
        old[2 * at : 2 * at + 2] if number is None else number.to_bytes(2, "big") for at, number in enumerate(numbers)
    )
    assert new != old
    return stored[:at_suite] + new + stored[at_suite + 6 :]


@each_wrap
@pytest.mark.parametrize("numbers", OTHER_NUMBERS.values(), ids=OTHER_NUMBERS)
def test_a_suite_that_is_none_of_ours_is_refused_before_any_key_is_used(form, numbers):
    forged = with_suite(stored_here(form), numbers)
    with pytest.raises(FormatError, match="suite"):
        wrapped_key.open_wrapped_key(forged, dict[str, object]().__getitem__, HERE)


@each_wrap
@pytest.mark.parametrize("suite", suites.SUITES, ids=lambda suite: f"{suite.kem:04x}-{suite.kdf:04x}")
def test_a_header_changed_to_another_suite_of_ours_is_refused(form, suite):
    stored = stored_here(form)
    if stored[suite_at(stored) : suite_at(stored) + 6] != suite.encode():
        refuses(form, with_suite(stored, (suite.kem, suite.kdf, suite.aead)))


@each_wrap
@pytest.mark.parametrize("draft", [0, 1, 2, 4, 255])
def test_another_draft_is_refused(form, draft):
    stored = stored_here(form)
    at = suite_at(stored) + 6
    refuses(form, stored[:at] + bytes((draft,)) + stored[at + 1 :])


@pytest.mark.parametrize("magic", [b"pqcwk0", b"pqcwk3", b"pqcwk\x01", b"PQCWK1", b"pqcsg1"])
def test_another_version_of_the_form_is_refused(magic):
    for form in WRAPPED:
        refuses(form, magic + stored_here(form)[len(magic) :])


def test_the_key_decides_its_kem_and_not_the_header():
    """A sealer's tag that is right over a header with another KEM: the key is of its own algorithm alone."""
    forged = wrapped_key.seal(b"x", replace(key("kem"), info=replace(key("hybrid").info, algorithm="ML-KEM-768")), HERE)
    with pytest.raises(KeyStoreError, match="needs ML-KEM-768"):
        wrapped_key.open_wrapped_key(forged, ring(), HERE)


@each_signature
@pytest.mark.parametrize("number", [0, 1, 16, 17, 18, 19, 20, 48, 255])
def test_another_signature_algorithm_is_refused(form, number):
    stored = stored_here(form)
    at = len(signature.MAGIC)
    if stored[at] != number:
        refuses(form, stored[:at] + bytes((number,)) + stored[at + 1 :])


@each_signature
@pytest.mark.parametrize(("offset", "what"), [(1, "mode"), (2, "payload digest")])
def test_another_mode_or_payload_digest_is_refused(form, offset, what):
    stored = stored_here(form)
    at = len(signature.MAGIC) + offset
    for number in range(256):
        if number != stored[at]:
            refuses(form, stored[:at] + bytes((number,)) + stored[at + 1 :])


def test_a_shorter_signature_by_a_weaker_key_does_not_pass_under_the_stronger_keys_id():
    weak = replace(key("dsa-44"), info=replace(key("dsa-44").info, name="dsa"))
    forged = signature.countersign(
        b"p", b"o", key=weak, context=HERE, old_algorithm="Ed25519", old_key_id="audit:3", time=WHEN
    )
    assert signature.parse(forged).key_id == key("dsa").id
    with pytest.raises((KeyStoreError, NotAuthentic)):
        signature.verify_signature(forged, b"p", b"o", ring(), HERE)


@each_single
def test_one_layer_is_not_taken_for_two_nor_two_for_one(form):
    stored = stored_here(form)
    refuses(form, wrapped_key.NESTED_MAGIC + stored[len(wrapped_key.MAGIC) :])
    for nested in NESTED:
        refuses(form, wrapped_key.MAGIC + stored_here(nested)[len(wrapped_key.NESTED_MAGIC) :])


def test_a_suite_that_the_readers_policy_does_not_allow_is_refused_though_it_opens():
    stored = wrapped_key.seal(b"x", key("kem"), HERE)
    strict = Accept(frozenset({"ML-KEM-768/SHAKE256", "ML-KEM-1024"}))
    assert wrapped_key.open_wrapped_key(stored, ring(), HERE) == b"x"
    with pytest.raises(FormatError, match="uses ML-KEM-768, which is not accepted"):
        wrapped_key.open_wrapped_key(stored, ring(), HERE, strict)
    better = wrapped_key.seal(b"x", key("kem"), HERE, variant="SHAKE256")
    assert wrapped_key.open_wrapped_key(better, ring(), HERE, strict) == b"x"


def test_every_layer_has_to_be_one_that_is_allowed():
    nested = stored_here(NESTED[0])
    both = frozenset({"ML-KEM-1024", "ML-KEM-768+X25519"})
    assert wrapped_key.open_wrapped_key(nested, ring(), HERE, Accept(both, min_layers=2)) == DATA_KEY
    for one in both:
        with pytest.raises(FormatError, match="not accepted"):
            wrapped_key.open_wrapped_key(nested, ring(), HERE, Accept(both - {one}))
