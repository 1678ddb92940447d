"""The old password schemes: what each takes, within which bounds, and what a password comes out as under it.

Composed of hashlib, bcrypt and libpass (the maintained passlib), which is imported when one of its schemes is first
derived. How old hashes are written is the business of ``legacy_text``.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import bcrypt

from pqcore.formats.errors import FormatError

BCRYPT_BYTES = 72  # what bcrypt takes of a password; old systems cut silently, so this layer does too
MAX_PBKDF2_ITERATIONS = 10_000_000
MAX_BCRYPT_COST = 16
MAX_SCRYPT_MEMORY = 256 << 20
MAX_SALT = 1024
# What iterates over the password itself takes no more of it; libpass and WordPress draw the line there too.
MAX_PASSWORD = 4096
ATLASSIAN_ITERATIONS = 10_000
CRYPT_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Scheme(StrEnum):
    """Old schemes by the code that stands for them in the wrapped form; docs/FORMATS.md lists what they read."""

    PBKDF2_MD5 = "p5"
    PBKDF2_SHA1 = "p1"
    PBKDF2_SHA256 = "p256"
    PBKDF2_SHA512 = "p512"
    PBKDF2_SHA1_24 = "p1d"  # 24 bytes: Dwayne Litzenberger's
    PBKDF2_SHA1_32 = "p1a"  # 32 bytes: Atlassian's
    SCRYPT_32 = "sc32"
    SCRYPT_64 = "sc64"
    BCRYPT_2A = "bc2a"
    BCRYPT_2B = "bc2b"
    BCRYPT_2Y = "bc2y"
    BCRYPT_SHA256 = "bs2b"  # Django: of the password's SHA-256 in hexadecimal
    BCRYPT_SHA256_BASE64 = "bp1"  # libpass, first version: of its SHA-256 in base64
    BCRYPT_HMAC_SHA256 = "bp2"  # libpass, second version: of HMAC-SHA-256(salt, password) in base64
    BCRYPT_WORDPRESS = "bw2y"  # of HMAC-SHA-384("wp-sha384", password) in base64
    SALTED_MD5 = "s5"  # H(salt | password)
    SALTED_SHA1 = "s1"
    SALTED_SHA256 = "s256"
    SALTED_SHA512 = "s512"
    MD4 = "d4"  # H(password | salt), the salt may be empty
    LDAP_MD5 = "l5"
    LDAP_SHA1 = "l1"
    LDAP_SHA224 = "l224"
    LDAP_SHA256 = "l256"
    LDAP_SHA384 = "l384"
    LDAP_SHA512 = "l512"
    MD5_CRYPT = "c1"
    APR_MD5_CRYPT = "ca1"
    SHA256_CRYPT = "c5"
    SHA512_CRYPT = "c6"
    SHA1_CRYPT = "cs1"
    SUN_MD5_CRYPT = "csm"
    DES_CRYPT = "cd"
    BSDI_CRYPT = "cbs"
    BIGCRYPT = "cbg"
    CRYPT16 = "c16"
    PHPASS = "php"
    DRUPAL = "dr7"  # phpass with SHA-512, cut to 43 characters
    DRUPAL_MD5 = "dr5"  # the same of the password's MD5 in hexadecimal
    FSHP_SHA1 = "f1"
    FSHP_SHA256 = "f256"
    FSHP_SHA384 = "f384"
    FSHP_SHA512 = "f512"
    MYSQL323 = "my3"
    MYSQL41 = "my4"
    MSSQL2000 = "ms00"  # of the password in upper case
    MSSQL2005 = "ms05"
    MSSQL2012 = "ms12"
    NTHASH = "nt"
    LMHASH = "lm"
    MSDCC = "dcc"  # the schemes from here take the user name as their salt
    MSDCC2 = "dcc2"
    ORACLE10 = "or10"
    CISCO_PIX = "pix"
    CISCO_ASA = "asa"


@dataclass(frozen=True, slots=True)
class LegacyHash:
    """An old hash, parsed. ``digest`` is empty where only the parameters are known.

    Attributes:
        scheme: which scheme.
        rounds: iterations, or the cost as a power of two (bcrypt, scrypt, phpass); 0 where the scheme has none.
        salt: salt as the scheme takes it (crypt schemes: its characters).
        digest: what the password comes out as (crypt schemes: its characters).
        block: block size and lanes of scrypt, else empty.
    """

    scheme: Scheme
    rounds: int
    salt: bytes
    digest: bytes = field(default=b"", repr=False)
    block: tuple[int, ...] = ()

    @property
    def parameters(self) -> LegacyHash:
        """The same without the digest."""
        return replace(self, digest=b"")


Derive = Callable[[LegacyHash, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a scheme takes. Derivations raise ValueError for a password that the scheme refuses.

    Attributes:
        derive: the digest of a password.
        least: fewest rounds.
        most: most rounds that are computed; beyond them is an attack.
        salt: what salts look like; None: anything of up to ``MAX_SALT`` bytes.
        blocks: numbers of ``LegacyHash.block``.
    """

    derive: Derive
    least: int = 0
    most: int = 0
    salt: re.Pattern[bytes] | None = None
    blocks: int = 0


