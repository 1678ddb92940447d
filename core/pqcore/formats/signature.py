"""A post-quantum signature over a canonical statement about an old signature and what it signed.

The signer does not pose as the first one: the statement says that at this time, in this row, this payload carried an
old signature of this digest, made by this old algorithm and key. Signed with ML-DSA (FIPS 204, pure), composite ML-DSA,
SLH-DSA or Falcon under the context string ``pqconsole signature v1``.

Layout (big endian; ``docs/FORMATS.md`` has the full text)::

    header  "pqcsg1" | algorithm 1 | mode 1 | digest algorithm 1 | (revision 1) | key id length 1 | key id
            | zero bytes up to a multiple of 3
    body    time 8 | old digest 32 | old algorithm length 1 | old algorithm | old key id length 1 | old key id
            | signature length 2 | signature

The revision, the number of the draft that is followed, is there for algorithms without a final standard alone.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from pqcore.crypto import composite, liboqs, signing
from pqcore.errors import KeyStoreError
from pqcore.formats.context import Context, row_key_text
from pqcore.formats.encoding import Encoding, decode, sniff
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.framing import Reader, frame, short_text
from pqcore.formats.keyring import KeyLike, KeySource, lookup, public_of, secret_of

MAGIC = b"pqcsg1"
CONTEXT_STRING = b"pqconsole signature v1"
PAYLOAD_DIGEST = "SHA-512"  # 256 bits against collisions, as the strongest parameter set asks for
_LABEL = b"pqconsole statement v1"
_DIGEST_NUMBER = 1  # SHA-512
# The last arc of the algorithm's OID: under NIST's sigAlgs (2.16.840.1.101.3.4.3) for ML-DSA and SLH-DSA, under PKIX's
# algorithms (1.3.6.1.5.5.7.6) for composites. Falcon has none yet: numbers of our own.
_NUMBERS = (
    {"ML-DSA-44": 17, "ML-DSA-65": 18, "ML-DSA-87": 19}
    | {name: number for number, name in enumerate(liboqs.SLH_DSA, start=20)}
    | {name: used.number for name, used in composite.COMPOSITES.items()}
    | {"Falcon-512": 224, "Falcon-1024": 225}
)
_NAMES = {number: name for name, number in _NUMBERS.items()}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHAT = "signature"


class Mode(IntEnum):
    """Whether the old signature is still stored."""

    COUNTERSIGN = 0
    REPLACE = 1


@dataclass(frozen=True, slots=True)
class StoredForm:
    """A stored signature, parsed and not yet verified.

    Attributes:
        algorithm: catalogue name, e.g. ``ML-DSA-65``.
        mode: whether the old signature stays beside it.
        key_id: ``name:version`` of the signing key.
        time: when it was signed, aware, UTC, to the microsecond.
        old_digest: SHA-256 of the old signature's bytes, 32 bytes.
        old_algorithm: format of the old signature, e.g. ``Ed25519``.
        old_key_id: ``name:version`` of the key that verified it.
        signature: by the algorithm.
        header: the bytes that all values of one algorithm, mode and key start with.
    """

    algorithm: str
    mode: Mode
    key_id: str
    time: datetime
    old_digest: bytes
    old_algorithm: str
    old_key_id: str
    signature: bytes
    header: bytes


def header(algorithm: str, mode: Mode, key_id: str) -> bytes:
    """The bytes that every signature by this key starts with (a multiple of 3). Raises FormatError."""
    if algorithm not in _NUMBERS:
        raise FormatError(
            f"Signatures by {algorithm} are not supported", "Use a key of ML-DSA, composite ML-DSA, SLH-DSA or Falcon"
        )
    key = short_text(key_id, "key id")
    revision = (signing.REVISIONS[algorithm],) if algorithm in signing.REVISIONS else ()
    fixed = MAGIC + bytes((_NUMBERS[algorithm], mode, _DIGEST_NUMBER, *revision, len(key))) + key
    return fixed + bytes(-len(fixed) % 3)


def stored_length(algorithm: str, key_id: str, old_algorithm: str, old_key_id: str | None) -> int:
    """Greatest length in bytes of a stored signature, before any encoding. ``old_key_id`` None: any that can be."""
    start = len(header(algorithm, Mode.COUNTERSIGN, key_id))
    # A key's name has up to 64 characters; with ":" and a version of 10 digits, 75.
    old_key = 75 if old_key_id is None else len(old_key_id.encode())
    return start + 8 + 32 + 1 + len(old_algorithm.encode()) + 1 + old_key + 2 + signing.lengths(algorithm)[1]


def countersign(
    payload: bytes,
    old_signature: bytes,
    *,
    key: KeyLike,
    context: Context,
    old_algorithm: str,
    old_key_id: str,
    time: datetime,
    mode: Mode = Mode.COUNTERSIGN,
) -> bytes:
    """Sign the statement about ``payload`` and ``old_signature``, which the caller has verified.

    ``time`` is aware. Raises KeyStoreError for a wrong key, FormatError for a name that is too long.
    """
    if time.tzinfo is None:
        raise FormatError("The time of a signature needs a zone", "Pass an aware datetime")
    micros = (time - _EPOCH) // timedelta(microseconds=1)
    if not 0 <= micros < 2**63:
        raise FormatError("The time of a signature is before 1970", "Set the clock")
    start = header(key.algorithm, mode, key.id)
    old_digest = hashlib.sha256(old_signature).digest()
    old_name, old_key = short_text(old_algorithm, "algorithm name"), short_text(old_key_id, "key id")
    body = (
        micros.to_bytes(8, "big") + old_digest + bytes((len(old_name),)) + old_name + bytes((len(old_key),)) + old_key
    )
    statement = _statement(start, body, payload, context)
    signature = signing.sign(key.algorithm, secret_of(key), statement, CONTEXT_STRING)
    return start + body + len(signature).to_bytes(2, "big") + signature


def recognise(value: str | bytes) -> bool:
    """Whether a stored value starts like a signature of ours; it may still fail to parse."""
    return sniff(value, MAGIC) is not None


def encoding_of(value: str | bytes) -> Encoding:
    """How a stored value of ours is encoded. Raises FormatError where it is not one."""
    encoding = sniff(value, MAGIC)
    if encoding is None:
        raise FormatError("The value is not a signature of this program")
    return encoding


def parse(value: str | bytes) -> StoredForm:
    """Read a stored signature (raw, hex, base64 or base64url) strictly. Raises FormatError."""
    return _parse(value)[0]


def verify_parsed(
    value: str | bytes, payload: bytes, old_signature: bytes | None, key: KeyLike, context: Context
) -> StoredForm:
    """As ``verify_signature``, with the key at hand."""
    form, body = _parse(value)
    if key.algorithm != form.algorithm:
        raise KeyStoreError(
            f"The key {key.id} is of {key.algorithm}, the signature is by {form.algorithm}", "Restore the right key"
        )
    if old_signature is None and form.mode is Mode.COUNTERSIGN:
        raise FormatError("The signature stands beside an old one, which is missing", "Pass the old signature too")
    if old_signature is not None and not hmac.compare_digest(hashlib.sha256(old_signature).digest(), form.old_digest):
        raise NotAuthentic("The signature belongs to another old signature", "Migrate the row again")
    statement = _statement(form.header, body, payload, context)
    if not signing.verify(form.algorithm, public_of(key), statement, form.signature, CONTEXT_STRING):
        raise NotAuthentic(
            f"The signature does not verify under the key {key.id} for this row",
            "Check payload, data set, table, column and row key",
        )
    return form


def verify_signature(
    value: str | bytes, payload: bytes | str, old_signature: bytes | None, keys: KeySource, context: Context
) -> StoredForm:
    """Verify a stored signature over ``payload`` for the row that ``context`` names; what an application calls.

    Args:
        value: the stored form, raw or encoded.
        payload: what the old signature signed; text is taken as UTF-8.
        old_signature: its bytes (decoded); None only where it was replaced.
        keys: a key provider, or a function from a key id to a key with its public part.
        context: data set, table, column of the old signature, row key.

    Returns the parsed form: who signed when, over which old signature. Raises FormatError, NotAuthentic or
    KeyStoreError. A counter-signature proves that the old one was valid when it was made; whether to verify the old one
    too is the application's choice.
    """
    data = payload.encode() if isinstance(payload, str) else payload
    return verify_parsed(value, data, old_signature, lookup(keys, parse(value).key_id), context)


def _statement(start: bytes, body: bytes, payload: bytes, context: Context) -> bytes:
    return frame(
        _LABEL,
        context.data_set.encode(),
        context.table.encode(),
        context.column.encode(),
        row_key_text(context.row_key).encode(),
        start,
        body,
        PAYLOAD_DIGEST.encode(),
        hashlib.sha512(payload).digest(),
    )


def _parse(value: str | bytes) -> tuple[StoredForm, bytes]:
    data = decode(value, encoding_of(value))
    reader = Reader(data, _WHAT)
    reader.take(len(MAGIC))
    algorithm = _NAMES.get(reader.integer(1))
    mode, digest = reader.integer(1), reader.integer(1)
    if algorithm is None or mode not in tuple(Mode) or digest != _DIGEST_NUMBER:
        raise FormatError("The signature uses an algorithm or mode that is not supported", "Update pqconsole")
    wanted = signing.REVISIONS.get(algorithm)
    if wanted is not None and (revision := reader.integer(1)) != wanted:
        raise FormatError(
            f"The signature follows revision {revision} of {algorithm}, which is not supported", "Update pqconsole"
        )
    key_id = reader.text(reader.integer(1))
    reader.padding(3)
    start = data[: reader.position]
    micros = reader.integer(8)
    old_digest = reader.take(32)
    old_algorithm = reader.text(reader.integer(1))
    old_key_id = reader.text(reader.integer(1))
    body = data[len(start) : reader.position]
    signature = reader.take(reader.integer(2))
    reader.end()
    least, most = signing.lengths(algorithm)
    if not key_id or not least <= len(signature) <= most:
        raise FormatError("The signature has a length that its algorithm does not allow")
    try:
        time = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise FormatError("The signature's time is out of range") from None
    form = StoredForm(algorithm, Mode(mode), key_id, time, old_digest, old_algorithm, old_key_id, signature, start)
    return form, body
