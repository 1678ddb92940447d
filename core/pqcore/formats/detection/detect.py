"""One stored value to everything it can be; pure, strict, and total: no value makes it fail."""

from __future__ import annotations

from pqcore.crypto import catalogue
from pqcore.errors import PQConsoleError
from pqcore.formats import blind_index as own_index
from pqcore.formats import digest as digests
from pqcore.formats import password as own_password
from pqcore.formats import signature as own_signature
from pqcore.formats import wrapped_key as own_wrap
from pqcore.formats.detection import forms, lengths, passwords, tokens
from pqcore.formats.detection.forms import Basis, Candidate, Detection, Form, State, Use, post_quantum
from pqcore.formats.encoding import Encoding, decode, encode
from pqcore.formats.errors import FormatError

LONGEST = 1 << 18  # characters or bytes; nothing that is told here is longer
_LEAST_HEX = 32  # digits; fewer are as well a number or a word
_LEAST_BASE64 = 22  # characters of 16 bytes

_EMPTY = Detection(State.EMPTY)
# The first character of our magic values in each encoding, as text and as bytes.
_OWN_STARTS = frozenset(
    first
    for magic in (own_wrap.MAGIC, own_wrap.NESTED_MAGIC, own_signature.MAGIC)
    for encoding in Encoding
    for text in [encode(magic, encoding)]
    for first in ([text[:1]] if isinstance(text, bytes) else [text[:1], text[:1].encode()])
)
_DIGEST_FORMS = {
    form.name: form
    for form in (
        forms.SHA_1,
        forms.SHA_224,
        forms.SHA_256,
        forms.SHA_384,
        forms.SHA_512,
        forms.SHA3_224,
        forms.SHA3_256,
        forms.SHA3_384,
        forms.SHA3_512,
        forms.HMAC_SHA_256,
        forms.HMAC_SHA_384,
        forms.HMAC_SHA_512,
    )
}


def detect(value: str | bytes | None) -> Detection:
    """What ``value`` can be.

    Several candidates mean that the value alone does not tell: 32 hexadecimal digits are an MD5, an NTLM hash, an
    HMAC-MD5, a UUID or something else. Bytes that are printable ASCII are taken as text; text of nothing but
    hexadecimal digits as hexadecimal, though base64 can look so once in 10^14 values or less.
    """
    if value is None or len(value) == 0:
        return _EMPTY
    if len(value) > LONGEST:
        return Detection(State.UNRECOGNISED, length=len(value))
    own = _own(value)
    if own is not None:
        return own
    if isinstance(value, str):
        return _text(value)
    if value.isascii():
        text = value.decode("ascii")
        if text.isprintable():
            return _text(text)
    return _bytes(value, Encoding.RAW) or Detection(State.UNRECOGNISED, length=len(value))


def _own(value: str | bytes) -> Detection | None:
    """Values that this program wrote: wrapped keys, signatures."""
    if value[:1] not in _OWN_STARTS:  # most values are not ours, and there are many
        return None
    if own_wrap.recognise(value):
        return _own_wrap(value)
    return _own_signature(value) if own_signature.recognise(value) else None


def _own_wrap(value: str | bytes) -> Detection:
    encoding = own_wrap.encoding_of(value)
    try:
        envelope = own_wrap.parse(value)
        categories = [catalogue.find(layer.suite.algorithm).nist_level for layer in envelope.layers]
    except PQConsoleError:
        return _damaged(Form("pqconsole wrapped key", Use.WRAPPED_KEY, own=True), len(value), encoding)
    # Nested layers are as strong as the strongest.
    category = max((level for level in categories if level is not None), default=None)
    name = " in ".join(layer.suite.label for layer in reversed(envelope.layers))
    form = post_quantum(f"HPKE {name}", Use.WRAPPED_KEY, category, own=True)
    details = (("key", envelope.key_id), ("policy", envelope.policy))
    return _sure((Candidate(form, details),), encoding, len(decode(value, encoding)))


def _own_signature(value: str | bytes) -> Detection:
    encoding = own_signature.encoding_of(value)
    try:
        parsed = own_signature.parse(value)
        category = catalogue.find(parsed.algorithm).nist_level
    except PQConsoleError:
        return _damaged(Form("pqconsole signature", Use.SIGNATURE, own=True), len(value), encoding)
    form = post_quantum(parsed.algorithm, Use.SIGNATURE, category, own=True, wraps_old=True)
    details = (("key", parsed.key_id), ("over", parsed.old_algorithm), ("mode", parsed.mode.name.lower()))
    return _sure((Candidate(form, details),), encoding, len(decode(value, encoding)))


