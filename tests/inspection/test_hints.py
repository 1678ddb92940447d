"""What names of columns say, and what they do not."""

from __future__ import annotations

import pytest

from pqcore.formats.detection.detect import detect
from pqcore.formats.detection.forms import Basis, State, Use
from pqcore.inspection.hints import algorithm_column, declared, narrow, uses


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("password_hash", {Use.PASSWORD}),
        ("encrypted_password", {Use.PASSWORD}),
        ("userPwd", {Use.PASSWORD}),
        ("wrappedKey", {Use.WRAPPED_KEY}),
        ("enc_key", {Use.WRAPPED_KEY}),
        ("signature", {Use.SIGNATURE, Use.MAC}),
        ("email_hmac", {Use.MAC}),
        ("SHA256Checksum", {Use.DIGEST, Use.MAC}),
        ("ciphertext", {Use.CIPHERTEXT, Use.WRAPPED_KEY}),
        ("signature_alg", None),
        ("key_id", None),
        ("title", None),
        ("passenger", None),
    ],
)
def test_uses(name: str, expected: set[Use] | None) -> None:
    assert uses(name) == (None if expected is None else frozenset(expected))


def test_the_neighbour_that_names_the_algorithm() -> None:
    columns = ["title", "wrap_alg", "signature_alg", "wrapped_key", "kek_id"]
    assert algorithm_column("wrapped_key", columns) == "wrap_alg"
    assert algorithm_column("signature", columns) == "signature_alg"
    assert algorithm_column("checksum", columns) is None


def test_a_neighbour_narrows_and_a_wrong_one_changes_nothing() -> None:
    found = detect(b"\xfe" * 64)
    named = narrow(found, None, declared("ed25519"))
    assert (named.state, named.basis) == (State.RECOGNISED, Basis.DECLARED)
    assert narrow(found, None, declared("RSA-OAEP")) == found
    assert narrow(found, frozenset({Use.PASSWORD}), declared("RSA-OAEP")).basis is Basis.NAME


@pytest.mark.parametrize("text", [None, 7, b"\xff\xfe", "x" * 1000, "secret", ""])
def test_what_is_no_algorithms_name_says_nothing(text: object) -> None:
    assert declared(text) is None
