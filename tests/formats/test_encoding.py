from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.formats.encoding import Encoding, decode, encode, encode_like, encoded_length, encoding_for, sniff
from pqcore.formats.errors import FormatError

ENCODINGS = st.sampled_from(Encoding)
MAGIC = b"pqcwk1"


@given(st.binary(max_size=200), ENCODINGS)
def test_round_trip_and_length(data, encoding):
    stored = encode(data, encoding)
    assert decode(stored, encoding) == data
    assert len(stored) == encoded_length(len(data), encoding)
    if isinstance(stored, str):
        assert decode(stored.encode(), encoding) == data
        assert encode_like(data, encoding, b"as bytes") == stored.encode()


@given(st.text(max_size=40) | st.binary(max_size=40), ENCODINGS)
def test_decoding_anything_gives_bytes_or_a_format_error(value, encoding):
    try:
        data = decode(value, encoding)
    except FormatError:
        return
    assert isinstance(data, bytes)


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        ("AAA", Encoding.BASE64),  # no padding
        ("AAB=", Encoding.BASE64),  # bits behind the end
        ("AA==\n", Encoding.BASE64),
        ("A-_=", Encoding.BASE64),
        ("AA+/", Encoding.BASE64URL),
        ("AAB", Encoding.BASE64URL),
        ("AA=", Encoding.BASE64URL),
        ("abc", Encoding.HEX),
        ("ab cd", Encoding.HEX),
        ("٣٣", Encoding.HEX),
        ("text", Encoding.RAW),
    ],
)
def test_what_is_not_canonical_is_refused(value, encoding):
    with pytest.raises(FormatError):
        decode(value, encoding)


def test_what_is_allowed():
    assert decode("ABcd", Encoding.HEX) == b"\xab\xcd"
    assert decode("AA==", Encoding.BASE64URL) == decode("AA", Encoding.BASE64URL) == b"\0"
    assert decode("AAAA\nAAAA\r\n", Encoding.BASE64, line_breaks=True) == b"\0" * 6


def test_the_encoding_goes_by_the_type_of_the_value_where_none_is_set():
    assert encoding_for(b"x", None) is Encoding.RAW
    assert encoding_for("x", None) is Encoding.BASE64
    assert encoding_for("x", Encoding.HEX) is Encoding.HEX


@given(st.binary(max_size=60), ENCODINGS, st.booleans())
def test_a_magic_is_recognised_in_each_encoding(rest, encoding, as_bytes):
    stored = encode_like(MAGIC + rest, encoding, b"" if as_bytes else "")
    found = sniff(stored, MAGIC)
    assert found is not None
    assert decode(stored, found) == MAGIC + rest


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_nothing_else_is_recognised(value):
    found = sniff(value, MAGIC)
    if found is not None:
        data = value if isinstance(value, bytes) else value.encode()
        assert data.startswith((MAGIC, MAGIC.hex().encode(), b"cHFjd2sx"))
