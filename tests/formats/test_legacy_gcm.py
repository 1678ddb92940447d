"""AES-GCM in every layout, against the library and against any change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_gcm import TAG, GcmLayout, GcmParts, put_together, take_apart
from pqcore.formats.legacy_wrap import Beside, LegacyWrap, WrapParameters, unwrap, wrap
from tests.formats.keyring import imported, key

FORM = LegacyWrap.AES_GCM
PARTS = GcmParts(b"nonce nonce!", b"ciphertext", b"tag tag tag tag!")


def test_a_vector_of_the_gcm_specification():
    """Test case 16 of McGrew and Viega, also in NIST's submission: 256 bits, 20 bytes of associated data."""
    kek = imported(bytes.fromhex("feffe9928665731c6d6a8f9467308308") * 2, "AES-256")
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    ciphertext = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    )
    tag = bytes.fromhex("76fc6ece0f4e1768cddf8853bb2d551b")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    opened = unwrap(FORM, nonce + ciphertext + tag, kek, WrapParameters(aad=aad))
    assert opened.startswith(bytes.fromhex("d9313225f88406e5a55909c5aff5269a"))
    assert len(opened) == 60


@pytest.mark.parametrize("layout", GcmLayout)
def test_the_name_of_a_layout_is_its_order(layout):
    stored = put_together(PARTS, layout)
    assert stored == b"".join(getattr(PARTS, name) for name in layout.value.split("-"))
    assert take_apart(stored, layout, 12) == PARTS


@pytest.mark.parametrize("layout", GcmLayout)
@pytest.mark.parametrize("nonce_beside", [True, False])
@pytest.mark.parametrize("tag_beside", [True, False])
def test_parts_in_columns_of_their_own_are_left_out(layout, nonce_beside, tag_beside):
    names = [name for name in layout.value.split("-") if name != "nonce" or not nonce_beside]
    stored = b"".join(getattr(PARTS, name) for name in names if name != "tag" or not tag_beside)
    nonce, tag = PARTS.nonce if nonce_beside else None, PARTS.tag if tag_beside else None
    assert take_apart(stored, layout, 12, nonce, tag) == PARTS
    if nonce_beside:
        with pytest.raises(FormatError, match="nonce has 11 bytes"):
            take_apart(stored, layout, 12, PARTS.nonce[:-1], tag)
    if tag_beside:
        with pytest.raises(FormatError, match="tag has 12 bytes"):
            take_apart(stored, layout, 12, nonce, PARTS.tag[:12])


@pytest.mark.parametrize("layout", GcmLayout)
@given(st.integers(0, 12 + TAG))
def test_too_short_a_value_is_refused(layout, length):
    with pytest.raises(FormatError, match="too few"):
        take_apart(bytes(length), layout, 12)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(GcmLayout),
    st.sampled_from(["aes-128", "aes-192", "aes"]),
    st.integers(8, 32),
    st.binary(max_size=20),
    st.binary(min_size=1, max_size=64),
    st.data(),
)
def test_values_come_back_and_tell_any_change(layout, name, nonce_bytes, aad, plaintext, data):
    parameters = WrapParameters(gcm_layout=layout, nonce_bytes=nonce_bytes, aad=aad)
    wrapped = wrap(FORM, plaintext, key(name), parameters)
    assert unwrap(FORM, wrapped, key(name), parameters) == plaintext
    parts = take_apart(wrapped, layout, nonce_bytes)
    assert AESGCM(key(name).secret).decrypt(parts.nonce, parts.ciphertext + parts.tag, aad) == plaintext
    bit = data.draw(st.integers(0, 8 * len(wrapped) - 1))
    changed = bytearray(wrapped)
    changed[bit // 8] ^= 1 << bit % 8
    for damaged in (bytes(changed), wrapped[:-1], wrapped[1:], wrapped + b"\0", b"\0" + wrapped):
        with pytest.raises((FormatError, NotAuthentic)):
            unwrap(FORM, damaged, key(name), parameters)
    for other in (
        WrapParameters(gcm_layout=layout, nonce_bytes=nonce_bytes, aad=aad + b"!"),
        WrapParameters(gcm_layout=layout, nonce_bytes=nonce_bytes + 1, aad=aad),
    ):
        with pytest.raises((FormatError, NotAuthentic)):
            unwrap(FORM, wrapped, key(name), other)


class Elsewhere:
    """A service that keeps the key ``aes``."""

    def open(self, form, wrapped, parameters):
        return unwrap(form, wrapped, key("aes"), parameters)


def test_a_service_that_keeps_the_key_is_given_the_whole_value():
    parts = take_apart(wrap(FORM, b"a data key", key("aes")), GcmLayout.NONCE_CIPHERTEXT_TAG, 12)
    remote = replace(key("aes"), secret=None, remote=Elsewhere())
    for layout in GcmLayout:
        parameters = WrapParameters(gcm_layout=layout)
        assert unwrap(FORM, put_together(parts, layout), remote, parameters) == b"a data key"
        assert unwrap(FORM, parts.ciphertext, remote, parameters, Beside(parts.nonce, parts.tag)) == b"a data key"


def test_parts_beside_open_too():
    parts = take_apart(wrap(FORM, b"a data key", key("aes")), GcmLayout.NONCE_CIPHERTEXT_TAG, 12)
    assert unwrap(FORM, parts.ciphertext, key("aes"), beside=Beside(parts.nonce, parts.tag)) == b"a data key"
    with pytest.raises(NotAuthentic):
        unwrap(FORM, parts.ciphertext, key("aes"), beside=Beside(parts.nonce, bytes(16)))
