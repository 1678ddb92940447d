"""JWE and JWS: the RFCs' own examples, another library both ways, and what is refused."""

from __future__ import annotations

import base64
import json
import warnings
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe as other_jwe
from joserfc import jwk
from joserfc import jws as other_jws

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats import jwe, jws
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_signature import LegacySignature, verify_legacy
from pqcore.formats.legacy_wrap import LegacyWrap, unwrap, wrap
from tests.formats.keyring import imported, key

EXAMPLES = json.loads((Path(__file__).parent / "jose_examples.json").read_text())
DATA_KEY = bytes(range(32))
PAYLOAD = b'{"pay": 100, "to": "alice"}'
AS_JWE, ATTACHED, DETACHED = LegacyWrap.JWE, LegacySignature.JWS, LegacySignature.JWS_DETACHED


def from_jwk(description):
    """A key of the RFCs, as `keys import` takes it."""
    if description["kty"] == "oct":
        secret = base64.urlsafe_b64decode(description["k"] + "==")
        return imported(secret, f"AES-{8 * len(secret)}")
    return imported(jwk.import_key(description, description["kty"]).as_pem(private="d" in description))


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def with_header(token, header):
    """The token with another protected header; a dict, or the JSON text itself."""
    text = header if isinstance(header, str) else json.dumps(header)
    return ".".join([b64(text.encode()), *token.decode().split(".")[1:]]).encode()


def header_of(token):
    return json.loads(base64.urlsafe_b64decode(token.split(b".")[0] + b"=="))


@pytest.mark.parametrize("example", EXAMPLES["jwe"], ids=lambda e: e["source"])
def test_jwe_examples_of_the_rfcs(example):
    assert unwrap(AS_JWE, example["token"].encode(), from_jwk(example["key"])) == example["plaintext"].encode()


@pytest.mark.parametrize("example", EXAMPLES["refused"], ids=lambda e: e["source"])
def test_examples_whose_algorithm_or_compression_is_not_read(example):
    with pytest.raises(FormatError, match="not read"):
        unwrap(AS_JWE, example["token"].encode(), from_jwk(example["key"]))


KEYS = {"RSA": "rsa", "A128KW": "aes-128", "A192KW": "aes-192", "A256KW": "aes"}
AGREED = ["x25519", "ecdsa", "ecdsa-384", "ecdsa-521"]
CASES = [(alg, KEYS.get(alg, "rsa")) for alg in jwe.ALGORITHMS if not alg.startswith("ECDH")]
CASES += [(alg, name) for alg in jwe.ALGORITHMS if alg.startswith("ECDH") for name in AGREED]


@pytest.mark.parametrize("encryption", jwe.ENCRYPTIONS)
@pytest.mark.parametrize(("algorithm", "name"), CASES)
def test_every_algorithm_opens_and_tells_a_change(algorithm, name, encryption):
    token = jwe.wrap(AS_JWE, DATA_KEY, key(name), algorithm, encryption)
    assert unwrap(AS_JWE, token, key(name)) == DATA_KEY
    header, encrypted_key, nonce, ciphertext, tag = token.decode().split(".")
    for parts in (
        (header, encrypted_key[::-1], nonce, ciphertext, tag),
        (header, encrypted_key, nonce, ciphertext[::-1], tag),
        (header, encrypted_key, nonce, ciphertext, tag[::-1]),
        (header, encrypted_key, nonce, "", tag),
        (header, encrypted_key, nonce, ciphertext, tag[:-4]),
        (header, encrypted_key, nonce, ciphertext, tag + "AAAA"),
        (header, encrypted_key, nonce[:-4], ciphertext, tag),
        (header, "", nonce, ciphertext, tag),
        (header, encrypted_key, nonce, ciphertext),
        (header, encrypted_key, nonce, ciphertext, tag, ""),
        (header + "=", encrypted_key, nonce, ciphertext, tag),
        (b64(b" " + base64.urlsafe_b64decode(header + "==")), encrypted_key, nonce, ciphertext, tag),
    ):
        with pytest.raises((FormatError, NotAuthentic)):
            unwrap(AS_JWE, ".".join(parts).encode(), key(name))