def check_bounds(old: LegacyHash) -> LegacyHash:
    """``old``, where its parameters are allowed: a stored cost without bounds is an attack. Raises FormatError."""
    rules = RULES[old.scheme]
    if not rules.least <= old.rounds <= rules.most:
        raise FormatError(
            f"The cost of the password hash is outside {rules.least} to {rules.most}", "Reset the password"
        )
    if len(old.salt) > MAX_SALT:
        raise FormatError(f"The salt of the password hash is longer than {MAX_SALT} bytes", "Reset the password")
    if rules.salt is not None and not rules.salt.fullmatch(old.salt):
        raise FormatError("The salt of the password hash is broken", "Reset the password")
    if len(old.block) != rules.blocks:
        raise FormatError("The cost of the password hash is broken", "Reset the password")
    if old.block:
        size, lanes = old.block
        fits = 1 <= size <= 32 and 1 <= lanes <= 16 and 128 * size << old.rounds <= MAX_SCRYPT_MEMORY
        if not fits:
            raise FormatError("The cost of the scrypt password hash is out of bounds", "Reset the password")
    return old


def derive_legacy(old: LegacyHash, password: bytes) -> bytes | None:
    """What ``password`` comes out as under the old hash's scheme, salt and cost (its ``digest``, if it is right).

    None where the scheme takes no such password, e.g. one with a zero byte. Raises FormatError for parameters out of
    bounds.
    """
    try:
        return RULES[check_bounds(old).scheme].derive(old, password)
    except FormatError:
        raise
    except ValueError:  # of libpass and bcrypt; UnicodeError is one too
        return None


def _pbkdf2(name: str, length: int) -> Derive:
    return lambda old, password: hashlib.pbkdf2_hmac(name, password, old.salt, old.rounds, length)


def _scrypt(length: int) -> Derive:
    def derive(old: LegacyHash, password: bytes) -> bytes:
        size, lanes = old.block
        memory = 2 * MAX_SCRYPT_MEMORY
        return hashlib.scrypt(password, salt=old.salt, n=1 << old.rounds, r=size, p=lanes, maxmem=memory, dklen=length)

    return derive


def _bcrypt(version: str, prepare: Callable[[LegacyHash, bytes], bytes] = lambda _, password: password) -> Derive:
    def derive(old: LegacyHash, password: bytes) -> bytes:
        setting = f"${version}${old.rounds:02d}$".encode() + old.salt
        return bcrypt.hashpw(prepare(old, password)[:BCRYPT_BYTES], setting)[-31:]

    return derive


def _digest(name: str, *, salt_first: bool) -> Derive:
    def derive(old: LegacyHash, password: bytes) -> bytes:
        salted = old.salt + password if salt_first else password + old.salt
        return hashlib.new(name, salted, usedforsecurity=False).digest()

    return derive


def _wide(name: str, prepare: Callable[[str], str] = str) -> Derive:
    """SQL Server's: H(the password in UTF-16 | salt)."""

    def derive(old: LegacyHash, password: bytes) -> bytes:
        text = prepare(password.decode()).encode("utf-16-le")
        return hashlib.new(name, text + old.salt, usedforsecurity=False).digest()

    return derive


def _drupal(prepare: Callable[[bytes], bytes] = bytes) -> Derive:
    def derive(old: LegacyHash, password: bytes) -> bytes:
        password = prepare(_short(password))
        digest = hashlib.sha512(old.salt + password).digest()
        for _ in range(1 << old.rounds):
            digest = hashlib.sha512(digest + password).digest()
        return _h64(digest)[:43].encode()

    return derive


