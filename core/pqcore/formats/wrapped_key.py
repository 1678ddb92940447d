"""A data key wrapped for storage: HPKE under a post-quantum or hybrid KEM, bound to its row, with a sealer's tag.

Layout (big endian; ``docs/FORMATS.md`` has the full text)::

    header  "pqcwk1" | kem 2 | kdf 2 | aead 2 | draft 1 | key id length 1 | policy length 1
            | key id | policy | zero bytes up to a multiple of 3
    body    length of enc and ct 2 | enc | ct
    tag     HMAC-SHA-256 under the key's seal secret, 32

The header is the same for every value that one job writes, and its length is a multiple of 3: in base64 too it is a
fixed prefix, so SQL can count what is migrated.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from pqcore.crypto import suites
from pqcore.errors import KeyStoreError
from pqcore.formats.context import Context
from pqcore.formats.encoding import Encoding, decode, sniff
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.framing import Reader, frame, short_text
from pqcore.formats.keyring import KeyLike, KeySource, lookup, public_of, secret_of

MAGIC = b"pqcwk1"
TAG = 32
MAX_PLAINTEXT = 32768
_SEAL_SECRET = 32
_INFO_LABEL = b"pqconsole wrapped key v1"
_TAG_LABEL = b"pqconsole wrapped key tag v1"
_WHAT = "wrapped key"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A stored value, parsed and not yet opened.

    Attributes:
        suite: HPKE suite.
        draft: number of draft-ietf-hpke-pq that the KEM follows.
        key_id: ``name:version`` of the KEM key.
        policy: policy id, may be empty.
        enc_ct: ``enc || ct`` of RFC 9180.
        tag: 32 bytes.
        header: the bytes that all values of one suite, key and policy start with.
    """

    suite: suites.Suite
    draft: int
    key_id: str
    policy: str
    enc_ct: bytes
    tag: bytes
    header: bytes

    @property
    def signed_part(self) -> bytes:
        """Everything before the tag."""
        return self.header + len(self.enc_ct).to_bytes(2, "big") + self.enc_ct


def header(algorithm: str, key_id: str, policy: str = "") -> bytes:
    """The bytes that every value sealed with this key under this policy starts with (a multiple of 3).

    Raises FormatError where ``algorithm`` is no KEM of ours or an id is too long.
    """
    suite = suites.suite_of(algorithm)
    if suite is None:
        raise FormatError(f"Keys of {algorithm} do not seal", "Use a key of an ML-KEM or hybrid algorithm")
    key, policy_id = short_text(key_id, "key id"), short_text(policy, "policy id")
    fixed = MAGIC + suite.encode() + bytes((suites.DRAFT, len(key), len(policy_id))) + key + policy_id
    return fixed + bytes(-len(fixed) % 3)


def sealed_length(algorithm: str, key_id: str, policy: str, plaintext: int) -> int:
    """Length in bytes of a value with a plaintext of ``plaintext`` bytes, before any encoding."""
    start = header(algorithm, key_id, policy)
    suite = suites.suite_of(algorithm)
    enc = suite.enc if suite is not None else 0
    return len(start) + 2 + enc + plaintext + suites.AEAD_TAG + TAG


def seal(plaintext: bytes, key: KeyLike, context: Context) -> bytes:
    """Wrap a data key of 1 to 32768 bytes for one row, under ``key`` (its id and ``context.policy`` are stored).

    Needs the public key and the seal secret. Raises FormatError for a bad length, KeyStoreError for a wrong key.
    """
    if not 1 <= len(plaintext) <= MAX_PLAINTEXT:
        raise FormatError(f"A wrapped key holds 1 to {MAX_PLAINTEXT} bytes, not {len(plaintext)}")
    suite = suites.suite_of(key.algorithm)
    if suite is None:
        raise KeyStoreError(f"The key {key.id} ({key.algorithm}) does not seal", "Name an ML-KEM or hybrid key")
    start = header(key.algorithm, key.id, context.policy)
    bound = context.under(key.id, context.policy).encode()
    enc_ct = suites.seal(suite, public_of(key), plaintext, frame(_INFO_LABEL, start, bound))
    body = start + len(enc_ct).to_bytes(2, "big") + enc_ct
    return body + _tag(key, bound, body)