def test_a_jwe_of_the_wrong_kind_of_key_is_said_so():
    for name, other in (("rsa", "aes"), ("aes", "rsa"), ("aes", "aes-128"), ("x25519", "aes"), ("rsa", "ed")):
        token = wrap(AS_JWE, DATA_KEY, key(name))
        with pytest.raises(KeyStoreError, match="needs another kind of key"):
            unwrap(AS_JWE, token, key(other))
    with pytest.raises(NotAuthentic):
        unwrap(AS_JWE, wrap(AS_JWE, DATA_KEY, key("rsa")), key("other-rsa"))
    with pytest.raises(FormatError, match="not on the curve"):
        unwrap(AS_JWE, wrap(AS_JWE, DATA_KEY, key("x25519")), key("ecdsa"))


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "dir"},
        {"alg": "RSA1_5"},
        {"alg": "PBES2-HS256+A128KW", "p2c": 10**9, "p2s": "AAAA"},
        {"alg": None},
        {"alg": ["A256KW"]},
        {"enc": "A256CBC"},
        {"enc": None},
        {"enc": {}},
        {"zip": "DEF"},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
    ],
)
def test_headers_that_are_not_read(change):
    token = wrap(AS_JWE, DATA_KEY, key("aes"))
    with pytest.raises(FormatError, match="not read"):
        unwrap(AS_JWE, with_header(token, header_of(token) | change), key("aes"))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"alg": "A256KW", "alg": "A256KW"}', "[" * 2000, "\xff"])
def test_headers_that_are_none(text):
    token = with_header(wrap(AS_JWE, DATA_KEY, key("aes")), text)
    with pytest.raises(FormatError):
        unwrap(AS_JWE, token, key("aes"))


@pytest.mark.parametrize(
    "change",
    [None, {}, {"x": 1}, {"x": "AAAA"}, {"y": "AAAA"}, {"crv": "P-384"}, {"crv": ["P-256"]}, {"d": "AAAA"}, {"x": "!"}],
)
def test_ephemeral_keys_that_are_none(change):
    token = wrap(AS_JWE, DATA_KEY, key("ecdsa"))
    header = header_of(token)
    header["epk"] = change if not change else header["epk"] | change
    with pytest.raises((FormatError, NotAuthentic)):
        unwrap(AS_JWE, with_header(token, header), key("ecdsa"))


def test_other_headers_are_left_alone():
    """The key identifier, a type, or a URL to fetch keys from: none of them is followed, all are authenticated."""
    header = {"alg": "A256KW", "enc": "A256GCM", "kid": "a", "jku": "https://keys.example", "made by": "x"}
    registry = other_jwe.JWERegistry(algorithms=["A256KW", "A256GCM"], strict_check_header=False)
    secret = jwk.OctKey.import_key({"kty": "oct", "k": b64(key("aes").secret)})
    token = other_jwe.encrypt_compact(header, DATA_KEY, secret, registry=registry).encode()
    assert unwrap(AS_JWE, token, key("aes")) == DATA_KEY
    with pytest.raises(NotAuthentic):
        unwrap(AS_JWE, with_header(token, header | {"kid": "b"}), key("aes"))


def test_an_empty_plaintext_is_no_data_key():
    with pytest.raises(FormatError, match="no data key"):
        unwrap(AS_JWE, jwe.wrap(AS_JWE, b"", key("aes")), key("aes"))


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=80) | st.lists(st.text("AQgw-_=", max_size=8), max_size=6).map(lambda x: ".".join(x).encode())
)
def test_any_bytes_are_refused_as_tokens(data):
    with pytest.raises(FormatError):
        unwrap(AS_JWE, data, key("aes"))
    for form in (ATTACHED, DETACHED):
        with pytest.raises(FormatError):
            verify_legacy(form, data, PAYLOAD, key("ed"))


@pytest.mark.parametrize("example", EXAMPLES["jws"], ids=lambda e: e["source"])
def test_jws_examples_of_the_rfcs(example):
    token, signer = example["token"].encode(), from_jwk(example["key"])
    payload = jws.attached(token)
    verify_legacy(ATTACHED, token, payload, signer)
    header, _, signature = token.split(b".")
    verify_legacy(DETACHED, header + b".." + signature, payload, signer)
    with pytest.raises(NotAuthentic):
        verify_legacy(DETACHED, header + b".." + signature, payload + b"!", signer)


