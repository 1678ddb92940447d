from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.formats.digest import SIZES, Style, compute, encoded_size, legacy_digest, stored, tagged, verify_digest
from pqcore.formats.encoding import Encoding
from pqcore.formats.errors import FormatError

CONTENT = "Grüße".encode()


@pytest.mark.parametrize("algorithm", SIZES)
@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("style", Style)
def test_stored_digests_verify_over_their_content_only(algorithm, encoding, style):
    old = b"" if encoding is Encoding.RAW else ""
    value = stored(algorithm, compute(algorithm, CONTENT), style, encoding, old)
    assert len(value) == encoded_size(algorithm, style, encoding)
    plain_encoding = encoding if style is Style.PLAIN else None
    check = verify_digest(value, CONTENT, algorithm=algorithm, encoding=plain_encoding)
    assert (check.ok, check.algorithm) == (True, algorithm)
    assert verify_digest(value, CONTENT.decode(), algorithm=algorithm, encoding=plain_encoding).ok
    assert not verify_digest(value, CONTENT + b"0", algorithm=algorithm, encoding=plain_encoding).ok


def test_the_tagged_form():
    value = stored("SHA3-512", compute("SHA3-512", CONTENT), Style.TAGGED, Encoding.HEX, "")
    assert value == "sha3-512:" + hashlib.sha3_512(CONTENT).hexdigest()
    assert tagged(value) == ("SHA3-512", hashlib.sha3_512(CONTENT).digest())
    with pytest.raises(FormatError, match="SHA-384 was asked for"):
        verify_digest(value, CONTENT, algorithm="SHA-384")


def test_plain_digests_are_told_by_length():
    for name in ("SHA-1", "SHA-256", "SHA-512", "SHA3-512"):
        assert verify_digest(compute(name, CONTENT).hex(), CONTENT) == verify_digest(compute(name, CONTENT), CONTENT)
        assert verify_digest(compute(name, CONTENT), CONTENT).algorithm == name
    with pytest.raises(FormatError, match="no digest"):
        verify_digest(b"\0" * 33, CONTENT)


@pytest.mark.parametrize("value", ["sha3-512:", "sha3-512:00", "sha3-512:" + "g" * 128, "sha3-512:" + "0" * 130])
def test_broken_tagged_digests_are_refused(value):
    with pytest.raises(FormatError):
        verify_digest(value, CONTENT)


def test_old_digests_are_told_by_length_or_held_to_their_name():
    sha1 = hashlib.sha1(CONTENT)
    assert legacy_digest(sha1.hexdigest().upper(), None, Encoding.HEX) == ("SHA-1", sha1.digest())
    assert legacy_digest(sha1.digest(), "SHA-1", Encoding.RAW) == ("SHA-1", sha1.digest())
    for size, name in ((16, "MD5"), (20, "SHA-1"), (28, "SHA-224"), (32, "SHA-256")):
        assert legacy_digest(bytes(size), None, Encoding.RAW) == (name, bytes(size))
    for value, name in ((sha1.digest(), "SHA-256"), (b"\0" * 17, None), (b"", None)):
        with pytest.raises(FormatError):
            legacy_digest(value, name, Encoding.RAW)


@given(st.text(max_size=200) | st.binary(max_size=200), st.sampled_from([None, *Encoding]))
def test_verifying_anything_gives_an_answer_or_a_format_error(value, encoding):
    try:
        check = verify_digest(value, CONTENT, encoding=encoding)
    except FormatError:
        return
    assert not check.ok
