"""The options of each scope: names, allowed values, defaults and help, as data.

The selection parser, its JSON Schema, the editor's completion and ``build`` all read these.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pqcore.errors import UsageError
from pqcore.formats.blind_index import OLD_SIZES
from pqcore.formats.digest import LEGACY
from pqcore.formats.legacy_password import NAMED
from pqcore.migrations.base import Scope


class OptionKind(StrEnum):
    """What an option's value is."""

    CHOICE = "choice"  # one of ``choices``
    COLUMN = "column"  # a column of the selection's table
    KEY = "key"  # a key of the keyring: ``name`` or ``name:version``
    KEY_REF = "key_ref"  # a key as above, or {"column": "c"} where c holds the key's name in each row
    TEXT = "text"
    BYTES = "bytes"  # a text, taken as UTF-8, or {"bytes": "00ff"} in hexadecimal
    INTEGER = "integer"  # from ``minimum`` to ``maximum``


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One option.

    Attributes:
        name: key in the selection's ``options``.
        kind: what its value is.
        help: one sentence for the editor and the docs.
        choices: allowed values of a CHOICE, most usual first.
        default: used where it is absent; None means decided by the value or not used, as ``help`` says.
        required: has to be given (where ``when`` holds).
        when: (option, value, ...): the option has to have one of the values for this one to be allowed; None: always.
        needs: another option that has to be given where this one is.
        minimum: least INTEGER.
        maximum: greatest INTEGER.
    """

    name: str
    kind: OptionKind
    help: str
    choices: tuple[str, ...] = ()
    default: Any = None
    required: bool = False
    when: tuple[str, ...] | None = None
    needs: str | None = None
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class OptionProblem:
    """What is wrong with one option; ``path`` is e.g. ``options.old_key.column``."""

    path: str
    message: str
    remedy: str


_FEW = 3  # values that a sentence can list
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_ENCODINGS = ("raw", "hex", "base64", "base64url")
_ENCODING_HELP = (
    "How the column holds bytes (new ones, where the old value is a JWE, a JWS or of Vault); by default raw for binary"
    " columns and base64 for text columns."
)
# Those of ``pqcore.crypto.suites``, named here so that nobody loads the cryptography to read options.
KDFS = ("HKDF-SHA256", "HKDF-SHA384", "HKDF-SHA512", "SHAKE256")
_LAYER_KDF_HELP = "KDF of the {} layer's HPKE; by default that of its KEM. The first layer's is the target's."
_OAEP = ("RSA-OAEP-SHA256", "RSA-OAEP-SHA1", "RSA-OAEP-SHA224", "RSA-OAEP-SHA384", "RSA-OAEP-SHA512")
_ECDSA = ("ECDSA-P256", "ECDSA-P384", "ECDSA-P521")
_PSS = ("RSA-PSS-SHA256", "RSA-PSS-SHA384", "RSA-PSS-SHA512")
_PKCS1_SIGNATURES = ("RSA-PKCS1-SHA256", "RSA-PKCS1-SHA384", "RSA-PKCS1-SHA512")
_BINARY_WRAPS = (*_OAEP, "RSA-PKCS1-v1.5", "AES-KW", "AES-KWP", "AES-GCM", "HPKE")
_BINARY_SIGNATURES = ("Ed25519", "Ed448", *_ECDSA, *_PSS, *_PKCS1_SIGNATURES)


def _prefixes(formats: tuple[str, ...]) -> tuple[OptionSpec, OptionSpec]:
    return (
        OptionSpec(
            "text_prefix",
            OptionKind.TEXT,
            "What stands before each encoded value and only frames it, e.g. vault:v1:.",
            default="",
            when=("format", *formats),
        ),
        OptionSpec(
            "byte_prefix",
            OptionKind.BYTES,
            "What stands before the bytes of each value, e.g. Tink's 01 and 4 bytes of key id.",
            default="",
            when=("format", *formats),
        ),
    )


OPTIONS: Mapping[Scope, tuple[OptionSpec, ...]] = {
    Scope.WRAPPERS: (
        OptionSpec(
            "format",
            OptionKind.CHOICE,
            "How the old keys are wrapped. Without it all values are pqconsole's own, and are sealed anew to another"
            " key or version.",
            choices=(*_BINARY_WRAPS, "JWE", "Vault"),
            needs="old_key",
        ),
        OptionSpec("encoding", OptionKind.CHOICE, _ENCODING_HELP, choices=_ENCODINGS),
        OptionSpec(
            "old_key",
            OptionKind.KEY_REF,
            "The key that opens the old values, or the column that names it in each row.",
            needs="format",
        ),
        OptionSpec("new_key", OptionKind.KEY, "The key that the new values are sealed to.", required=True),
        OptionSpec(
            "layer2_key",
            OptionKind.KEY,
            "A second key, whose layer goes around the first; opening then takes both.",
        ),
        OptionSpec("layer2_kdf", OptionKind.CHOICE, _LAYER_KDF_HELP.format("second"), choices=KDFS, needs="layer2_key"),
        OptionSpec("layer3_key", OptionKind.KEY, "A third key, whose layer goes around the second."),
        OptionSpec("layer3_kdf", OptionKind.CHOICE, _LAYER_KDF_HELP.format("third"), choices=KDFS, needs="layer3_key"),
        OptionSpec(
            "mgf1_hash",
            OptionKind.CHOICE,
            "Hash of OAEP's mask generation; by default the same as OAEP's own.",
            choices=("SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"),
            when=("format", *_OAEP),
        ),
        OptionSpec("label", OptionKind.BYTES, "OAEP label of the old values.", default="", when=("format", *_OAEP)),
        OptionSpec(
            "key_bytes",
            OptionKind.INTEGER,
            "Length of every data key; the one sign of a wrong key or a damaged value beside the padding.",
            required=True,
            minimum=8,
            maximum=512,
            when=("format", "RSA-PKCS1-v1.5"),
        ),
        OptionSpec(
            "gcm_layout",
            OptionKind.CHOICE,
            "Order of the parts; a part with a column of its own is left out.",
            choices=(
                "nonce-ciphertext-tag",
                "nonce-tag-ciphertext",
                "ciphertext-tag-nonce",
                "ciphertext-nonce-tag",
                "tag-nonce-ciphertext",
                "tag-ciphertext-nonce",
            ),
            default="nonce-ciphertext-tag",
            when=("format", "AES-GCM"),
        ),
        OptionSpec(
            "nonce_bytes",
            OptionKind.INTEGER,
            "Length of the nonce.",
            default=12,
            minimum=8,
            maximum=128,
            when=("format", "AES-GCM"),
        ),
        OptionSpec("nonce_field", OptionKind.COLUMN, "The column that holds the nonce.", when=("format", "AES-GCM")),
        OptionSpec("tag_field", OptionKind.COLUMN, "The column that holds the tag.", when=("format", "AES-GCM")),
        OptionSpec(
            "aad",
            OptionKind.BYTES,
            "Associated data, the same for all values.",
            default="",
            when=("format", "AES-GCM", "HPKE", "Vault"),
        ),
        OptionSpec(
            "aad_field",
            OptionKind.COLUMN,
            "The column that holds each row's associated data; numbers are taken in decimal.",
            when=("format", "AES-GCM", "HPKE", "Vault"),
        ),
        OptionSpec(
            "hpke_aead",
            OptionKind.CHOICE,
            "AEAD of the suite; the KEM is that of the key (X25519 or P-256).",
            choices=("AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"),
            required=True,
            when=("format", "HPKE"),
        ),
        OptionSpec(
            "hpke_kdf",
            OptionKind.CHOICE,
            "KDF of the suite.",
            choices=("HKDF-SHA256", "HKDF-SHA384", "HKDF-SHA512"),
            default="HKDF-SHA256",
            when=("format", "HPKE"),
        ),
        OptionSpec("info", OptionKind.BYTES, "The application's info of HPKE.", default="", when=("format", "HPKE")),
        *_prefixes(_BINARY_WRAPS),
        OptionSpec(
            "check",
            OptionKind.CHOICE,
            "How the check value is made that a column holds for each data key; data keys without theirs are refused.",
            choices=("AES-ECB", "AES-CMAC", "SHA-1", "SHA-256"),
            when=("format", *_BINARY_WRAPS, "JWE", "Vault"),
            needs="check_field",
        ),
        OptionSpec(
            "check_field",
            OptionKind.COLUMN,
            "The column of the check value: bytes, or hexadecimal text.",
            when=("format", *_BINARY_WRAPS, "JWE", "Vault"),
            needs="check",
        ),
        OptionSpec(
            "max_key_bytes",
            OptionKind.INTEGER,
            "Longest data key to expect; the width of the new values is checked for it.",
            default=64,
            minimum=1,
            maximum=32768,
        ),
    ),
    Scope.SIGNATURES: (
        OptionSpec(
            "format",
            OptionKind.CHOICE,
            "How the old signatures were made.",
            choices=(*_BINARY_SIGNATURES, "JWS", "JWS-detached"),
            required=True,
        ),
        OptionSpec("encoding", OptionKind.CHOICE, _ENCODING_HELP, choices=_ENCODINGS),
        OptionSpec(
            "payload",
            OptionKind.COLUMN,
            "The column that was signed; text is taken as UTF-8.",
            required=True,
            when=("format", *_BINARY_SIGNATURES, "JWS-detached"),
        ),
        OptionSpec(
            "old_key",
            OptionKind.KEY_REF,
            "The public key that verifies the old signatures, or the column that names it in each row.",
            required=True,
        ),
        OptionSpec(
            "new_key", OptionKind.KEY, "The key that signs: ML-DSA, composite ML-DSA, SLH-DSA or Falcon.", required=True
        ),
        OptionSpec(
            "mode",
            OptionKind.CHOICE,
            "Keep the old signature beside the new one, or write the new one in its place.",
            choices=("countersign", "replace"),
            default="countersign",
        ),
        OptionSpec(
            "signature_field",
            OptionKind.COLUMN,
            "The column for the new signature; without it, signatures go to pq_migration_signatures.",
            when=("mode", "countersign"),
        ),
        OptionSpec(
            "signature_encoding",
            OptionKind.CHOICE,
            "How signature_field holds bytes; by default as the old signature's column does.",
            choices=_ENCODINGS,
            when=("mode", "countersign"),
        ),
        OptionSpec(
            "salt_length",
            OptionKind.CHOICE,
            "Salt length of RSA-PSS: any, the digest's length, or the longest that fits.",
            choices=("auto", "digest", "max"),
            default="auto",
            when=("format", *_PSS),
        ),
        OptionSpec(
            "ecdsa_encoding",
            OptionKind.CHOICE,
            "Whether an ECDSA signature is DER, or r and s side by side (IEEE P1363, JOSE).",
            choices=("der", "raw"),
            default="der",
            when=("format", *_ECDSA),
        ),
        OptionSpec(
            "ecdsa_hash",
            OptionKind.CHOICE,
            "Hash of the ECDSA signatures; by default that of the curve's strength, SHA-256 for P-256 and so on.",
            choices=("SHA-256", "SHA-384", "SHA-512"),
            when=("format", *_ECDSA),
        ),
        OptionSpec(
            "low_s",
            OptionKind.CHOICE,
            "Whether the higher of the two s that verify is refused, where the old signer never wrote it.",
            choices=("any", "required"),
            default="any",
            when=("format", *_ECDSA),
        ),
        *_prefixes(_BINARY_SIGNATURES),
    ),
    Scope.HASHES: (
        OptionSpec(
            "mode",
            OptionKind.CHOICE,
            "Password hashes are wrapped in Argon2id, digests recomputed from their content, blind indexes recomputed"
            " under a new key, or nested in it where their content cannot be read.",
            choices=("password", "digest", "blind-index", "nested-index"),
            required=True,
        ),
        OptionSpec(
            "pepper",
            OptionKind.KEY,
            "A key of the kind PEPPER, mixed into each password hash.",
            when=("mode", "password"),
        ),
        OptionSpec(
            "scheme",
            OptionKind.CHOICE,
            "What password hashes are that do not say it themselves, e.g. 32 hexadecimal digits; never guessed.",
            choices=NAMED,
            when=("mode", "password"),
        ),
        OptionSpec(
            "user",
            OptionKind.COLUMN,
            "The column of the user name, which some schemes take as salt.",
            when=("mode", "password"),
        ),
        OptionSpec(
            "salt",
            OptionKind.COLUMN,
            "The column of the salt, for schemes whose name says where it goes, e.g. SHA-1(salt+password).",
            when=("mode", "password"),
        ),
        OptionSpec(
            "max_salt_chars",
            OptionKind.INTEGER,
            "Longest salt of the old hashes to expect; the width of the new values is checked for it.",
            default=23,
            minimum=0,
            maximum=1024,
            when=("mode", "password"),
        ),
        OptionSpec(
            "source",
            OptionKind.COLUMN,
            "The column that the digest or index is of; text is taken as UTF-8.",
            required=True,
            when=("mode", "digest", "blind-index"),
        ),
        OptionSpec(
            "format",
            OptionKind.CHOICE,
            "The old digest or index; auto tells by its length, which the content then has to prove.",
            choices=("auto", *dict.fromkeys((*LEGACY, *OLD_SIZES))),
            default="auto",
            when=("mode", "digest", "blind-index", "nested-index"),
        ),
        OptionSpec(
            "encoding",
            OptionKind.CHOICE,
            "How the column holds digests; by default raw for binary columns and hex for text columns.",
            choices=_ENCODINGS,
            when=("mode", "digest", "blind-index", "nested-index"),
        ),
        OptionSpec(
            "old_key",
            OptionKind.KEY,
            "The key of the old indexes; without it they are digests that anybody can compute.",
            when=("mode", "blind-index"),
        ),
        OptionSpec(
            "new_key",
            OptionKind.KEY,
            "The HMAC key of the new indexes.",
            required=True,
            when=("mode", "blind-index", "nested-index"),
        ),
        OptionSpec(
            "normalize",
            OptionKind.CHOICE,
            "What the application does to the content before it computes an index.",
            choices=("none", "trim", "lower", "trim-lower"),
            default="none",
            when=("mode", "blind-index"),
        ),
        OptionSpec(
            "style",
            OptionKind.CHOICE,
            "tagged writes e.g. sha3-512:<hex>, plain keeps the encoding; by default tagged for text, plain for raw.",
            choices=("tagged", "plain"),
            when=("mode", "digest"),
        ),
    ),
}

INDEX_MODES = ("blind-index", "nested-index")
# What each mode of the scope hashes migrates to, by the beginning of the algorithm's name.
_TARGETS_OF_MODE = {"password": "Argon2id", "digest": "SHA", "blind-index": "HMAC-", "nested-index": "HMAC-"}

# Other standards' names for the same thing, taken in selections.
ALIASES: Mapping[str, str] = {
    "RSA-OAEP": "RSA-OAEP-SHA1",
    "RSA-OAEP-256": "RSA-OAEP-SHA256",
    "RSA-OAEP-384": "RSA-OAEP-SHA384",
    "RSA-OAEP-512": "RSA-OAEP-SHA512",
}


def problems(scope: Scope, options: Mapping[str, Any]) -> list[OptionProblem]:
    """Everything that is wrong with ``options`` on their own, without a database or keys."""
    specs = {spec.name: spec for spec in OPTIONS[scope]}
    found = [_unknown(name, specs) for name in options if name not in specs]
    for spec in specs.values():
        path = f"options.{spec.name}"
        value = options.get(spec.name)
        if not applies(spec, specs, options):
            # while what decides about it is missing, that is the problem
            if value is not None and spec.when is not None and _decided(spec.when[0], specs, options):
                other, *wanted = spec.when
                message = f"This option goes with {other} {' or '.join(map(repr, wanted))} only"
                if len(wanted) > _FEW:
                    message = f"This option needs {'another' if options.get(other) else 'the option'} {other}"
                found.append(OptionProblem(path, message, f"Remove it, or set {other}"))
        elif value is None:
            if spec.required:
                found.append(OptionProblem(path, "This option is required", _how_to_set(spec)))
        else:
            found.extend(_value_problem(spec, value, path))
            if spec.needs is not None and options.get(spec.needs) is None:
                message = f"This option is required with {spec.name}"
                found.append(OptionProblem(f"options.{spec.needs}", message, _how_to_set(specs[spec.needs])))
    return found


def _decided(name: str, specs: Mapping[str, OptionSpec], options: Mapping[str, Any]) -> bool:
    return not specs[name].required or options.get(name) is not None


def applies(spec: OptionSpec, specs: Mapping[str, OptionSpec], options: Mapping[str, Any]) -> bool:
    """Whether ``spec`` is allowed beside the values that ``options`` have; ``specs`` are its scope's, by name."""
    if spec.when is None:
        return True
    name, *wanted = spec.when
    value = options.get(name)
    if value is None:
        value = specs[name].default
    return isinstance(value, str) and ALIASES.get(value, value) in wanted


