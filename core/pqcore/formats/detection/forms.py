"""The forms that stored values come in: what each is for, and what is known against it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from pqcore.formats.encoding import Encoding


class Use(StrEnum):
    """What a value is for."""

    WRAPPED_KEY = "wrapped key"
    SIGNATURE = "signature"
    PASSWORD = "password hash"  # noqa: S105 - a word for people
    DIGEST = "digest"
    MAC = "message authentication code"
    CIPHERTEXT = "ciphertext"  # encrypted content that is not known to be a key
    OTHER = "other"  # an identifier, a salt, a key in the clear


class Threat(StrEnum):
    """What is known against an algorithm, whatever a policy asks for."""

    NONE = "none"
    QUANTUM = "quantum"  # Shor's algorithm
    TODAY = "today"


@dataclass(frozen=True, slots=True)
class Form:
    """One form.

    Attributes:
        name: what reports call it; the catalogue's name of its algorithm where there is one.
        use: what it is for.
        threat: what is known against its algorithm.
        why: the reason for the threat in a few words.
        category: NIST security category of its algorithm; None where none was assigned.
        own: written by this program.
        wraps_old: the value itself says that it was made over an older value.
        frame: the product whose prefix stands before the value; ``name`` begins with it.
    """

    name: str
    use: Use
    threat: Threat = Threat.NONE
    why: str = ""
    category: int | None = None
    own: bool = False
    wraps_old: bool = False
    frame: str = ""

    @property
    def inner(self) -> str:
        """The name of the form behind the prefix of another product."""
        return self.name.removeprefix(f"{self.frame} ") if self.frame else self.name

    def __hash__(self) -> int:
        return hash(self.name)  # counted by the million: the name's hash is kept by Python


Detail = tuple[str, str | int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A form that a value can be, with what the value says of itself: cost, key id, policy; never key or hash bytes."""

    form: Form
    details: tuple[Detail, ...] = ()

    def detail(self, name: str) -> str | int | None:
        """What the value says under this name, None where it says nothing."""
        return next((value for known, value in self.details if known == name), None)


class State(StrEnum):
    """How far a value is known."""

    EMPTY = "empty"  # NULL or no bytes
    UNUSABLE = "unusable"  # a password marked so: "!" or "*" in front
    RECOGNISED = "recognised"  # one form
    AMBIGUOUS = "ambiguous"  # several forms that the value alone does not tell apart
    DAMAGED = "damaged"  # starts like a form and is not one
    UNRECOGNISED = "unrecognised"


class Basis(StrEnum):
    """What the answer rests on."""

    STRUCTURE = "structure"  # the value names its form and parses
    LENGTH = "length"  # the value has no mark; its length and encoding fit
    NAME = "length and the column's name"
    DECLARED = "length and the column that names the algorithm"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Detection:
    """What a value can be.

    Attributes:
        state: how far it is known.
        candidates: every form it can be, in a fixed order; more than one where ambiguous.
        basis: what that rests on.
        encoding: how the bytes are held, None for text forms and what is not recognised.
        length: bytes after decoding; characters for text forms and what is not recognised.
    """

    state: State
    candidates: tuple[Candidate, ...] = ()
    basis: Basis = Basis.NONE
    encoding: Encoding | None = None
    length: int = 0


_FACTORING = "factoring, Shor's algorithm"
_LOGARITHM = "discrete logarithms, Shor's algorithm"
COLLISIONS = "collisions are practical"
FAST = "one pass of a fast hash: guessed at billions a second"


@lru_cache(maxsize=256)
def rsa(bits: int, use: Use) -> Form:
    """An RSA block of this size as ciphertext or signature."""
    what = "signature" if use is Use.SIGNATURE else "encryption"
    if bits < 2048:
        return Form(f"RSA-{bits} {what}", use, Threat.TODAY, "less than 112 bits of strength", None)
    return Form(f"RSA-{bits} {what}", use, Threat.QUANTUM, _FACTORING)


@lru_cache(maxsize=256)
def curve(name: str, use: Use) -> Form:
    """Something that rests on an elliptic curve or on another discrete logarithm."""
    return Form(name, use, Threat.QUANTUM, _LOGARITHM)


