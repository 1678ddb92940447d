"""Values that were cut, lengthened, or changed in one byte, in each encoding of a column."""

from __future__ import annotations

import base64

import pytest

from pqcore.formats.encoding import Encoding, decode, encode
from pqcore.formats.errors import FormatError
from tests.tamper.forms import HERE, REFUSED, each_form, refuses, stored_here

BEGINNINGS = ["", b"", "pqcwk1", b"pqcwk1", b"pqcsg1", "cHFjd2sx", "cHFjc2cx", "7071637773", b"\0" * 4096]


def positions(length: int) -> list[int]:
    """Every byte of the header, the ids and the end, and a sample of what lies between."""
    edge = 140
    return sorted({*range(min(edge, length)), *range(max(0, length - edge), length), *range(0, length, 29)})


@each_form
@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_every_changed_byte_is_refused(form, mask):
    stored = stored_here(form)
    for at in positions(len(stored)):
        refuses(form, stored[:at] + bytes((stored[at] ^ mask,)) + stored[at + 1 :])


@each_form
@pytest.mark.parametrize("encoding", [Encoding.HEX, Encoding.BASE64, Encoding.BASE64URL])
def test_every_changed_character_is_refused(form, encoding):
    """But for the case of hexadecimal digits, which says nothing: those bytes stay the same."""
    text = str(encode(stored_here(form), encoding))
    for at in positions(len(text)):
        new = "A" if text[at] != "A" else "B"
        changed = text[:at] + new + text[at + 1 :]
        if encoding is Encoding.HEX and changed.lower() == text:
            continue
        refuses(form, changed)


@each_form
def test_every_truncation_is_refused(form):
    stored = stored_here(form)
    for length in positions(len(stored)):
        with pytest.raises(FormatError):
            form.read(stored[:length], HERE)


@each_form
def test_cut_at_the_front_is_refused(form):
    for start in (1, 3, 6, 12):
        refuses(form, stored_here(form)[start:])


@each_form
@pytest.mark.parametrize("encoding", Encoding)
def test_what_follows_is_refused(form, encoding):
    stored = stored_here(form)
    for extra in (b"\0", b"\0\0\0", stored):
        refuses(form, encode(stored + extra, encoding))
    text = encode(stored, encoding)
    if isinstance(text, str):
        for blank in (" ", "\n", "\0", "=", "===="):
            refuses(form, blank + text)
            # base64url may have its padding or not
            if (encoding, text + blank) != (Encoding.BASE64URL, base64.urlsafe_b64encode(stored).decode()):
                refuses(form, text + blank)


@each_form
def test_one_value_has_one_text_in_each_encoding(form):
    """base64 with bits set that no byte holds, or without its padding, is another text of the same bytes: refused."""
    for extra in range(3):
        padded = str(encode(stored_here(form) + bytes(extra), Encoding.BASE64))
        if not padded.endswith("="):
            continue
        last = padded.rstrip("=")[-1]
        loose = padded.rstrip("=")[:-1] + chr(ord(last) + 1) + "=" * padded.count("=")
        with pytest.raises(FormatError):
            decode(loose, Encoding.BASE64)


@each_form
@pytest.mark.parametrize(
    "value", ["", b"", "pqcwk1", b"pqcwk1", b"pqcsg1", "cHFjd2sx", "cHFjc2cx", "7071637773", b"\0" * 4096]
)
def test_what_only_begins_like_a_value_is_refused(form, value):
    with pytest.raises(REFUSED):
        form.read(value, HERE)