ALGORITHMS = {
    **{f"{kind}{bits}": "rsa" for kind in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": "ecdsa",
    "ES384": "ecdsa-384",
    "ES512": "ecdsa-521",
    "EdDSA": "ed",
    "Ed25519": "ed",
    "Ed448": "ed448",
}


def signed(algorithm, name=None, payload=PAYLOAD, header=None):
    """A JWS made by another library."""
    signer = key(name or ALGORITHMS[algorithm])
    pem = keys.classical_private(signer.algorithm, signer.secret).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kind = "RSA" if signer.algorithm.startswith("RSA") else "OKP" if signer.algorithm.startswith("Ed") else "EC"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "EdDSA" is deprecated, and in use
        return other_jws.serialize_compact(
            {"alg": algorithm, **(header or {})}, payload, jwk.import_key(pem, kind), algorithms=[algorithm]
        ).encode()


def detached(token):
    header, _, signature = token.split(b".")
    return header + b".." + signature


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_signature_algorithm(algorithm):
    token, signer = signed(algorithm), key(ALGORITHMS[algorithm])
    verify_legacy(ATTACHED, token, PAYLOAD, signer)
    verify_legacy(DETACHED, detached(token), PAYLOAD, signer)
    header, payload, signature = token.split(b".")
    for wrong in (
        b".".join((header, b64(PAYLOAD + b"!").encode(), signature)),
        b".".join((header, payload, signature[:-4])),
        b".".join((header, payload, signature + b"AAAA")),
        b".".join((header, payload, b"")),
        b".".join((header, payload + b"=", signature)),
        with_header(token, {"alg": algorithm, "kid": "other"}),
    ):
        with pytest.raises((FormatError, NotAuthentic)):
            verify_legacy(ATTACHED, wrong, PAYLOAD, signer)


def test_eddsa_is_of_either_curve():
    verify_legacy(ATTACHED, signed("EdDSA", "ed448"), PAYLOAD, key("ed448"))
    with pytest.raises(NotAuthentic):
        verify_legacy(ATTACHED, signed("EdDSA", "ed"), PAYLOAD, key("other-ed"))
    with pytest.raises(KeyStoreError):
        verify_legacy(ATTACHED, signed("Ed25519"), PAYLOAD, key("ed448"))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256K", "rs256", "", "x" * 500, "\x1b[2J"])
def test_algorithms_that_are_not_read(algorithm):
    token = with_header(signed("RS256"), {"alg": algorithm})
    with pytest.raises(FormatError) as caught:
        verify_legacy(ATTACHED, token, PAYLOAD, key("rsa"))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("header", [{}, {"alg": None}, {"alg": 1}, {"alg": ["RS256"]}])
def test_a_jws_names_its_algorithm(header):
    with pytest.raises(FormatError, match="names no algorithm"):
        verify_legacy(ATTACHED, with_header(signed("RS256"), header), PAYLOAD, key("rsa"))


def test_the_algorithm_has_to_be_of_the_key():
    for algorithm, name in (("ES384", "ecdsa"), ("RS256", "ecdsa"), ("ES256", "rsa"), ("EdDSA", "rsa")):
        with pytest.raises((KeyStoreError, FormatError)):
            verify_legacy(ATTACHED, with_header(signed("RS256"), {"alg": algorithm}), PAYLOAD, key(name))


def test_attached_and_detached_are_never_taken_for_each_other():
    token = signed("ES256")
    with pytest.raises(FormatError, match="carries its payload"):
        verify_legacy(DETACHED, token, PAYLOAD, key("ecdsa"))
    with pytest.raises(FormatError, match="carries no payload"):
        verify_legacy(ATTACHED, detached(token), b"", key("ecdsa"))
    with pytest.raises(NotAuthentic, match="another payload"):
        verify_legacy(ATTACHED, token, PAYLOAD + b"!", key("ecdsa"))


def test_an_unencoded_payload_of_rfc_7797():
    header = {"alg": "EdDSA", "b64": False, "crit": ["b64"]}
    start = b64(json.dumps(header).encode()).encode()
    private = keys.classical_private(key("ed").algorithm, key("ed").secret)
    token = start + b".." + b64(private.sign(start + b"." + PAYLOAD)).encode()
    verify_legacy(DETACHED, token, PAYLOAD, key("ed"))
    with pytest.raises(NotAuthentic):
        verify_legacy(DETACHED, token, b64(PAYLOAD).encode(), key("ed"))
    with pytest.raises(FormatError):
        verify_legacy(ATTACHED, token, PAYLOAD, key("ed"))
    for other in (
        {"b64": False},
        {"b64": True, "crit": ["b64"]},
        {"b64": False, "crit": ["b64", "exp"], "exp": 1},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"b64": "false", "crit": ["b64"]},
    ):
        with pytest.raises(FormatError, match="critical"):
            verify_legacy(DETACHED, with_header(token, {"alg": "EdDSA", **other}), PAYLOAD, key("ed"))