@lru_cache(maxsize=256)
def symmetric(name: str, use: Use, bits: int) -> Form:
    """AES or another cipher: the categories are defined by the search for AES keys of 128, 192 and 256 bits."""
    return Form(name, use, category={128: 1, 192: 3, 256: 5}[bits])


@lru_cache(maxsize=256)
def post_quantum(name: str, use: Use, category: int | None, *, own: bool = False, wraps_old: bool = False) -> Form:
    """A form whose algorithm Shor's algorithm does not break."""
    return Form(name, use, category=category, own=own, wraps_old=wraps_old)


MD5 = Form("MD5", Use.DIGEST, Threat.TODAY, COLLISIONS)
RIPEMD_160 = Form("RIPEMD-160", Use.DIGEST, Threat.TODAY, "80 bits against collisions")
SHA_1 = Form("SHA-1", Use.DIGEST, Threat.TODAY, COLLISIONS)
SHA_224 = Form("SHA-224", Use.DIGEST, category=0)
SHA3_224 = Form("SHA3-224", Use.DIGEST, category=0)
# Categories 2, 4 and 5 are, or exceed, the search for collisions of SHA-256, SHA-384 and SHA-512.
SHA_256 = Form("SHA-256", Use.DIGEST, category=2)
SHA3_256 = Form("SHA3-256", Use.DIGEST, category=2)
BLAKE2S = Form("BLAKE2s-256", Use.DIGEST, category=2)
SHA_384 = Form("SHA-384", Use.DIGEST, category=4)
SHA3_384 = Form("SHA3-384", Use.DIGEST, category=4)
SHA_512 = Form("SHA-512", Use.DIGEST, category=5)
SHA3_512 = Form("SHA3-512", Use.DIGEST, category=5)
BLAKE2B = Form("BLAKE2b-512", Use.DIGEST, category=5)

# HMAC does not rest on collisions: with MD5 and SHA-1 it is retired, not broken, and below what any policy asks for.
HMAC_MD5 = Form("HMAC-MD5", Use.MAC, category=0)
HMAC_SHA_1 = Form("HMAC-SHA-1", Use.MAC, category=0)
HMAC_SHA_224 = Form("HMAC-SHA-224", Use.MAC, category=1)
HMAC_SHA_256 = Form("HMAC-SHA-256", Use.MAC, category=2)
HMAC_SHA_384 = Form("HMAC-SHA-384", Use.MAC, category=4)
HMAC_SHA_512 = Form("HMAC-SHA-512", Use.MAC, category=5)
HMAC_SHA3_256 = Form("HMAC-SHA3-256", Use.MAC, category=2)
HMAC_SHA3_384 = Form("HMAC-SHA3-384", Use.MAC, category=4)
HMAC_SHA3_512 = Form("HMAC-SHA3-512", Use.MAC, category=5)

NTLM = Form("NTLM", Use.PASSWORD, Threat.TODAY, "one pass of MD4 without a salt")
LM = Form("LM", Use.PASSWORD, Threat.TODAY, "DES over two halves of seven letters")
RAW_MD4 = Form("MD4 of the password", Use.PASSWORD, Threat.TODAY, FAST)
MSDCC = Form("MS-DCC", Use.PASSWORD, Threat.TODAY, "two passes of MD4")
MSDCC2 = Form("MS-DCC2", Use.PASSWORD)  # PBKDF2-HMAC-SHA-1 over it
RAW_MD5 = Form("MD5 of the password", Use.PASSWORD, Threat.TODAY, FAST)
RAW_SHA_1 = Form("SHA-1 of the password", Use.PASSWORD, Threat.TODAY, FAST)
RAW_SHA_224 = Form("SHA-224 of the password", Use.PASSWORD, Threat.TODAY, FAST)
RAW_SHA_256 = Form("SHA-256 of the password", Use.PASSWORD, Threat.TODAY, FAST)
RAW_SHA_384 = Form("SHA-384 of the password", Use.PASSWORD, Threat.TODAY, FAST)
RAW_SHA_512 = Form("SHA-512 of the password", Use.PASSWORD, Threat.TODAY, FAST)

UUID = Form("UUID without hyphens", Use.OTHER)
RANDOM = Form("random bytes", Use.OTHER)  # a salt, a nonce, an identifier, a key in the clear