def suits(algorithm: str, mode: Any) -> bool:
    """Whether a target of the scope hashes serves a mode; digests are meant where there is none yet."""
    start = _TARGETS_OF_MODE.get(mode, "SHA") if isinstance(mode, str) else "SHA"
    return algorithm.startswith(start)


def resolve(scope: Scope, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with defaults filled in and aliases resolved; absent ones are None.

    Raises UsageError that names the first problem's place.
    """
    wrong = problems(scope, options)
    if wrong:
        first = wrong[0]
        raise UsageError(f"{first.path}: {first.message}", first.remedy)
    values = {spec.name: options.get(spec.name, spec.default) for spec in OPTIONS[scope]}
    chosen = {spec.name for spec in OPTIONS[scope] if spec.kind is OptionKind.CHOICE}
    return {name: ALIASES.get(value, value) if name in chosen else value for name, value in values.items()}


def octets(value: str | Mapping[str, str]) -> bytes:
    """The bytes of a BYTES option's value."""
    return value.encode() if isinstance(value, str) else bytes.fromhex(value["bytes"])


def for_column(scope: Scope, options: Mapping[str, Any], *, binary: bool) -> dict[str, Any]:
    """The options with ``encoding`` filled in from the kind of the field's column, where it is absent.

    Without it each value is taken by its own type, which works too, but widths and marks are less exact.
    """
    filled = dict(options)
    if scope is Scope.HASHES and options.get("mode") not in INDEX_MODES and options.get("mode") != "digest":
        return filled
    if filled.get("encoding") is None:
        text = "hex" if scope is Scope.HASHES else "base64"
        filled["encoding"] = "raw" if binary and filled.get("style") != "tagged" else text
    return filled


def columns_named(scope: Scope, options: Mapping[str, Any]) -> dict[str, str]:
    """The columns that options name, by the path of the option; for checks against the live table."""
    named: dict[str, str] = {}
    for spec in OPTIONS[scope]:
        value = options.get(spec.name)
        if spec.kind is OptionKind.COLUMN and isinstance(value, str):
            named[f"options.{spec.name}"] = value
        elif spec.kind is OptionKind.KEY_REF and isinstance(value, Mapping) and isinstance(value.get("column"), str):
            named[f"options.{spec.name}.column"] = value["column"]
    return named


def keys_named(scope: Scope, options: Mapping[str, Any]) -> dict[str, str]:
    """The keys that options name, by the path of the option."""
    kinds = (OptionKind.KEY, OptionKind.KEY_REF)
    return {
        f"options.{spec.name}": value
        for spec in OPTIONS[scope]
        if spec.kind in kinds and isinstance(value := options.get(spec.name), str)
    }


def _unknown(name: str, specs: Mapping[str, OptionSpec]) -> OptionProblem:
    near = difflib.get_close_matches(name, specs, n=1)
    remedy = f"Did you mean {near[0]}" if near else f"Use {', '.join(specs)}"
    return OptionProblem(f"options.{name}", "There is no such option in this scope", remedy)


def _value_problem(spec: OptionSpec, value: Any, path: str) -> list[OptionProblem]:
    match spec.kind:
        case OptionKind.CHOICE:
            known = isinstance(value, str) and ALIASES.get(value, value) in spec.choices
            message = "This value is not known"
        case OptionKind.INTEGER:
            known = isinstance(value, int) and not isinstance(value, bool) and _in_bounds(spec, value)
            message = "This is not a whole number in the allowed range"
        case OptionKind.KEY_REF if isinstance(value, Mapping):
            known = set(value) == {"column"} and isinstance(value["column"], str) and bool(value["column"])
            message = "This does not name a column"
        case OptionKind.TEXT:
            known = isinstance(value, str)
            message = "This is not text"
        case OptionKind.BYTES:
            known = isinstance(value, str) or _is_octets(value)
            message = "This is neither text nor bytes in hexadecimal"
        case _:
            known = isinstance(value, str) and bool(value)
            message = "This is not a name"
    return [] if known else [OptionProblem(path, message, _how_to_set(spec))]


def _is_octets(value: Any) -> bool:
    if not isinstance(value, Mapping) or set(value) != {"bytes"}:
        return False
    return isinstance(value["bytes"], str) and _HEX.fullmatch(value["bytes"]) is not None


def _in_bounds(spec: OptionSpec, value: int) -> bool:
    return (spec.minimum is None or value >= spec.minimum) and (spec.maximum is None or value <= spec.maximum)


def _how_to_set(spec: OptionSpec) -> str:
    match spec.kind:
        case OptionKind.CHOICE:
            return f"Set it to {' or '.join(spec.choices)}"
        case OptionKind.INTEGER:
            return f"Set it to a number from {spec.minimum} to {spec.maximum}"
        case OptionKind.COLUMN:
            return "Set it to the name of a column"
        case OptionKind.KEY:
            return "Set it to the name of a key; `pqconsole keys list` shows them"
        case OptionKind.KEY_REF:
            return 'Set it to the name of a key, or to {"column": "..."}'
        case OptionKind.TEXT:
            return "Set it to a text"
        case OptionKind.BYTES:
            return 'Set it to a text, or to {"bytes": "00ff"}'
