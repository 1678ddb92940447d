"""Wrapped keys in several layers: what docs/FORMATS.md says of their bytes."""

from __future__ import annotations

import hmac
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hpke
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.crypto import keys as crypto_keys
from pqcore.errors import KeyStoreError
from pqcore.formats.context import Context
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import FormatError
from pqcore.formats.framing import frame
from pqcore.formats.wrapped_key import (
    MAX_LAYERS,
    SealKey,
    header_of,
    open_wrapped_key,
    parse,
    recognise,
    seal,
    seal_nested,
    sealed_length,
)
from tests.formats.keyring import key, ring

HERE = Context("data set", "documents", "wrapped_key", (42,), policy="two-layers")
DATA_KEY = bytes(range(32))
ORDERS = [
    ("kem-1024", "hybrid"),
    ("hybrid", "kem"),
    ("hybrid-1024", "kem-1024", "kem"),
    ("kem", "kem-1024", "hybrid", "other-hybrid"),
]


def sealers(*names: str, variant: str = "") -> list[SealKey]:
    return [SealKey.of(key(name), variant) for name in names]


@pytest.mark.parametrize("names", ORDERS, ids=" around ".join)
@pytest.mark.parametrize("encoding", Encoding)
def test_what_was_nested_opens_in_every_encoding(names, encoding):
    layers = sealers(*names)
    sealed = seal_nested(DATA_KEY, layers, HERE)
    stored = encode(sealed, encoding)
    assert recognise(stored)
    assert open_wrapped_key(stored, ring(), HERE) == DATA_KEY
    assert parse(stored).key_ids == tuple(key(name).id for name in names)
    start = header_of([layer.layer for layer in layers], "two-layers")
    assert len(start) % 3 == 0
    assert stored.startswith(encode(start, encoding))
    assert len(sealed) == sealed_length([layer.layer for layer in layers], "two-layers", len(DATA_KEY))


@settings(max_examples=20, deadline=None)
@given(
    st.binary(min_size=1, max_size=300),
    st.permutations(["kem", "kem-1024", "hybrid", "other-hybrid"]),
    st.integers(1, 4),
)
def test_round_trip(plaintext, names, count):
    sealed = seal_nested(plaintext, sealers(*names[:count]), HERE)
    assert open_wrapped_key(sealed, ring(), HERE) == plaintext


def test_the_longest_data_key_fits_under_the_most_layers():
    sealed = seal_nested(bytes(32768), sealers("kem", "kem-1024", "hybrid", "hybrid-1024"), HERE)
    assert open_wrapped_key(sealed, ring(), HERE) == bytes(32768)


def test_one_layer_is_the_form_that_it_always_was():
    nested, single = seal_nested(DATA_KEY, sealers("kem"), HERE), seal(DATA_KEY, key("kem"), HERE)
    assert parse(nested).header == parse(single).header
    assert nested.startswith(b"pqcwk1")


def test_the_bytes_are_what_the_specification_says():
    """docs/FORMATS.md: whoever follows it with any HPKE library opens our nested values, layer by layer."""
    sealed = seal_nested(DATA_KEY, [SealKey.of(key("kem-1024")), SealKey.of(key("kem"), "SHAKE256")], HERE)
    header = b"pqcwk2" + bytes((2, 10))
    header += bytes.fromhex("0042 0002 0002 03 0a") + bytes.fromhex("0041 0011 0002 03 05")
    header += b"kem-1024:1" + b"kem:1" + b"two-layers"
    header += bytes(-len(header) % 3)
    assert sealed.startswith(header)
    body = sealed[len(header) + 2 :]
    assert int.from_bytes(sealed[len(header) : len(header) + 2], "big") == len(body) - 32
    for at, (name, kem, kdf) in enumerate(
        [("kem-1024", hpke.KEM.MLKEM1024, hpke.KDF.HKDF_SHA384), ("kem", hpke.KEM.MLKEM768, hpke.KDF.SHAKE256)]
    ):
        used = key(name)
        where = ("pqconsole context v1", "data set", "documents", "wrapped_key", "[42]", used.id, "two-layers")
        context = frame(*(part.encode() for part in where))
        enc_ct, tag = body[:-32], body[-32:]
        tagged = header + len(enc_ct).to_bytes(2, "big") + enc_ct
        statement = frame(b"pqconsole wrapped key tag v2", bytes((at,)), context, tagged)
        assert hmac.digest(used.seal_secret, statement, "sha256") == tag
        info = frame(b"pqconsole wrapped key v2", bytes((at,)), header, context)
        private = crypto_keys.kem_private(used.algorithm, used.secret)
        body = hpke.Suite(kem, kdf, hpke.AEAD.AES_256_GCM).decrypt(enc_ct, private, info)
    assert body == DATA_KEY


def test_opening_takes_every_key():
    sealed = seal_nested(DATA_KEY, sealers("kem-1024", "hybrid"), HERE)
    for missing in ("kem-1024:1", "hybrid:1"):
        held = {name: key(name.partition(":")[0]) for name in ("kem-1024:1", "hybrid:1") if name != missing}
        with pytest.raises(KeyStoreError, match=f"{missing} is not available"):
            open_wrapped_key(sealed, held.__getitem__, HERE)
        public = {**held, missing: replace(key(missing.partition(":")[0]), secret=None)}
        with pytest.raises(KeyStoreError, match="public part"):
            open_wrapped_key(sealed, public.__getitem__, HERE)


def test_a_reader_insists_on_the_outermost_key():
    sealed = seal_nested(DATA_KEY, sealers("kem-1024", "hybrid"), HERE)
    assert open_wrapped_key(sealed, ring(), replace(HERE, key_id="kem-1024:1")) == DATA_KEY
    with pytest.raises(FormatError, match="another key"):
        open_wrapped_key(sealed, ring(), replace(HERE, key_id="hybrid:1"))


def test_what_cannot_be_sealed_is_named():
    with pytest.raises(FormatError, match=f"1 to {MAX_LAYERS} layers"):
        seal_nested(DATA_KEY, sealers("kem", "kem-1024", "hybrid", "other-hybrid", "hybrid-1024"), HERE)
    with pytest.raises(KeyStoreError, match="does not seal with SHAKE128"):
        SealKey.of(key("kem"), "SHAKE128")
    with pytest.raises(KeyStoreError, match="does not seal with HKDF-SHA256"):
        SealKey.of(key("kem-1024"), "HKDF-SHA256")
    with pytest.raises(KeyStoreError, match="is not of ML-KEM-1024"):
        seal_nested(DATA_KEY, [SealKey(key("kem"), SealKey.of(key("kem-1024")).suite)], HERE)
    with pytest.raises(KeyStoreError, match="no seal secret"):
        seal_nested(DATA_KEY, [SealKey.of(replace(key("kem"), seal_secret=None))], HERE)