def recognise(value: str | bytes) -> bool:
    """Whether a stored value starts like a wrapped key of ours; it may still fail to parse."""
    return sniff(value, MAGIC) is not None


def encoding_of(value: str | bytes) -> Encoding:
    """How a stored value of ours is encoded. Raises FormatError where it is not one."""
    encoding = sniff(value, MAGIC)
    if encoding is None:
        raise FormatError("The value is not a wrapped key of this program")
    return encoding


def parse(value: str | bytes) -> Envelope:
    """Read a stored value (raw, hex, base64 or base64url) strictly. Raises FormatError."""
    data = decode(value, encoding_of(value))
    reader = Reader(data, _WHAT)
    reader.take(len(MAGIC))
    suite = suites.suite_numbered(reader.integer(2), reader.integer(2), reader.integer(2))
    if suite is None:
        raise FormatError("The wrapped key uses an HPKE suite that is not supported", "Update pqconsole")
    draft = reader.integer(1)
    if draft != suites.DRAFT:
        raise FormatError(f"The wrapped key follows draft {draft}, which is not supported", "Update pqconsole")
    key_length, policy_length = reader.integer(1), reader.integer(1)
    key_id, policy = reader.text(key_length), reader.text(policy_length)
    reader.padding(3)
    start = data[: reader.position]
    enc_ct = reader.take(reader.integer(2))
    tag = reader.take(TAG)
    reader.end()
    if not key_id or not suite.enc + suites.AEAD_TAG < len(enc_ct) <= suite.enc + suites.AEAD_TAG + MAX_PLAINTEXT:
        raise FormatError("The wrapped key has a length that its suite does not allow")
    return Envelope(suite, draft, key_id, policy, enc_ct, tag, start)


def check_tag(envelope: Envelope, key: KeyLike, context: Context) -> None:
    """Prove, without opening it, that a holder of the seal secret sealed this envelope for this place.

    Raises NotAuthentic, or KeyStoreError where the key is of another algorithm or has no seal secret.
    """
    if key.algorithm != envelope.suite.algorithm:
        raise KeyStoreError(
            f"The key {key.id} is of {key.algorithm}, the wrapped key needs {envelope.suite.algorithm}",
            "Restore the right key",
        )
    bound = context.under(envelope.key_id, envelope.policy).encode()
    if not hmac.compare_digest(_tag(key, bound, envelope.signed_part), envelope.tag):
        raise NotAuthentic(
            "The wrapped key was not sealed for this row by a holder of its key",
            "Check data set, table, column and row key; restore the value from a backup",
        )


def open_envelope(envelope: Envelope, key: KeyLike, context: Context) -> bytes:
    """The data key of a parsed value. Raises NotAuthentic or KeyStoreError."""
    check_tag(envelope, key, context)
    bound = context.under(envelope.key_id, envelope.policy).encode()
    info = frame(_INFO_LABEL, envelope.header, bound)
    plaintext = suites.open_sealed(envelope.suite, secret_of(key), envelope.enc_ct, info)
    if plaintext is None:
        raise NotAuthentic("The wrapped key does not open under its key", "Restore the value from a backup")
    return plaintext


def open_wrapped_key(value: str | bytes, keys: KeySource, context: Context) -> bytes:
    """The data key in a stored value, for the row that ``context`` names; what an application calls.

    ``keys`` is a key provider or a function from a key id to a key. Raises FormatError where the value is not a wrapped
    key, NotAuthentic where it does not belong to this row or was not sealed by us, KeyStoreError for a missing key.
    """
    envelope = parse(value)
    return open_envelope(envelope, lookup(keys, envelope.key_id), context)


def _tag(key: KeyLike, context: bytes, body: bytes) -> bytes:
    # HPKE base mode does not say who sealed: this does, to those who hold the seal secret.
    secret = key.seal_secret
    if secret is None or len(secret) != _SEAL_SECRET:
        raise KeyStoreError(f"The key {key.id} has no seal secret", "Generate or import the key with pqconsole")
    return hmac.digest(secret, frame(_TAG_LABEL, context, body), "sha256")
