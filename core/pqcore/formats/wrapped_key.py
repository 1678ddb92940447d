"""A data key wrapped for storage: HPKE under post-quantum or hybrid KEMs, bound to its row, with a sealer's tag.

One layer (big endian; ``docs/FORMATS.md`` has the full text)::

    header  "pqcwk1" | kem 2 | kdf 2 | aead 2 | draft 1 | key id length 1 | policy length 1
            | key id | policy | zero bytes up to a multiple of 3
    body    length of enc and ct 2 | enc | ct
    tag     HMAC-SHA-256 under the key's seal secret, 32

Several layers, the outermost first; what each seals is the next one's ``enc | ct | tag``, the innermost seals the key::

    header  "pqcwk2" | layers 1 | policy length 1 | kem 2, kdf 2, aead 2, draft 1, key id length 1 for each
            | key ids | policy | zero bytes up to a multiple of 3

The header is the same for every value that one job writes, and its length is a multiple of 3: in base64 too it is a
fixed prefix, so SQL can count what is migrated. Every layer is bound to the whole header, so none can be left out.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pqcore.crypto import suites
from pqcore.errors import KeyStoreError
from pqcore.formats.context import Context
from pqcore.formats.encoding import Encoding, decode, sniff
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.framing import Reader, frame, short_text
from pqcore.formats.keyring import KeyLike, KeySource, lookup, public_of, secret_of

MAGIC = b"pqcwk1"
NESTED_MAGIC = b"pqcwk2"
TAG = 32
MAX_PLAINTEXT = 32768
MAX_LAYERS = 4
_SEAL_SECRET = 32
_INFO_LABEL = b"pqconsole wrapped key v1"
_TAG_LABEL = b"pqconsole wrapped key tag v1"
_NESTED_INFO_LABEL = b"pqconsole wrapped key v2"
_NESTED_TAG_LABEL = b"pqconsole wrapped key tag v2"
_WHAT = "wrapped key"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as the header names it: its HPKE suite and the ``name:version`` of its KEM key."""

    suite: suites.Suite
    key_id: str


@dataclass(frozen=True, slots=True)
class SealKey:
    """One layer to be sealed: a KEM key with its seal secret, and the suite, which has to be of the key's KEM."""

    key: KeyLike
    suite: suites.Suite

    @classmethod
    def of(cls, key: KeyLike, variant: str = "") -> SealKey:
        """The key with the suite of its KEM and this KDF (empty: the default one). Raises KeyStoreError."""
        suite = suites.suite_of(key.algorithm, variant)
        if suite is None:
            with_kdf = f" with {variant}" if variant else ""
            raise KeyStoreError(
                f"The key {key.id} ({key.algorithm}) does not seal{with_kdf}", "Name an ML-KEM or hybrid key"
            )
        return cls(key, suite)

    @property
    def layer(self) -> Layer:
        """The layer as the header names it."""
        return Layer(self.suite, self.key.id)


@dataclass(frozen=True, slots=True)
class Accept:
    """What a reader takes, whatever the stored header says.

    Attributes:
        algorithms: labels of the suites that may be used, such as ``ML-KEM-768+X25519`` or ``ML-KEM-1024/SHAKE256``;
            None: every suite of this build that is of the key's own KEM.
        min_layers: least number of nested layers.
    """

    algorithms: frozenset[str] | None = None
    min_layers: int = 1

    def check(self, layers: Sequence[Layer]) -> None:
        """Raises FormatError where the layers are fewer or of other suites."""
        if len(layers) < self.min_layers:
            raise FormatError(
                f"The wrapped key has {len(layers)} of the {self.min_layers} layers that are asked for",
                "Migrate the row again",
            )
        for layer in layers:
            if self.algorithms is not None and layer.suite.label not in self.algorithms:
                raise FormatError(
                    f"The wrapped key uses {layer.suite.label}, which is not accepted here", "Migrate the row again"
                )


