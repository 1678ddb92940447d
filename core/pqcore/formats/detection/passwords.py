"""Password hashes by what they start with: libpass, Django, Werkzeug, WordPress, Drupal, LDAP, databases, crypt(3).

Recognised by their shape alone. Whether this build can read and wrap one is the matter of ``pqcore.formats.password``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pqcore.formats.detection.forms import (
    FAST,
    NTLM,
    RAW_MD5,
    RAW_SHA_1,
    RAW_SHA_256,
    RAW_SHA_512,
    Candidate,
    Detail,
    Form,
    Threat,
    Use,
)

_H64 = r"[./0-9A-Za-z]"
_B64 = r"[A-Za-z0-9+/]"
_AB64 = r"[A-Za-z0-9./]"
_HEX = r"[0-9A-Fa-f]"
_ANY_SALT = r"[^$]{0,1024}"
_SALT_WITH_SIGNS = r".{0,1024}"  # the digest behind it has a fixed length, so it may hold anything


@dataclass(frozen=True, slots=True)
class _Shape:
    """A form, what its values start with, and the whole of them; named groups of the pattern are details."""

    form: Form
    start: str
    whole: re.Pattern[str]
    fixed: tuple[Detail, ...] = ()


def _slow(name: str) -> Form:
    """A hash made for passwords: how strong it is depends on its cost."""
    return Form(name, Use.PASSWORD)


def _weak(name: str, why: str = FAST) -> Form:
    return Form(name, Use.PASSWORD, Threat.TODAY, why)


ARGON2ID = _slow("Argon2id")
ARGON2I = _slow("Argon2i")
ARGON2D = _slow("Argon2d")
BCRYPT = _slow("bcrypt")
BCRYPT_SHA256 = _slow("bcrypt over SHA-256")
BCRYPT_SHA384 = _slow("bcrypt over HMAC-SHA-384")
SCRYPT = _slow("scrypt")
YESCRYPT = _slow("yescrypt")
PBKDF2_SHA1 = _slow("PBKDF2-HMAC-SHA-1")
PBKDF2_SHA256 = _slow("PBKDF2-HMAC-SHA-256")
PBKDF2_SHA512 = _slow("PBKDF2-HMAC-SHA-512")
SCRAM_SHA256 = _slow("SCRAM-SHA-256")
SCRAM = _slow("SCRAM of several hashes")  # libpass: one verifier for each
SHA256_CRYPT = _slow("sha256_crypt")
SHA512_CRYPT = _slow("sha512_crypt")
DRUPAL7 = _slow("Drupal 7 (iterated SHA-512)")
CACHING_SHA2 = _slow("MySQL caching_sha2")

_MD5_LOOP = "a thousand passes of MD5"
_MD5_CRYPT = _weak("md5_crypt", _MD5_LOOP)
_PHPASS = _weak("phpass (iterated MD5)", "a few thousand passes of MD5")
_DES = "56-bit DES over eight characters"
_SHA1_CRYPT = _slow("sha1_crypt")
_SALTED_MD5 = _weak("salted MD5")
_SALTED_SHA1 = _weak("salted SHA-1")
_SALTED_SHA256 = _weak("salted SHA-256")
_SALTED_SHA384 = _weak("salted SHA-384")
_SALTED_SHA512 = _weak("salted SHA-512")
_PLAIN = _weak("password in the clear", "it is not hashed")
_POSTGRES_MD5 = _weak("PostgreSQL md5")
_MYSQL_41 = _weak("MySQL 4.1 (SHA-1 twice)")
_MSSQL_SHA1 = _weak("SQL Server SHA-1")
_MSSQL_SHA512 = _weak("SQL Server SHA-512")
_ORACLE_11 = _weak("Oracle 11 (salted SHA-1)")
_DES_CRYPT = _weak("des_crypt", _DES)
_BSDI_CRYPT = _weak("bsdi_crypt", "56-bit DES")
_SUN_MD5 = _weak("sun_md5_crypt", "a few thousand passes of MD5")

_BCRYPT_BODY = rf"\$2[abxy]?\$(?P<cost>[0-9]{{2}})\${_H64}{{53}}"
_ARGON2_BODY = (
    r"(?:v=[0-9]{1,3}\$)?m=(?P<m>[0-9]{1,10}),t=(?P<t>[0-9]{1,10}),p=(?P<p>[0-9]{1,8})"
    rf"(?:,keyid={_B64}*)?(?:,data={_B64}*)?\${_B64}+\${_B64}+"
)
_NUMBER = r"(?P<iterations>[0-9]{1,10})"


def _shape(form: Form, start: str, rest: str, **fixed: int) -> _Shape:
    whole = re.compile(re.escape(start) + rest, re.ASCII | re.DOTALL)
    return _Shape(form, start, whole, tuple(fixed.items()))


def _bcrypt(form: Form, start: str) -> _Shape:
    return _shape(form, start, _BCRYPT_BODY)


_SHAPES: tuple[_Shape, ...] = (
    _shape(ARGON2ID, "$argon2id$", _ARGON2_BODY),
    _shape(ARGON2I, "$argon2i$", _ARGON2_BODY),
    _shape(ARGON2D, "$argon2d$", _ARGON2_BODY),
    _shape(ARGON2ID, "argon2$argon2id$", _ARGON2_BODY),
    _shape(ARGON2I, "argon2$argon2i$", _ARGON2_BODY),
    *(_shape(BCRYPT, f"$2{minor}$", rf"(?P<cost>[0-9]{{2}})\${_H64}{{53}}") for minor in ("a", "b", "x", "y", "")),
    _bcrypt(BCRYPT, "bcrypt$"),
    _bcrypt(BCRYPT_SHA256, "bcrypt_sha256$"),
    _bcrypt(BCRYPT_SHA384, "$wp"),
    _shape(
        BCRYPT_SHA256,
        "$bcrypt-sha256$",
        rf"(?:v=2,t=2b,r=(?P<cost>[0-9]{{1,2}})|2[ab],[0-9]{{1,2}})\${_H64}{{22}}\${_H64}{{31}}",
    ),
    _shape(
        SCRYPT, "$scrypt$", rf"ln=(?P<ln>[0-9]{{1,2}}),r=(?P<r>[0-9]{{1,6}}),p=(?P<p>[0-9]{{1,6}})\${_B64}*\${_B64}+"
    ),
    _shape(SCRYPT, "$7$", rf"{_H64}{{11}}[!-#%-~]*\${_H64}{{43}}"),
    _shape(SCRYPT, "$9$", rf"{_H64}{{14}}\${_H64}{{43}}", n=16384, r=1, p=1),
    _shape(
        SCRYPT,
        "scrypt$",
        rf"{_ANY_SALT}\$(?P<n>[0-9]{{1,10}})\$(?P<r>[0-9]{{1,6}})\$(?P<p>[0-9]{{1,6}})\${_B64}+={{0,2}}",
    ),
    _shape(
        SCRYPT,
        "scrypt:",
        rf"(?P<n>[0-9]{{1,10}}):(?P<r>[0-9]{{1,6}}):(?P<p>[0-9]{{1,6}})\${_ANY_SALT}\${_HEX}{{128}}",
    ),
    _shape(YESCRYPT, "$y$", rf"{_H64}+\${_H64}*\${_H64}{{43}}"),
    _shape(YESCRYPT, "$gy$", rf"{_H64}+\${_H64}*\${_H64}{{43}}"),
    _shape(PBKDF2_SHA256, "pbkdf2_sha256$", rf"{_NUMBER}\${_ANY_SALT}\${_B64}{{43}}="),
    _shape(PBKDF2_SHA1, "pbkdf2_sha1$", rf"{_NUMBER}\${_ANY_SALT}\${_B64}{{27}}="),
    _shape(PBKDF2_SHA512, "pbkdf2_sha512$", rf"{_NUMBER}\${_ANY_SALT}\${_B64}{{86}}=="),
    _shape(PBKDF2_SHA256, "$pbkdf2-sha256$", rf"{_NUMBER}\${_AB64}*\${_AB64}{{43}}"),
    _shape(PBKDF2_SHA512, "$pbkdf2-sha512$", rf"{_NUMBER}\${_AB64}*\${_AB64}{{86}}"),
    _shape(PBKDF2_SHA1, "$pbkdf2$", rf"{_NUMBER}\${_AB64}*\${_AB64}{{27}}"),
    _shape(PBKDF2_SHA1, "$p5k2$", r"(?P<hexiterations>[0-9a-f]{0,8})\$[A-Za-z0-9./_=-]*\$[A-Za-z0-9./_=-]+"),
    _shape(PBKDF2_SHA256, "{PBKDF2-SHA256}", rf"{_NUMBER}\${_AB64}*\${_AB64}{{43}}"),
    _shape(PBKDF2_SHA512, "{PBKDF2-SHA512}", rf"{_NUMBER}\${_AB64}*\${_AB64}{{86}}"),
    _shape(PBKDF2_SHA1, "{PBKDF2}", rf"{_NUMBER}\${_AB64}*\${_AB64}{{27}}"),
    _shape(PBKDF2_SHA1, "{PKCS5S2}", rf"{_B64}{{64}}", iterations=10000),
    _shape(PBKDF2_SHA256, "pbkdf2:sha256:", rf"{_NUMBER}\${_ANY_SALT}\${_HEX}{{64}}"),
    _shape(PBKDF2_SHA512, "pbkdf2:sha512:", rf"{_NUMBER}\${_ANY_SALT}\${_HEX}{{128}}"),
    _shape(PBKDF2_SHA1, "pbkdf2:sha1:", rf"{_NUMBER}\${_ANY_SALT}\${_HEX}{{40}}"),
    _shape(PBKDF2_SHA512, "grub.pbkdf2.sha512.", rf"{_NUMBER}\.{_HEX}*\.{_HEX}+"),
    _shape(PBKDF2_SHA256, "$8$", rf"{_H64}{{14}}\${_H64}{{43}}", iterations=20000),
    _shape(SCRAM_SHA256, "SCRAM-SHA-256$", rf"{_NUMBER}:{_B64}+=*\${_B64}{{43}}=:{_B64}{{43}}="),
    _shape(SCRAM, "$scram$", rf"{_NUMBER}\${_AB64}*\$[a-z0-9=,./A-Z-]+"),
    _shape(SHA256_CRYPT, "$5$", rf"(?:rounds=(?P<iterations>[0-9]{{1,9}})\$)?[^$]{{0,16}}\${_H64}{{43}}"),
    _shape(SHA512_CRYPT, "$6$", rf"(?:rounds=(?P<iterations>[0-9]{{1,9}})\$)?[^$]{{0,16}}\${_H64}{{86}}"),
    _shape(_SHA1_CRYPT, "$sha1$", rf"{_NUMBER}\${_H64}{{0,64}}\${_H64}{{28}}"),
    _shape(DRUPAL7, "U$S$", rf"{_H64}{{9}}{_H64}{{43}}"),
    _shape(DRUPAL7, "$S$", rf"{_H64}{{9}}{_H64}{{43}}"),
    _shape(CACHING_SHA2, "$A$", rf"(?P<thousands>[0-9A-Fa-f]{{3}})\$.{{20}}{_H64}{{43}}"),
    _shape(_MD5_CRYPT, "$1$", rf"[^$]{{0,8}}\${_H64}{{22}}"),
    _shape(_MD5_CRYPT, "$apr1$", rf"[^$]{{0,8}}\${_H64}{{22}}"),
    _shape(_SUN_MD5, "$md5", rf"[$,][^$]*\$?\$?{_H64}*\$+{_H64}{{22}}"),
    _shape(_PHPASS, "$P$", rf"{_H64}{{31}}"),
    _shape(_PHPASS, "$H$", rf"{_H64}{{31}}"),
    _shape(NTLM, "$3$$", rf"{_HEX}{{32}}"),
    _shape(_SALTED_MD5, "md5$", rf"{_SALT_WITH_SIGNS}\${_HEX}{{32}}"),
    _shape(_SALTED_SHA1, "sha1$", rf"{_SALT_WITH_SIGNS}\${_HEX}{{40}}"),
    _shape(_SALTED_SHA256, "sha256$", rf"{_SALT_WITH_SIGNS}\${_HEX}{{64}}"),
    _shape(_SALTED_SHA512, "sha512$", rf"{_SALT_WITH_SIGNS}\${_HEX}{{128}}"),
    _shape(_DES_CRYPT, "crypt$", rf"{_ANY_SALT}\${_H64}{{11,13}}"),
    _shape(_SALTED_MD5, "{SMD5}", rf"{_B64}{{23,100}}={{0,2}}"),
    _shape(_SALTED_SHA1, "{SSHA}", rf"{_B64}{{28,200}}={{0,2}}"),
    _shape(_SALTED_SHA256, "{SSHA256}", rf"{_B64}{{44,200}}={{0,2}}"),
    _shape(_SALTED_SHA384, "{SSHA384}", rf"{_B64}{{65,250}}={{0,2}}"),
    _shape(_SALTED_SHA512, "{SSHA512}", rf"{_B64}{{87,300}}={{0,2}}"),
    _shape(RAW_MD5, "{MD5}", rf"(?:{_B64}{{22}}==|{_HEX}{{32}})"),
    _shape(RAW_SHA_1, "{SHA}", rf"(?:{_B64}{{27}}=|{_HEX}{{40}})"),
    _shape(RAW_SHA_256, "{SHA256}", rf"{_B64}{{43}}="),
    _shape(RAW_SHA_512, "{SHA512}", rf"{_B64}{{86}}=="),
    _shape(_PLAIN, "{plaintext}", r".*"),
    _shape(_PLAIN, "{PLAIN}", r".*"),
    _shape(_PLAIN, "{CLEARTEXT}", r".*"),
    _shape(_PLAIN, "{noop}", r".*"),
    _shape(_slow("salted SHA iterated (FSHP)"), "{FSHP", rf"[0-3]\|[0-9]{{1,4}}\|{_NUMBER}\}}{_B64}+={{0,2}}"),
    _shape(_POSTGRES_MD5, "md5", rf"{_HEX}{{32}}"),
    _shape(_MYSQL_41, "*", r"[0-9A-F]{40}"),
    _shape(_ORACLE_11, "S:", rf"{_HEX}{{60}}"),
    _shape(_MSSQL_SHA1, "0x0100", rf"{_HEX}{{48}}(?:{_HEX}{{40}})?"),
    _shape(_MSSQL_SHA512, "0x0200", rf"{_HEX}{{136}}"),
    _shape(_BSDI_CRYPT, "_", rf"{_H64}{{19}}"),
)

# Those that mean something only in a column of passwords: anybody writes thirteen letters, or "md5sum".
_LOOSE = ("md5", "*", "S:", "_", "0x0100", "0x0200", "crypt$", "{PLAIN}")
# A prefix of LDAP, Dovecot or Spring before a hash that names its scheme itself.
_ENVELOPES = (
    "{CRYPT}",
    "{BCRYPT}",
    "{BLF-CRYPT}",
    "{SHA512-CRYPT}",
    "{SHA256-CRYPT}",
    "{MD5-CRYPT}",
    "{DES-CRYPT}",
    "{ARGON2}",
    "{ARGON2ID}",
    "{ARGON2I}",
)
_CRYPT = _slow("crypt(3)")
# Schemes without a mark of their own, by the length of their text in the alphabet of crypt(3).
_BARE: Mapping[int, tuple[Form, ...]] = {
    13: (_DES_CRYPT,),
    16: (_weak("Cisco PIX", "one pass of MD5"), _weak("Cisco ASA", "one pass of MD5")),
    24: (_weak("crypt16", _DES), _weak("bigcrypt", _DES)),
}
_OLD_DATABASES = (_weak("MySQL 3.23", "31 bits of state"), _weak("Oracle 10", "DES over the user's name and password"))
_BARE_SHAPE = re.compile(rf"{_H64}+", re.ASCII)
_HEX_16 = re.compile(rf"{_HEX}{{16}}", re.ASCII)
_WITH_SALT = re.compile(rf"{_HEX}{{32}}:[^:]{{1,64}}", re.ASCII)


def _by_first() -> Mapping[str, tuple[_Shape, ...]]:
    found: dict[str, list[_Shape]] = {}
    for shape in sorted(_SHAPES, key=lambda s: -len(s.start)):  # the longest start first
        found.setdefault(shape.start[0], []).append(shape)
    return {first: tuple(shapes) for first, shapes in found.items()}


_BY_FIRST = _by_first()


def password(text: str) -> tuple[Candidate, bool] | None:
    """The scheme that ``text`` names, and whether the whole of it has that scheme's shape; None where it names none."""
    if text.startswith("{"):
        envelope, brace, inside = text.partition("}")
        if f"{envelope}{brace}".upper() in _ENVELOPES:
            bare = Candidate(_DES_CRYPT) if len(inside) == 13 and _BARE_SHAPE.fullmatch(inside) else None
            return (bare, True) if bare is not None else password(inside) or (Candidate(_CRYPT), False)
    damaged: Candidate | None = None
    for shape in _BY_FIRST.get(text[:1], ()):
        if not _starts(text, shape.start):
            continue
        # The scheme's name counts in any case for LDAP; the pattern is written with one.
        found = shape.whole.fullmatch(shape.start + text[len(shape.start) :])
        if found is not None:
            return Candidate(shape.form, (*_numbers(found), *shape.fixed)), True
        if damaged is None and shape.start not in _LOOSE:
            damaged = Candidate(shape.form)
    return None if damaged is None else (damaged, False)


def loose(text: str) -> tuple[Candidate, ...]:
    """Schemes without a mark of their own that the shape of ``text`` fits; any word of that length fits, too."""
    if len(text) > 33 and text[32] == ":" and _WITH_SALT.fullmatch(text):
        return (Candidate(_SALTED_MD5),)
    forms = _BARE.get(len(text), ()) if _BARE_SHAPE.fullmatch(text) else ()
    if len(text) == 16 and _HEX_16.fullmatch(text):
        forms = (*forms, *_OLD_DATABASES)
    return tuple(Candidate(form) for form in forms)


def _starts(text: str, start: str) -> bool:
    if start[0] == "{" and "$" not in start:
        return text[: len(start)].upper() == start.upper()
    return text.startswith(start)


def _numbers(found: re.Match[str]) -> tuple[Detail, ...]:
    details: list[Detail] = []
    for name, digits in found.groupdict().items():
        if digits is None:
            continue
        match name:
            case "hexiterations":
                details.append(("iterations", int(digits or "190", 16)))  # none written: 400
            case "thousands":
                details.append(("iterations", int(digits, 16) * 1000))
            case "ln":
                details.append(("n", 1 << min(int(digits), 63)))
            case _:
                details.append((name, int(digits)))
    return tuple(details)