def _libpass(
    name: str,
    read: Callable[[str], bytes],
    *,
    salted: bool = True,
    text: bool = False,
    user: bool = False,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> Derive:
    """Through the libpass handler ``name``.

    Args:
        name: its name.
        read: takes the digest from what the handler writes.
        salted: it takes a salt (raw bytes for ``fshp``).
        text: it takes passwords as text: those that are no UTF-8 are refused.
        user: the salt is the name of the user.
        settings: its other settings.
    """

    def derive(old: LegacyHash, password: bytes) -> bytes:
        handler, chosen = _handler(name), dict(settings)
        if salted:
            chosen["salt"] = old.salt if name == "fshp" else old.salt.decode("ascii")
        if old.rounds or "rounds" in handler.setting_kwds:
            chosen["rounds"] = old.rounds
        context = {"user": old.salt.decode()} if user else {}
        secret = _short(password)
        return read(handler.using(**chosen).hash(secret.decode() if text else secret, **context))

    return derive


@functools.cache
def _handler(name: str) -> Any:
    # Not at the top: importing it takes longer than all of this package, and few columns need it.
    from passlib import hash as handlers

    return getattr(handlers, name)


def _short(password: bytes) -> bytes:
    if len(password) > MAX_PASSWORD:
        raise ValueError("the scheme takes no such long password")
    return password


def _last(count: int) -> Callable[[str], bytes]:
    return lambda text: text[-count:].encode("ascii")


def _last_hex(count: int) -> Callable[[str], bytes]:
    return lambda text: bytes.fromhex(text[-count:])


def _fshp(length: int) -> Callable[[str], bytes]:
    return lambda text: base64.b64decode(text.partition("}")[2])[-length:]


def _h64(data: bytes) -> str:
    """The little-endian base64 of crypt(3)."""
    out: list[str] = []
    for at in range(0, len(data), 3):
        group = data[at : at + 3]
        number = int.from_bytes(group, "little")
        out += (CRYPT_ALPHABET[number >> 6 * i & 63] for i in range(len(group) + 1))
    return "".join(out)


def _base64_hmac(name: str) -> Callable[[LegacyHash, bytes], bytes]:
    return lambda old, password: base64.b64encode(hmac.digest(old.salt, password, name))


def _crypt(name: str, chars: int, salt: str, least: int = 0, most: int = 0) -> Rules:
    """A crypt(3) scheme, whose salt and digest are characters."""
    pattern = re.compile(rb"[./0-9A-Za-z]" + salt.encode())
    return Rules(_libpass(name, _last(chars)), least, most, pattern)


def _fshp_rules(variant: int, length: int) -> Rules:
    return Rules(_libpass("fshp", _fshp(length), settings={"variant": variant}), 1, 5_000_000)


def _user_rules(name: str, read: Callable[[str], bytes], *, text: bool) -> Rules:
    return Rules(_libpass(name, read, salted=False, text=text, user=True), salt=re.compile(rb"(?s).+"))


_PBKDF2 = {
    Scheme.PBKDF2_MD5: ("md5", 16),
    Scheme.PBKDF2_SHA1: ("sha1", 20),
    Scheme.PBKDF2_SHA256: ("sha256", 32),
    Scheme.PBKDF2_SHA512: ("sha512", 64),
    Scheme.PBKDF2_SHA1_24: ("sha1", 24),
    Scheme.PBKDF2_SHA1_32: ("sha1", 32),
}
_BCRYPT: Mapping[Scheme, Derive] = {
    Scheme.BCRYPT_2A: _bcrypt("2a"),
    Scheme.BCRYPT_2B: _bcrypt("2b"),
    Scheme.BCRYPT_2Y: _bcrypt("2y"),
    Scheme.BCRYPT_SHA256: _bcrypt("2b", lambda _, password: hashlib.sha256(password).hexdigest().encode()),
    Scheme.BCRYPT_SHA256_BASE64: _bcrypt("2b", lambda _, password: base64.b64encode(hashlib.sha256(password).digest())),
    Scheme.BCRYPT_HMAC_SHA256: _bcrypt("2b", _base64_hmac("sha256")),
    Scheme.BCRYPT_WORDPRESS: _bcrypt(
        "2y", lambda _, password: base64.b64encode(hmac.digest(b"wp-sha384", password, "sha384"))
    ),
}
_DIGESTS: Mapping[Scheme, Derive] = {
    Scheme.SALTED_MD5: _digest("md5", salt_first=True),
    Scheme.SALTED_SHA1: _digest("sha1", salt_first=True),
    Scheme.SALTED_SHA256: _digest("sha256", salt_first=True),
    Scheme.SALTED_SHA512: _digest("sha512", salt_first=True),
    Scheme.LDAP_MD5: _digest("md5", salt_first=False),
    Scheme.LDAP_SHA1: _digest("sha1", salt_first=False),
    Scheme.LDAP_SHA224: _digest("sha224", salt_first=False),
    Scheme.LDAP_SHA256: _digest("sha256", salt_first=False),
    Scheme.LDAP_SHA384: _digest("sha384", salt_first=False),
    Scheme.LDAP_SHA512: _digest("sha512", salt_first=False),
}
_NO_SALT = re.compile(rb"")
_DRUPAL_SALT = re.compile(rb"[./0-9A-Za-z]{8}")

RULES: Mapping[Scheme, Rules] = {
    **{scheme: Rules(_pbkdf2(*named), 1, MAX_PBKDF2_ITERATIONS) for scheme, named in _PBKDF2.items()},
    **{
        scheme: Rules(derive, 4, MAX_BCRYPT_COST, re.compile(rb"[./A-Za-z0-9]{21}[.Oeu]"))
        for scheme, derive in _BCRYPT.items()
    },
    **{scheme: Rules(derive) for scheme, derive in _DIGESTS.items()},
    Scheme.SCRYPT_32: Rules(_scrypt(32), 1, 20, blocks=2),
    Scheme.SCRYPT_64: Rules(_scrypt(64), 1, 20, blocks=2),
    Scheme.MD4: Rules(_libpass("hex_md4", _last_hex(32), salted=False), salt=_NO_SALT),
    Scheme.MD5_CRYPT: _crypt("md5_crypt", 22, "{0,8}"),
    Scheme.APR_MD5_CRYPT: _crypt("apr_md5_crypt", 22, "{0,8}"),
    Scheme.SHA256_CRYPT: _crypt("sha256_crypt", 43, "{0,16}", 1000, 5_000_000),
    Scheme.SHA512_CRYPT: _crypt("sha512_crypt", 86, "{0,16}", 1000, 5_000_000),
    Scheme.SHA1_CRYPT: _crypt("sha1_crypt", 28, "{0,64}", 1, 5_000_000),
    Scheme.SUN_MD5_CRYPT: _crypt("sun_md5_crypt", 22, "{0,64}", 0, 1_000_000),
    Scheme.DES_CRYPT: _crypt("des_crypt", 11, "{2}"),
    Scheme.BSDI_CRYPT: _crypt("bsdi_crypt", 11, "{4}", 1, 500_000),
    Scheme.BIGCRYPT: Rules(
        _libpass("bigcrypt", lambda text: text[2:].encode("ascii")), salt=re.compile(rb"[./0-9A-Za-z]{2}")
    ),
    Scheme.CRYPT16: _crypt("crypt16", 22, "{2}"),
    Scheme.PHPASS: _crypt("phpass", 22, "{8}", 7, 22),
    Scheme.DRUPAL: Rules(_drupal(), 7, 22, _DRUPAL_SALT),
    Scheme.DRUPAL_MD5: Rules(
        _drupal(lambda password: hashlib.md5(password, usedforsecurity=False).hexdigest().encode()), 7, 22, _DRUPAL_SALT
    ),
    Scheme.FSHP_SHA1: _fshp_rules(0, 20),
    Scheme.FSHP_SHA256: _fshp_rules(1, 32),
    Scheme.FSHP_SHA384: _fshp_rules(2, 48),
    Scheme.FSHP_SHA512: _fshp_rules(3, 64),
    Scheme.MYSQL323: Rules(_libpass("mysql323", _last_hex(16), salted=False), salt=_NO_SALT),
    Scheme.MYSQL41: Rules(_libpass("mysql41", _last_hex(40), salted=False), salt=_NO_SALT),
    Scheme.MSSQL2000: Rules(_wide("sha1", str.upper)),
    Scheme.MSSQL2005: Rules(_wide("sha1")),
    Scheme.MSSQL2012: Rules(_wide("sha512")),
    Scheme.NTHASH: Rules(_libpass("nthash", _last_hex(32), salted=False, text=True), salt=_NO_SALT),
    Scheme.LMHASH: Rules(_libpass("lmhash", _last_hex(32), salted=False, text=True), salt=_NO_SALT),
    Scheme.MSDCC: _user_rules("msdcc", _last_hex(32), text=True),
    Scheme.MSDCC2: _user_rules("msdcc2", _last_hex(32), text=True),
    Scheme.ORACLE10: _user_rules("oracle10", _last_hex(16), text=True),
    Scheme.CISCO_PIX: Rules(_libpass("cisco_pix", _last(16), salted=False, user=True)),
    Scheme.CISCO_ASA: Rules(_libpass("cisco_asa", _last(16), salted=False, user=True)),
}