@dataclass(frozen=True, slots=True)
class Envelope:
    """A stored value, parsed and not yet opened.

    Attributes:
        layers: the outermost first.
        policy: policy id, may be empty.
        enc_ct: ``enc || ct`` of RFC 9180, of the outermost layer.
        tag: 32 bytes, of the outermost layer.
        header: the bytes that all values of one job start with.
    """

    layers: tuple[Layer, ...]
    policy: str
    enc_ct: bytes
    tag: bytes
    header: bytes

    @property
    def key_id(self) -> str:
        """``name:version`` of the outermost layer's key, the one that a reader's context may insist on."""
        return self.layers[0].key_id

    @property
    def key_ids(self) -> tuple[str, ...]:
        """All keys that opening it takes, the outermost first."""
        return tuple(layer.key_id for layer in self.layers)

    @property
    def signed_part(self) -> bytes:
        """Everything before the tag."""
        return _body(self.header, self.enc_ct)


def header(algorithm: str, key_id: str, policy: str = "", variant: str = "") -> bytes:
    """The bytes that every value sealed with this one key under this policy starts with (a multiple of 3).

    Raises FormatError where ``algorithm`` is no KEM of ours or an id is too long.
    """
    suite = suites.suite_of(algorithm, variant)
    if suite is None:
        raise FormatError(f"Keys of {algorithm} do not seal", "Use a key of an ML-KEM or hybrid algorithm")
    return header_of((Layer(suite, key_id),), policy)


def header_of(layers: Sequence[Layer], policy: str = "") -> bytes:
    """The bytes that every value of these layers, the outermost first, starts with (a multiple of 3).

    Raises FormatError where there are too many, a key serves twice, or an id is too long.
    """
    ids, policy_id = [short_text(layer.key_id, "key id") for layer in layers], short_text(policy, "policy id")
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise FormatError(f"A wrapped key has 1 to {MAX_LAYERS} layers, not {len(layers)}")
    if len(set(ids)) != len(ids):
        raise FormatError("One key cannot serve two layers", "Name a key of its own for each layer")
    heads = [
        layer.suite.encode() + bytes((suites.DRAFT, len(key_id))) for layer, key_id in zip(layers, ids, strict=True)
    ]
    if len(layers) == 1:
        fixed = MAGIC + heads[0] + bytes((len(policy_id),)) + ids[0] + policy_id
    else:
        fixed = NESTED_MAGIC + bytes((len(layers), len(policy_id))) + b"".join((*heads, *ids, policy_id))
    return fixed + bytes(-len(fixed) % 3)


def sealed_length(layers: Sequence[Layer], policy: str, plaintext: int) -> int:
    """Length in bytes of a value with a plaintext of ``plaintext`` bytes, before any encoding."""
    return len(header_of(layers, policy)) + 2 + plaintext + _overhead(layers) + TAG


def seal(plaintext: bytes, key: KeyLike, context: Context, *, variant: str = "") -> bytes:
    """Wrap a data key of 1 to 32768 bytes for one row, under ``key`` (its id and ``context.policy`` are stored).

    Needs the public key and the seal secret. Raises FormatError for a bad length, KeyStoreError for a wrong key.
    """
    return seal_nested(plaintext, (SealKey.of(key, variant),), context)


def seal_nested(plaintext: bytes, keys: Sequence[SealKey], context: Context) -> bytes:
    """Wrap a data key in one to four layers, the outermost first; each has a key of its own.

    Opening takes every key, so the value is as strong as the best of them. Raises FormatError or KeyStoreError.
    """
    if not 1 <= len(plaintext) <= MAX_PLAINTEXT:
        raise FormatError(f"A wrapped key holds 1 to {MAX_PLAINTEXT} bytes, not {len(plaintext)}")
    layers = [key.layer for key in keys]
    start = header_of(layers, context.policy)
    place = context.under(layers[0].key_id, context.policy)
    sealed = plaintext
    for at in range(len(keys) - 1, -1, -1):
        key, suite = keys[at].key, keys[at].suite
        if key.algorithm != suite.algorithm:
            raise KeyStoreError(f"The key {key.id} ({key.algorithm}) is not of {suite.label}", "Name another key")
        bound = _Bound(start, len(layers), at, place, key.id)
        enc_ct = suites.seal(suite, public_of(key), sealed, bound.info)
        sealed = enc_ct + bound.tag(key, enc_ct)
    return _body(start, sealed[:-TAG]) + sealed[-TAG:]


