"""Composite ML-DSA by the draft's construction, taken apart and put together again from its halves."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from pqcore.crypto import composite, keys, signing
from pqcore.crypto.catalogue import COMPOSITE_DRAFT, find
from pqcore.errors import KeyStoreError

NAMES = list(composite.COMPOSITES)
ECDSA = [name for name in NAMES if "ECDSA" in name]
MESSAGE, CONTEXT = b"message", b"context"
# label, hash of the message, and the curve with its hash, as the draft lists them
DRAFT = {
    "ML-DSA-44+Ed25519": (b"COMPSIG-MLDSA44-Ed25519-SHA512", hashlib.sha512, None),
    "ML-DSA-44+ECDSA-P256": (b"COMPSIG-MLDSA44-ECDSA-P256-SHA256", hashlib.sha256, (ec.SECP256R1, hashes.SHA256())),
    "ML-DSA-65+Ed25519": (b"COMPSIG-MLDSA65-Ed25519-SHA512", hashlib.sha512, None),
    "ML-DSA-65+ECDSA-P256": (b"COMPSIG-MLDSA65-ECDSA-P256-SHA512", hashlib.sha512, (ec.SECP256R1, hashes.SHA256())),
    "ML-DSA-65+ECDSA-P384": (b"COMPSIG-MLDSA65-ECDSA-P384-SHA512", hashlib.sha512, (ec.SECP384R1, hashes.SHA384())),
    "ML-DSA-87+ECDSA-P384": (b"COMPSIG-MLDSA87-ECDSA-P384-SHA512", hashlib.sha512, (ec.SECP384R1, hashes.SHA384())),
}


@pytest.fixture(scope="module")
def pairs():
    return {name: keys.generate(name) for name in NAMES}


def halves(name, pair, signature):
    """ML-DSA name, its public key and signature, and the classical ones."""
    level = name.partition("+")[0]
    key, length = find(level).public_key, find(level).signature
    return level, pair.public[:key], signature[:length], pair.public[key:], signature[length:]


@pytest.mark.parametrize("name", NAMES)
def test_both_halves_sign_what_the_draft_says(name, pairs):
    label, digest, curve = DRAFT[name]
    signature = composite.sign(name, pairs[name].secret, MESSAGE, CONTEXT)
    level, ml_public, ml_signature, public, second = halves(name, pairs[name], signature)
    representative = b"CompositeAlgorithmSignatures2025" + label + bytes((7,)) + CONTEXT + digest(MESSAGE).digest()
    keys.mldsa_public(level, ml_public).verify(ml_signature, representative, label)
    if curve is None:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(second, representative)
    else:
        assert public[0] == 4
        key = ec.EllipticCurvePublicKey.from_encoded_point(curve[0](), public)
        key.verify(second, representative, ec.ECDSA(curve[1]))


@pytest.mark.parametrize("name", NAMES)
def test_a_composite_holds_only_where_both_halves_do(name, pairs):
    pair, other = pairs[name], keys.generate(name)
    mine, theirs = (composite.sign(name, p.secret, MESSAGE, CONTEXT) for p in (pair, other))
    at = find(name.partition("+")[0]).signature
    assert signing.verify(name, pair.public, MESSAGE, mine, CONTEXT)
    for mixed in (mine[:at] + theirs[at:], theirs[:at] + mine[at:], theirs, mine[:at], mine[at:], b""):
        assert not signing.verify(name, pair.public, MESSAGE, mixed, CONTEXT)
    assert not signing.verify(name, pair.public, MESSAGE + b"!", mine, CONTEXT)
    assert not signing.verify(name, pair.public, MESSAGE, mine, b"")
    assert not signing.verify(name, pair.public, MESSAGE, mine + b"\0", CONTEXT)


@pytest.mark.parametrize("name", NAMES)
def test_a_half_taken_out_is_no_signature_of_its_own(name, pairs):
    signature = composite.sign(name, pairs[name].secret, MESSAGE, CONTEXT)
    level, ml_public, ml_signature, _, _ = halves(name, pairs[name], signature)
    for message in (MESSAGE, hashlib.sha512(MESSAGE).digest()):
        with pytest.raises(InvalidSignature):
            keys.mldsa_public(level, ml_public).verify(ml_signature, message, CONTEXT)


@pytest.mark.parametrize("name", ECDSA)
def test_the_other_root_of_ecdsa_is_refused_where_we_read(name, pairs):
    at, order = find(name.partition("+")[0]).signature, composite.COMPOSITES[name].half.order
    for _ in range(4):
        signature = composite.sign(name, pairs[name].secret, MESSAGE, CONTEXT)
        r, s = decode_dss_signature(signature[at:])
        assert 2 * s <= order
        other = signature[:at] + encode_dss_signature(r, order - s)
        assert composite.verify(name, pairs[name].public, MESSAGE, other, CONTEXT)
        assert not signing.verify(name, pairs[name].public, MESSAGE, other, CONTEXT)


@pytest.mark.parametrize("name", ECDSA)
def test_the_ec_private_key_is_that_of_rfc_5915_without_a_public_key(name, pairs):
    key = serialization.load_der_private_key(pairs[name].secret[32:], None)
    length = (key.curve.key_size + 7) // 8
    assert key.private_numbers().private_value.to_bytes(length, "big") in pairs[name].secret
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    assert pairs[name].public.endswith(point)
    assert point[1:] not in pairs[name].secret


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_checked(name, pairs):
    pair = pairs[name]
    assert composite.public_of(name, pair.secret) == pair.public
    assert len(pair.public) == find(name).public_key == composite.COMPOSITES[name].public_length
    for broken in (pair.secret[:-1], pair.secret + b"\0", pair.secret[:32], b""):
        with pytest.raises(KeyStoreError, match="private key is not"):
            composite.sign(name, broken, MESSAGE, CONTEXT)
    for broken in (pair.public[:-1], pair.public + b"\0", b"", pair.public[:-65] + b"\x02" + pair.public[-64:]):
        if broken != pair.public and not (name.endswith("Ed25519") and len(broken) == len(pair.public)):
            with pytest.raises(KeyStoreError, match="public key is not"):
                composite.verify(name, broken, MESSAGE, b"", CONTEXT)
    assert keys.identify(pair.secret, name) == (name, pair.secret, pair.public)
    assert keys.identify(pair.public, name) == (name, None, pair.public)


def test_the_draft_is_named_and_stored():
    assert f"draft-ietf-lamps-pq-composite-sigs-{composite.DRAFT}" == COMPOSITE_DRAFT
    assert all(signing.REVISIONS[name] == composite.DRAFT for name in NAMES)
    assert {find(name).standard for name in NAMES} == {COMPOSITE_DRAFT}
