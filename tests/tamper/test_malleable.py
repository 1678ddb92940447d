"""Other encodings of a valid signature: none of them may pass for the one that was made."""

from __future__ import annotations

from itertools import pairwise

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from pqcore.crypto import keys
from pqcore.formats import signature
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.framing import frame
from pqcore.formats.legacy_signature import LegacySignature, verify_legacy
from pqcore.formats.signature import Mode, countersign, verify_signature
from tests.formats.keyring import key, ring
from tests.tamper.forms import HERE, OLD, PAYLOAD, SIGNED, WHEN, each_signature, refuses, stored_here

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
HINTS = {"ML-DSA-44": (80, 4), "ML-DSA-65": (55, 6), "ML-DSA-87": (75, 8)}  # omega and k of FIPS 204


@each_signature
def test_every_changed_bit_at_the_ends_of_an_ml_dsa_signature_is_refused(form):
    stored = stored_here(form)
    length = len(signature.parse(stored).signature)
    start = len(stored) - length
    for at in (*range(start, start + 48, 5), *range(len(stored) - 90, len(stored), 3)):
        for bit in (1, 16, 128):
            refuses(form, stored[:at] + bytes((stored[at] ^ bit,)) + stored[at + 1 :])


@each_signature
def test_the_hints_have_one_encoding(form):
    """FIPS 204 checks order and padding of the hints, so that a signature has no second encoding."""
    stored = stored_here(form)
    parsed = signature.parse(stored)
    if parsed.algorithm not in HINTS:
        # a composite: the hints end where the classical half begins
        return
    omega, k = HINTS[parsed.algorithm]
    at = len(stored) - omega - k
    used = stored[-1]
    assert used <= omega
    if used < omega:
        refuses(form, stored[: at + used] + b"\1" + stored[at + used + 1 :])
        refuses(form, stored[: at + omega - 1] + b"\xff" + stored[at + omega :])
    ends = [0, *stored[at + omega :]]
    begin = at + next(start for start, end in pairwise(ends) if end - start > 1)
    swapped = stored[:begin] + stored[begin + 1 : begin + 2] + stored[begin : begin + 1] + stored[begin + 2 :]
    assert swapped != stored
    refuses(form, swapped)
    refuses(form, stored[:-1] + bytes((omega + 1,)))


def ecdsa_signature() -> bytes:
    private = keys.classical_private("ECDSA-P256", key("ecdsa").secret)
    return private.sign(PAYLOAD, ec.ECDSA(hashes.SHA256()))


def made_over(old: bytes, form: LegacySignature, name: str) -> bytes:
    return countersign(
        PAYLOAD, old, key=key("dsa"), context=HERE, old_algorithm=form, old_key_id=key(name).id, time=WHEN
    )


def test_the_other_root_of_an_ecdsa_signature_is_not_the_one_that_was_countersigned():
    """(r, n - s) verifies wherever (r, s) does; the statement binds the bytes that were there."""
    form = LegacySignature("ECDSA-P256")
    old = ecdsa_signature()
    r, s = decode_dss_signature(old)
    other = encode_dss_signature(r, P256_ORDER - s)
    verify_legacy(form, other, PAYLOAD, key("ecdsa"))
    stored = made_over(old, form, "ecdsa")
    verify_signature(stored, PAYLOAD, old, ring(), HERE)
    with pytest.raises(NotAuthentic, match="another old signature"):
        verify_signature(stored, PAYLOAD, other, ring(), HERE)


@pytest.mark.parametrize("change", ["long length", "leading zero", "trailing byte", "negative"])
def test_ecdsa_in_anything_but_der_is_refused(change):
    old = ecdsa_signature()
    r, s = decode_dss_signature(old)
    match change:
        case "long length":
            broken = old[:1] + b"\x81" + old[1:]
        case "leading zero":
            body = b"\x02" + bytes((old[3] + 1,)) + b"\0" + old[4 : 4 + old[3]] + old[4 + old[3] :]
            broken = b"\x30" + bytes((len(body),)) + body
        case "trailing byte":
            broken = old + b"\0"
        case _:
            broken = encode_dss_signature(r, s + P256_ORDER)
    with pytest.raises((FormatError, NotAuthentic)):
        verify_legacy(LegacySignature("ECDSA-P256"), broken, PAYLOAD, key("ecdsa"))


def test_ed25519_with_a_scalar_beyond_the_order_is_refused():
    old = keys.classical_private("Ed25519", key("ed").secret).sign(PAYLOAD)
    scalar = int.from_bytes(old[32:], "little") + ED25519_ORDER
    with pytest.raises((FormatError, NotAuthentic)):
        verify_legacy(LegacySignature("Ed25519"), old[:32] + scalar.to_bytes(32, "little"), PAYLOAD, key("ed"))


def test_rsa_pss_beyond_the_modulus_is_refused():
    form = LegacySignature("RSA-PSS-SHA256")
    private = keys.classical_private("RSA-2048", key("rsa").secret)
    old = private.sign(PAYLOAD, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    verify_legacy(form, old, PAYLOAD, key("rsa"))
    number = int.from_bytes(old, "big") + private.public_key().public_numbers().n
    for broken in (number.to_bytes(257, "big"), b"\0" + old, old[:-1]):
        with pytest.raises((FormatError, NotAuthentic)):
            verify_legacy(form, broken, PAYLOAD, key("rsa"))


LABELS = {
    "no context string": (None, b""),
    "another version": (None, b"pqconsole signature v2"),
    "another statement": (b"pqconsole statement v0", signature.CONTEXT_STRING),
    "the label of wrapped keys": (b"pqconsole wrapped key v1", signature.CONTEXT_STRING),
    "no label": (b"", signature.CONTEXT_STRING),
}


@pytest.mark.parametrize(("label", "context_string"), LABELS.values(), ids=LABELS)
def test_what_the_same_key_signed_under_another_context_is_no_signature_of_ours(label, context_string):
    stored = stored_here(SIGNED[1])
    form = signature.parse(stored)
    start, end = len(form.header), len(stored) - len(form.signature) - 2
    statement = signature._statement(form.header, stored[start:end], PAYLOAD, HERE)
    if label is not None:
        own = frame(b"pqconsole statement v1")
        assert statement.startswith(own)
        statement = frame(label) + statement[len(own) :]
    private = keys.mldsa_private("ML-DSA-65", key("dsa").secret)
    refuses(SIGNED[1], stored[: -len(form.signature)] + private.sign(statement, context_string))


def test_a_statement_taken_from_another_row_is_not_this_rows():
    """The body of one row's signature under the header of another: time, old signature and key do not move."""
    mine = countersign(
        PAYLOAD, OLD, key=key("dsa"), context=HERE, old_algorithm="Ed25519", old_key_id="audit:3", time=WHEN
    )
    other = countersign(
        PAYLOAD, b"older", key=key("dsa"), context=HERE, old_algorithm="Ed25519", old_key_id="audit:3", time=WHEN,
        mode=Mode.REPLACE,
    )  # fmt: skip
    length = len(signature.parse(mine).signature)
    for mixed in (mine[:-length] + other[-length:], other[:-length] + mine[-length:]):
        with pytest.raises((FormatError, NotAuthentic)):
            verify_signature(mixed, PAYLOAD, OLD, ring(), HERE)