def recognise(value: str | bytes) -> bool:
    """Whether a stored value starts like a wrapped key of ours; it may still fail to parse."""
    return _sniff(value) is not None


def encoding_of(value: str | bytes) -> Encoding:
    """How a stored value of ours is encoded. Raises FormatError where it is not one."""
    encoding = _sniff(value)
    if encoding is None:
        raise FormatError("The value is not a wrapped key of this program")
    return encoding


def parse(value: str | bytes) -> Envelope:
    """Read a stored value (raw, hex, base64 or base64url) strictly. Raises FormatError."""
    data = decode(value, encoding_of(value))
    reader = Reader(data, _WHAT)
    nested = reader.take(len(MAGIC)) == NESTED_MAGIC
    layers, policy = _nested_head(reader) if nested else _single_head(reader)
    reader.padding(3)
    start = data[: reader.position]
    enc_ct = reader.take(reader.integer(2))
    tag = reader.take(TAG)
    reader.end()
    ids = [layer.key_id for layer in layers]
    if not all(ids) or len(set(ids)) != len(ids):
        raise FormatError("The wrapped key names no key, or one key for two layers")
    if not 1 <= len(enc_ct) - _overhead(layers) <= MAX_PLAINTEXT:
        raise FormatError("The wrapped key has a length that its suite does not allow")
    return Envelope(layers, policy, enc_ct, tag, start)


def check_tag(envelope: Envelope, keys: KeySource, context: Context) -> None:
    """Prove, without opening it, that a holder of the outermost seal secret sealed this envelope for this place.

    Raises NotAuthentic, or KeyStoreError where the key is of another algorithm or has no seal secret.
    """
    place = context.under(envelope.key_id, envelope.policy)
    layer = envelope.layers[0]
    bound = _Bound(envelope.header, len(envelope.layers), 0, place, layer.key_id)
    bound.check(_key(keys, layer), envelope.enc_ct, envelope.tag)


def open_envelope(envelope: Envelope, keys: KeySource, context: Context) -> bytes:
    """The data key of a parsed value. Raises NotAuthentic or KeyStoreError."""
    place = context.under(envelope.key_id, envelope.policy)
    opened = _open_layer(envelope, 0, keys, place, envelope.enc_ct, envelope.tag)
    for at in range(1, len(envelope.layers)):
        opened = _open_layer(envelope, at, keys, place, opened[:-TAG], opened[-TAG:])
    return opened


def open_wrapped_key(value: str | bytes, keys: KeySource, context: Context, accept: Accept = Accept()) -> bytes:
    """The data key in a stored value, for the row that ``context`` names; what an application calls.

    ``keys`` is a key provider or a function from a key id to a key. ``accept`` says which suites and how many layers
    the application's policy demands: the key's KEM and this decide, never the stored header alone.

    Raises FormatError where the value is not a wrapped key or not one that is accepted, NotAuthentic where it does not
    belong to this row or was not sealed by us, KeyStoreError for a missing key.
    """
    envelope = parse(value)
    accept.check(envelope.layers)
    return open_envelope(envelope, keys, context)