def _text(text: str) -> Detection:
    if text.startswith(own_password.PREFIX):
        return _own_password(text)
    if own_index.recognise(text):
        return _own_index(text)
    for named in (_tagged(text), passwords.password(text), tokens.jose(text)):
        if named is not None:
            candidate, whole = named
            if not whole:
                return _damaged(candidate.form, len(text))
            return Detection(State.RECOGNISED, (candidate,), Basis.STRUCTURE, None, len(text))
    if text[0] in "!*":
        return Detection(State.UNUSABLE, length=len(text))
    framed = tokens.vault(text)
    if framed is not None and framed[0]:
        return _sure(framed[0], Encoding.BASE64, framed[1])
    data, encoding = _decoded(text)
    found = _bytes(data, encoding) if data is not None and encoding is not None else None
    shaped = passwords.loose(text)
    if shaped and found is None:
        return Detection(State.AMBIGUOUS, (*shaped, Candidate(forms.RANDOM)), Basis.LENGTH, None, len(text))
    return found or Detection(State.UNRECOGNISED, length=len(text))


def _own_password(text: str) -> Detection:
    try:
        wrapped = own_password.parse_wrapped(text)
    except PQConsoleError:
        return _damaged(Form("Argon2id over an old hash", Use.PASSWORD, own=True, wraps_old=True), len(text))
    inner = wrapped.inner.scheme.name.lower()
    form = Form(f"Argon2id over {inner}", Use.PASSWORD, own=True, wraps_old=True)
    cost = wrapped.cost
    details = (("m", cost.memory), ("t", cost.passes), ("p", cost.lanes), ("pepper", wrapped.pepper))
    return Detection(State.RECOGNISED, (Candidate(form, details),), Basis.STRUCTURE, None, len(text))


def _own_index(text: str) -> Detection:
    try:
        parsed = own_index.parse(text)
        category = catalogue.find(parsed.algorithm).nist_level
    except PQConsoleError:
        return _damaged(Form("pqconsole blind index", Use.MAC, own=True), len(text))
    # HMAC over an old index is as hard to forge or to invert as HMAC over the content.
    form = Form(parsed.algorithm, Use.MAC, category=category, own=True, wraps_old=bool(parsed.inner))
    details = (("key", parsed.key_id), ("over", parsed.inner))
    return Detection(State.RECOGNISED, (Candidate(form, details),), Basis.STRUCTURE, None, len(text))


def _tagged(text: str) -> tuple[Candidate, bool] | None:
    """A digest with its algorithm in front, as ``pqcore.formats.digest`` writes it."""
    if ":" not in text[:24]:
        return None
    try:
        found = digests.tagged(text)
    except FormatError:
        return Candidate(Form("tagged digest", Use.DIGEST)), False
    form = _DIGEST_FORMS.get(found[0]) if found is not None else None
    return None if form is None else (Candidate(form, (("tagged", "yes"),)), True)


def _decoded(text: str) -> tuple[bytes, Encoding] | tuple[None, None]:
    """The bytes that text of one alphabet stands for."""
    if len(text) >= _LEAST_HEX and len(text) % 2 == 0:
        try:
            return decode(text, Encoding.HEX), Encoding.HEX
        except FormatError:
            pass
    if len(text) < _LEAST_BASE64:
        return None, None
    for encoding in (Encoding.BASE64, Encoding.BASE64URL):
        try:
            return decode(text, encoding, line_breaks=True), encoding
        except FormatError:
            pass
    return None, None


def _bytes(data: bytes, encoding: Encoding) -> Detection | None:
    marked = tuple(Candidate(form) for form in tokens.der(data))
    if marked:
        return _sure(marked, encoding, len(data))
    candidates = (*lengths.by_length(data), *tokens.tink(data))
    if not candidates:
        return None
    state = State.RECOGNISED if len(candidates) == 1 else State.AMBIGUOUS
    return Detection(state, candidates, Basis.LENGTH, encoding, len(data))


def _sure(candidates: tuple[Candidate, ...], encoding: Encoding, length: int) -> Detection:
    state = State.RECOGNISED if len(candidates) == 1 else State.AMBIGUOUS
    return Detection(state, candidates, Basis.STRUCTURE, encoding, length)


def _damaged(form: Form, length: int, encoding: Encoding | None = None) -> Detection:
    return Detection(State.DAMAGED, (Candidate(form),), Basis.STRUCTURE, encoding, length)
