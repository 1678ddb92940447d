"""Check values of data keys."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.key_check import KeyCheck, check_value, verify_check

AES = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")


@pytest.mark.parametrize(
    ("kind", "data_key", "expected"),
    [
        # FIPS 197 under a key of zeros: what HSMs show for it
        (KeyCheck.AES_ECB, bytes(16), "66e94b"),
        (KeyCheck.AES_ECB, bytes(24), "aae069"),
        (KeyCheck.AES_ECB, bytes(32), "dc95c0"),
        # FIPS 180-4
        (KeyCheck.SHA1, b"abc", "a9993e"),
        (KeyCheck.SHA256, b"abc", "ba7816bf"),
    ],
)
def test_known_values(kind, data_key, expected):
    assert check_value(kind, data_key).hex().startswith(expected)
    verify_check(kind, data_key, bytes.fromhex(expected))


def test_cmac_is_over_a_block_of_zeros():
    """SP 800-38B gives L = AES(zeros); the one-block CMAC of zeros is AES(K1), where K1 is L doubled."""
    subkey = int.from_bytes(check_value(KeyCheck.AES_ECB, AES), "big") << 1
    subkey = (subkey ^ 0x87) & (2**128 - 1) if subkey >> 128 else subkey
    assert subkey.to_bytes(16, "big").hex() == "fbeed618357133667c85e08f7236a8de"  # K1 of SP 800-38B, D.1
    expected = Cipher(algorithms.AES(AES), modes.ECB()).encryptor().update(subkey.to_bytes(16, "big"))
    assert check_value(KeyCheck.AES_CMAC, AES) == expected


@given(st.sampled_from(KeyCheck), st.sampled_from([16, 24, 32]), st.data())
def test_another_key_does_not_pass(kind, length, data):
    data_key = data.draw(st.binary(min_size=length, max_size=length))
    stored = check_value(kind, data_key)[: data.draw(st.integers(3, 16))]
    verify_check(kind, data_key, stored)
    changed = bytearray(stored)
    changed[data.draw(st.integers(0, len(stored) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(NotAuthentic):
        verify_check(kind, data_key, bytes(changed))


@pytest.mark.parametrize("kind", KeyCheck)
@pytest.mark.parametrize("stored", [b"", b"ab", bytes(40)])
def test_lengths_are_held_to(kind, stored):
    with pytest.raises(FormatError, match="check value"):
        verify_check(kind, AES, stored)


@pytest.mark.parametrize("kind", [KeyCheck.AES_ECB, KeyCheck.AES_CMAC])
def test_keys_that_are_not_of_aes_have_none(kind):
    with pytest.raises(FormatError, match="AES keys"):
        check_value(kind, bytes(20))