@dataclass(frozen=True, slots=True)
class _Bound:
    """What one layer is bound to: the whole header, its place among the layers, and the row under its key."""

    header: bytes
    layers: int
    at: int
    place: Context
    key_id: str

    @property
    def info(self) -> bytes:
        """``info`` of HPKE."""
        if self.layers == 1:
            return frame(_INFO_LABEL, self.header, self._context)
        return frame(_NESTED_INFO_LABEL, bytes((self.at,)), self.header, self._context)

    def tag(self, key: KeyLike, enc_ct: bytes) -> bytes:
        """The sealer's tag: HPKE base mode does not say who sealed, this does, to those who hold the seal secret."""
        secret = key.seal_secret
        if secret is None or len(secret) != _SEAL_SECRET:
            raise KeyStoreError(f"The key {key.id} has no seal secret", "Generate or import the key with pqconsole")
        body = _body(self.header, enc_ct)
        if self.layers == 1:
            return hmac.digest(secret, frame(_TAG_LABEL, self._context, body), "sha256")
        return hmac.digest(secret, frame(_NESTED_TAG_LABEL, bytes((self.at,)), self._context, body), "sha256")

    def check(self, key: KeyLike, enc_ct: bytes, tag: bytes) -> None:
        """Raises NotAuthentic where the tag is not that of a holder of the seal secret for this row."""
        if not hmac.compare_digest(self.tag(key, enc_ct), tag):
            raise NotAuthentic(
                "The wrapped key was not sealed for this row by a holder of its key",
                "Check data set, table, column and row key; restore the value from a backup",
            )

    @property
    def _context(self) -> bytes:
        return replace(self.place, key_id=self.key_id).encode()


def _open_layer(envelope: Envelope, at: int, keys: KeySource, place: Context, enc_ct: bytes, tag: bytes) -> bytes:
    layer = envelope.layers[at]
    key = _key(keys, layer)
    bound = _Bound(envelope.header, len(envelope.layers), at, place, layer.key_id)
    bound.check(key, enc_ct, tag)
    opened = suites.open_sealed(layer.suite, secret_of(key), enc_ct, bound.info)
    if opened is None:
        raise NotAuthentic("The wrapped key does not open under its key", "Restore the value from a backup")
    return opened


def _body(start: bytes, enc_ct: bytes) -> bytes:
    return start + len(enc_ct).to_bytes(2, "big") + enc_ct


def _overhead(layers: Sequence[Layer]) -> int:
    """Bytes that sealing adds to the plaintext, without the outermost tag."""
    return sum(layer.suite.enc + suites.AEAD_TAG + TAG for layer in layers) - TAG


def _key(keys: KeySource, layer: Layer) -> KeyLike:
    key = lookup(keys, layer.key_id)
    if key.algorithm != layer.suite.algorithm:
        raise KeyStoreError(
            f"The key {key.id} is of {key.algorithm}, the wrapped key needs {layer.suite.algorithm}",
            "Restore the right key",
        )
    return key


def _sniff(value: str | bytes) -> Encoding | None:
    return sniff(value, MAGIC) or sniff(value, NESTED_MAGIC)


def _single_head(reader: Reader) -> tuple[tuple[Layer, ...], str]:
    suite = _suite(reader)
    key_length, policy_length = reader.integer(1), reader.integer(1)
    key_id, policy = reader.text(key_length), reader.text(policy_length)
    return (Layer(suite, key_id),), policy


def _nested_head(reader: Reader) -> tuple[tuple[Layer, ...], str]:
    count, policy_length = reader.integer(1), reader.integer(1)
    if not 2 <= count <= MAX_LAYERS:
        raise FormatError(f"The wrapped key has {count} layers, 2 to {MAX_LAYERS} are possible")
    heads = [(_suite(reader), reader.integer(1)) for _ in range(count)]
    layers = tuple(Layer(suite, reader.text(length)) for suite, length in heads)
    return layers, reader.text(policy_length)


def _suite(reader: Reader) -> suites.Suite:
    suite = suites.suite_numbered(reader.integer(2), reader.integer(2), reader.integer(2))
    if suite is None:
        raise FormatError("The wrapped key uses an HPKE suite that is not supported", "Update pqconsole")
    draft = reader.integer(1)
    if draft != suites.DRAFT:
        raise FormatError(f"The wrapped key follows draft {draft}, which is not supported", "Update pqconsole")
    return suite
