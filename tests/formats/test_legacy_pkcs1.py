"""PKCS #1 v1.5 opens what is whole, and never gives noise for a data key."""

from __future__ import annotations

import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats import legacy_pkcs1
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_wrap import LegacyWrap, WrapParameters, unwrap, wrap
from tests.crypto.vectors import rsa_private, rsa_records
from tests.formats.keyring import imported, key

FORM = LegacyWrap.RSA_PKCS1
DATA_KEY = bytes(range(32))
OF_32 = WrapParameters(key_bytes=32)


def private(name: str):
    return keys.classical_private(key(name).algorithm, key(name).secret)


def test_vectors():
    seen = 0
    for number, vector in enumerate(rsa_records("asymmetric/RSA/pkcs1v15crypt-vectors.txt", "encryption")):
        message = bytes.fromhex(vector["message"])
        if number % 20 > 2 or len(message) < 8:
            continue
        kek, wrapped = imported(rsa_private(vector)), bytes.fromhex(vector["encryption"])
        assert unwrap(FORM, wrapped, kek, WrapParameters(key_bytes=len(message))) == message
        with pytest.raises(NotAuthentic):
            unwrap(FORM, wrapped, kek, WrapParameters(key_bytes=len(message) + 1))
        seen += 1
    assert seen > 30


@pytest.mark.parametrize("length", [8, 16, 24, 32, 64])
def test_round_trip(length):
    data_key = secrets.token_bytes(length)
    assert unwrap(FORM, wrap(FORM, data_key, key("rsa")), key("rsa"), WrapParameters(key_bytes=length)) == data_key


def test_the_length_of_the_data_key_has_to_be_said():
    with pytest.raises(FormatError, match="key_bytes"):
        unwrap(FORM, wrap(FORM, DATA_KEY, key("rsa")), key("rsa"))


def test_this_library_alone_would_give_noise():
    """Why all of this is needed: values that were never wrapped open to some message, some of the wanted length."""
    wrapped = wrap(FORM, DATA_KEY, key("other-rsa"))
    assert isinstance(private("rsa").decrypt(b"\0" + wrapped[1:], padding.PKCS1v15()), bytes)


def test_noise_of_the_right_length_is_refused():
    """The library's answer to a wrong padding has the length asked for, again and again: none is taken."""
    modulus = private("rsa").private_numbers().public_numbers.n
    found = 0
    for number in range(2, 3000):
        wrapped = pow(number, 65537, modulus).to_bytes(256, "big")
        if len(private("rsa").decrypt(wrapped, padding.PKCS1v15())) != 32:
            continue
        with pytest.raises(NotAuthentic):
            unwrap(FORM, wrapped, key("rsa"), OF_32)
        found += 1
        if found == 4:
            break
    assert found == 4


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2047))
def test_any_change_is_told(bit):
    changed = bytearray(wrap(FORM, DATA_KEY, key("rsa")))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(NotAuthentic):
        unwrap(FORM, bytes(changed), key("rsa"), OF_32)


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=256, max_size=256) | st.binary(max_size=300))
def test_any_bytes_are_refused(data):
    with pytest.raises((FormatError, NotAuthentic)):
        unwrap(FORM, data, key("rsa"), OF_32)


def test_another_key_does_not_open():
    for _ in range(20):
        with pytest.raises(NotAuthentic):
            unwrap(FORM, wrap(FORM, DATA_KEY, key("other-rsa")), key("rsa"), OF_32)


def test_a_twin_is_the_same_key_with_another_exponent():
    first = private("rsa")
    second = legacy_pkcs1.twin_of(first)
    third = legacy_pkcs1.twin_of(second)
    exponents = {one.private_numbers().d for one in (first, second, third)}
    assert len(exponents) == 2
    assert first.private_numbers().public_numbers == second.private_numbers().public_numbers
    assert second.decrypt(wrap(FORM, DATA_KEY, key("rsa")), padding.PKCS1v15()) == DATA_KEY


def test_a_library_that_hides_a_wrong_padding_is_not_used(monkeypatch):
    """As one would be that draws the message from the ciphertext alone: both exponents give the same."""
    assert not legacy_pkcs1.tells_paddings(private("rsa"), private("rsa"))
    monkeypatch.setattr(legacy_pkcs1, "twin_of", lambda private: private)
    legacy_pkcs1._twin.cache_clear()
    try:
        with pytest.raises(KeyStoreError, match="cannot be read safely"):
            unwrap(FORM, wrap(FORM, DATA_KEY, key("rsa")), key("rsa"), OF_32)
    finally:
        legacy_pkcs1._twin.cache_clear()


def test_a_library_that_says_no_is_enough(monkeypatch):
    monkeypatch.setattr(legacy_pkcs1, "_decrypt", lambda private, wrapped: None)
    assert legacy_pkcs1.tells_paddings(private("rsa"), private("rsa"))
