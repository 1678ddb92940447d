"""Every strict parser on arbitrary and on nearly valid input: an answer or an error of ours, never another one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.crypto.argon2id import Cost, parse_cost
from pqcore.errors import PQConsoleError, UsageError
from pqcore.formats import digest, password, signature, wrapped_key
from pqcore.formats.encoding import Encoding, decode, encode
from pqcore.formats.errors import FormatError
from pqcore.keys import keyring
from pqcore.keys.sealing import Cost as KeyringCost
from pqcore.keys.sealing import Derivation
from tests.formats.keyring import key
from tests.formats.old_passwords import MAKERS
from tests.tamper.forms import BOUND, HERE, REFUSED, SIGNED, WRAPPED, Form, stored_here

CHEAP_LIMITS = password.Limits(memory=64, passes=4, lanes=1)
STARTS = ["", "pq1$", "pq1$8,1,1$$", "$argon2id$v=19$", "$2b$", "{SSHA}", "sha1$"]
quick = settings(max_examples=120, deadline=None)


@st.composite
def damaged(draw: st.DrawFn, base: bytes) -> bytes:
    """``base`` after one to four cuts, insertions, overwrites or repetitions."""
    data = base
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, min(64, len(data) - at)))
        match draw(st.sampled_from(["cut", "insert", "overwrite", "repeat", "tail"])):
            case "cut":
                data = data[:at] + data[at + length :]
            case "insert":
                data = data[:at] + draw(st.binary(max_size=16)) + data[at:]
            case "overwrite":
                data = data[:at] + draw(st.binary(min_size=length, max_size=length)) + data[at + length :]
            case "repeat":
                data = data[: at + length] + data[at:]
            case _:
                data = data[:at]
    return data


@quick
@given(st.data(), st.sampled_from(BOUND), st.sampled_from(Encoding))
def test_nearly_valid_values_are_refused(data: st.DataObject, form: Form, encoding: Encoding) -> None:
    stored = stored_here(form)
    broken = data.draw(damaged(stored))
    if broken != stored:
        with pytest.raises(REFUSED):
            form.read(encode(broken, encoding), HERE)


@quick
@given(st.data(), st.sampled_from(BOUND), st.sampled_from([Encoding.HEX, Encoding.BASE64, Encoding.BASE64URL]))
def test_nearly_valid_texts_are_refused_or_are_the_same_bytes(
    data: st.DataObject, form: Form, encoding: Encoding
) -> None:
    text = str(encode(stored_here(form), encoding)).encode()
    broken = data.draw(damaged(text))
    try:
        form.read(broken, HERE)
    except REFUSED:
        return
    assert decode(broken, encoding) == stored_here(form)  # e.g. hexadecimal digits in upper case


PARSERS: dict[str, tuple[Callable[[bytes], object], type[PQConsoleError], bytes]] = {
    "wrapped key": (wrapped_key.parse, FormatError, wrapped_key.MAGIC),
    "signature": (signature.parse, FormatError, signature.MAGIC),
    "wrapped password": (password.parse_wrapped, FormatError, b"pq1$64,1,1$$"),
    "tagged digest": (digest.tagged, FormatError, b"sha3-512:"),
    "hexadecimal": (lambda data: decode(data, Encoding.HEX), FormatError, b"00"),
    "base64": (lambda data: decode(data, Encoding.BASE64), FormatError, b"AA=="),
    "base64url": (lambda data: decode(data, Encoding.BASE64URL), FormatError, b"AA"),
    "cost of Argon2id": (lambda data: parse_cost(data.decode("latin-1")), UsageError, b"m=64,"),
}


@pytest.mark.parametrize(("parse", "error", "start"), PARSERS.values(), ids=PARSERS)
def test_any_bytes_have_an_answer_or_an_error_of_ours(parse, error, start):
    @quick
    @given(st.binary(max_size=200), st.booleans())
    def run(data: bytes, begun: bool) -> None:
        with contextlib.suppress(error):
            parse(start + data if begun else data)

    run()


@quick
@given(st.text(max_size=100), st.sampled_from(STARTS))
def test_any_password_hash_has_an_answer_or_an_error_of_ours(text: str, start: str) -> None:
    with contextlib.suppress(REFUSED):
        password.check_password(start + text, "x", limits=CHEAP_LIMITS)


WRAPPED_PASSWORD = password.wrap_password_hash(MAKERS["sha256"](b"right"), Cost(8, 1))


@quick
@given(damaged(WRAPPED_PASSWORD.encode()))
def test_nearly_valid_wrapped_passwords_let_nobody_in(broken: bytes) -> None:
    try:
        entered = password.check_password(broken, "right", limits=CHEAP_LIMITS).ok
    except REFUSED:
        return
    assert not entered or broken == WRAPPED_PASSWORD.encode()


MASTER = bytes(32)
KEYRING = keyring.dump(keyring.new_keyring(Derivation.fresh(KeyringCost()), MASTER).with_key(key("aes"), MASTER))


@quick
@given(st.binary(max_size=200) | damaged(KEYRING))
def test_a_keyring_file_is_read_or_called_malformed_and_opens_no_changed_key(content: bytes) -> None:
    try:
        found = keyring.parse(content)
    except keyring.Malformed:
        return
    for entry in found.entries:
        opened = keyring.open_entry(entry, MASTER)
        assert opened is None or opened == key("aes")


@pytest.mark.parametrize("form", WRAPPED, ids=lambda form: form.name)
def test_a_parsed_wrapped_key_is_written_as_it_was(form):
    stored = stored_here(form)
    parsed = wrapped_key.parse(stored)
    assert parsed.signed_part + parsed.tag == stored


@pytest.mark.parametrize("form", SIGNED, ids=lambda form: form.name)
def test_a_parsed_signature_is_written_as_it_was(form):
    stored = stored_here(form)
    parsed = signature.parse(stored)
    old, by = parsed.old_algorithm.encode(), parsed.old_key_id.encode()
    micros = (
        round((parsed.time.timestamp() - int(parsed.time.timestamp())) * 10**6) + int(parsed.time.timestamp()) * 10**6
    )
    body = micros.to_bytes(8, "big") + parsed.old_digest + bytes((len(old),)) + old + bytes((len(by),)) + by
    assert parsed.header + body + len(parsed.signature).to_bytes(2, "big") + parsed.signature == stored


ids = st.text(min_size=1, max_size=60).filter(lambda text: len(text.encode("utf-8", "replace")) <= 255)


@quick
@given(ids, st.text(max_size=60), st.binary(min_size=1, max_size=100), st.binary(min_size=32, max_size=32))
def test_headers_are_read_back_as_they_were_written(key_id: str, policy: str, secret: bytes, tag: bytes) -> None:
    enc_ct = bytes(1088) + secret + bytes(16)
    start = wrapped_key.header("ML-KEM-768", key_id, policy)
    parsed = wrapped_key.parse(start + len(enc_ct).to_bytes(2, "big") + enc_ct + tag)
    assert (parsed.key_id, parsed.policy, parsed.enc_ct, parsed.tag, parsed.header) == (
        key_id, policy, enc_ct, tag, start,
    )  # fmt: skip
