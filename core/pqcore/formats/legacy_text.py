"""How old password hashes are written: from what a column holds to scheme, cost, salt and digest.

Most forms say what they are (``$6$...``, ``{SSHA}...``, ``pbkdf2_sha256$...``). The others, e.g. 32 hexadecimal digits,
could be several things and are read only where their scheme is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pqcore.formats.encoding import Encoding, decode
from pqcore.formats.errors import FormatError
from pqcore.formats.legacy_scheme import ATLASSIAN_ITERATIONS, CRYPT_ALPHABET, LegacyHash, Scheme

_REMEDY = "See docs/FORMATS.md for the schemes"
_COUNT = r"[1-9][0-9]{0,9}"
_CRYPT = r"[./0-9A-Za-z]"
_FROM_CRYPT = str.maketrans(CRYPT_ALPHABET, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BCRYPT_VERSION = {"2a": Scheme.BCRYPT_2A, "2b": Scheme.BCRYPT_2B, "2y": Scheme.BCRYPT_2Y}
_PBKDF2_NAME = {
    "md5": Scheme.PBKDF2_MD5,
    "sha1": Scheme.PBKDF2_SHA1,
    "sha256": Scheme.PBKDF2_SHA256,
    "sha512": Scheme.PBKDF2_SHA512,
}
_SIZES = {
    Scheme.PBKDF2_MD5: 16,
    Scheme.PBKDF2_SHA1: 20,
    Scheme.PBKDF2_SHA256: 32,
    Scheme.PBKDF2_SHA512: 64,
    Scheme.SALTED_MD5: 16,
    Scheme.SALTED_SHA1: 20,
    Scheme.SALTED_SHA256: 32,
    Scheme.SALTED_SHA512: 64,
    Scheme.LDAP_MD5: 16,
    Scheme.LDAP_SHA1: 20,
    Scheme.LDAP_SHA224: 28,
    Scheme.LDAP_SHA256: 32,
    Scheme.LDAP_SHA384: 48,
    Scheme.LDAP_SHA512: 64,
    Scheme.FSHP_SHA1: 20,
    Scheme.FSHP_SHA256: 32,
    Scheme.FSHP_SHA384: 48,
    Scheme.FSHP_SHA512: 64,
}

Reader = Callable[[str], LegacyHash]


def read_described(text: str, user: bytes | None = None) -> LegacyHash | None:
    """An old hash that says what it is; None for any other text.

    ``user`` is the name that PostgreSQL's MD5 takes as salt. Raises FormatError for a hash that is broken, or of a
    scheme that cannot be wrapped.
    """
    if text.startswith("{"):
        return _braces(text)
    for pattern, reason in _REFUSED.items():
        if re.match(pattern, text):
            raise FormatError(f"The value is {reason}", "Leave it out with `where`, or reset the password")
    if re.fullmatch(r"md5[0-9a-f]{32}", text):
        if user is None:
            raise FormatError(
                "PostgreSQL's MD5 takes the user name as salt", "Name the column of the user name in options.user"
            )
        return LegacyHash(Scheme.LDAP_MD5, 0, user, bytes.fromhex(text[3:]))
    for prefix, read in _DESCRIBED.items():
        if text.startswith(prefix):
            return read(text.removeprefix(prefix))
    for pattern, whole in _SHAPED.items():
        if re.fullmatch(pattern, text):
            return whole(text)
    return None


def read_named(value: str | bytes, name: str, user: bytes | None = None, salt: bytes | None = None) -> LegacyHash:
    """An old hash of the scheme that the selection names (one of ``NAMED``). Raises FormatError."""
    if name in _SALT_BESIDE:
        if salt is None:
            raise FormatError(f"{name} needs its salt", "Name the column of the salt in options.salt")
        scheme, size = _SALT_BESIDE[name]
        return LegacyHash(scheme, 0, salt, _digest(value, size, name))
    if name in USER_NAMES and user is None:
        raise FormatError(f"{name} takes the user name as salt", "Name the column of the user name in options.user")
    if name in _PLAIN:
        scheme, size = _PLAIN[name]
        return LegacyHash(scheme, 0, user or b"" if name in USERS else b"", _digest(value, size, name))
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    if name in _CISCO:
        return LegacyHash(_CISCO[name], 0, user or b"", _match(rf"({_CRYPT}{{16}})", text, name)[1].encode())
    found = _match(_SALTED_CRYPT[name][1], text, name)
    return LegacyHash(_SALTED_CRYPT[name][0], 0, found[1].encode(), found[2].encode())


def candidates(value: str | bytes) -> tuple[str, ...]:
    """The names (of ``NAMED``) under which a value that does not say what it is could be read."""
    found = []
    for name in (name for name in NAMED if name not in _SALT_BESIDE):
        try:
            read_named(value, name, b"user")
        except FormatError:
            continue
        found.append(name)
    return tuple(found)


# --- named ---------------------------------------------------------------------------------------------------------

# Digests in hexadecimal, base64 or raw: which it is shows in the length.
_PLAIN: Mapping[str, tuple[Scheme, int]] = {
    "MD5": (Scheme.LDAP_MD5, 16),
    "SHA-1": (Scheme.LDAP_SHA1, 20),
    "SHA-224": (Scheme.LDAP_SHA224, 28),
    "SHA-256": (Scheme.LDAP_SHA256, 32),
    "SHA-384": (Scheme.LDAP_SHA384, 48),
    "SHA-512": (Scheme.LDAP_SHA512, 64),
    "MD4": (Scheme.MD4, 16),
    "nthash": (Scheme.NTHASH, 16),
    "lmhash": (Scheme.LMHASH, 16),
    "mysql323": (Scheme.MYSQL323, 8),
    "postgres_md5": (Scheme.LDAP_MD5, 16),
    "msdcc": (Scheme.MSDCC, 16),
    "msdcc2": (Scheme.MSDCC2, 16),
    "oracle10": (Scheme.ORACLE10, 8),
}
_CISCO = {"cisco_pix": Scheme.CISCO_PIX, "cisco_asa": Scheme.CISCO_ASA}
_SALTED_CRYPT = {
    "des_crypt": (Scheme.DES_CRYPT, rf"({_CRYPT}{{2}})({_CRYPT}{{11}})"),
    "bigcrypt": (Scheme.BIGCRYPT, rf"({_CRYPT}{{2}})((?:{_CRYPT}{{11}}){{1,16}})"),
    "crypt16": (Scheme.CRYPT16, rf"({_CRYPT}{{2}})({_CRYPT}{{22}})"),
}
# The user name is their salt; Cisco's devices have passwords without a user too.
USER_NAMES = ("postgres_md5", "msdcc", "msdcc2", "oracle10")
USERS = (*USER_NAMES, *_CISCO)
# The same digests with the salt in a column of its own, which application code of one's own often has.
_SALT_BESIDE: Mapping[str, tuple[Scheme, int]] = {
    "MD5(password+salt)": (Scheme.LDAP_MD5, 16),
    "MD5(salt+password)": (Scheme.SALTED_MD5, 16),
    "SHA-1(password+salt)": (Scheme.LDAP_SHA1, 20),
    "SHA-1(salt+password)": (Scheme.SALTED_SHA1, 20),
    "SHA-256(password+salt)": (Scheme.LDAP_SHA256, 32),
    "SHA-256(salt+password)": (Scheme.SALTED_SHA256, 32),
    "SHA-512(password+salt)": (Scheme.LDAP_SHA512, 64),
    "SHA-512(salt+password)": (Scheme.SALTED_SHA512, 64),
}
SALT_NAMES = tuple(_SALT_BESIDE)
NAMED = (*_PLAIN, *_SALTED_CRYPT, *_CISCO, *SALT_NAMES)


def _digest(value: str | bytes, size: int, name: str) -> bytes:
    if isinstance(value, bytes) and len(value) == size:
        return value
    padded = 4 * ((size + 2) // 3)
    encodings = {2 * size: Encoding.HEX, (4 * size + 2) // 3: Encoding.BASE64URL, padded: Encoding.BASE64}
    encoding = encodings.get(len(value))
    if encoding is Encoding.BASE64 and _has(value, "-_"):
        encoding = Encoding.BASE64URL
    try:
        digest = b"" if encoding is None else decode(value, encoding)
    except FormatError:
        digest = b""
    if len(digest) != size:
        raise _broken(name)
    return digest


def _has(value: str | bytes, characters: str) -> bool:
    return any((c if isinstance(value, str) else c.encode()) in value for c in characters)  # type: ignore[operator]


# --- forms that say what they are ------------------------------------------------------------------------------------


def _django_pbkdf2(scheme: Scheme) -> Reader:
    def read(rest: str) -> LegacyHash:
        rounds, salt, digest = _match(rf"({_COUNT})\$([^$]*)\$([A-Za-z0-9+/=]+)", rest, "PBKDF2").groups()
        return _sized(LegacyHash(scheme, int(rounds), _utf8(salt), _base64(digest, "PBKDF2")), "PBKDF2")

    return read


def _libpass_pbkdf2(scheme: Scheme) -> Reader:
    def read(rest: str) -> LegacyHash:
        found = _match(rf"({_COUNT})\$([./A-Za-z0-9]*)\$([./A-Za-z0-9]+)", rest, "PBKDF2")
        rounds, salt, digest = int(found[1]), _adapted(found[2]), _adapted(found[3])
        return _sized(LegacyHash(scheme, rounds, salt, digest), "PBKDF2")

    return read


def _p5k2(rest: str) -> LegacyHash:
    # Two programs share the prefix: Cryptacular's digest has 20 bytes and ends in "=", Litzenberger's has 24.
    found = _match(r"([0-9a-f]{0,8})\$([-_=./A-Za-z0-9]*)\$([-_=./A-Za-z0-9]+)", rest, "PBKDF2")
    if found[1].startswith("0"):
        raise _broken("PBKDF2")
    rounds = int(found[1] or "190", 16)
    if found[3].endswith("="):
        salt, digest = (_decoded(text, Encoding.BASE64URL, "PBKDF2") for text in (found[2], found[3]))
        return _sized(LegacyHash(Scheme.PBKDF2_SHA1, rounds, salt, digest), "PBKDF2")
    digest = _adapted(found[3])
    if len(digest) != 24:
        raise _broken("PBKDF2")
    return LegacyHash(Scheme.PBKDF2_SHA1_24, rounds, f"$p5k2${found[1]}${found[2]}".encode(), digest)


def _grub(rest: str) -> LegacyHash:
    rounds, salt, digest = _match(rf"({_COUNT})\.([0-9A-Fa-f]*)\.([0-9A-Fa-f]{{128}})", rest, "GRUB PBKDF2").groups()
    return LegacyHash(Scheme.PBKDF2_SHA512, int(rounds), _hex(salt, "GRUB PBKDF2"), bytes.fromhex(digest))


def _werkzeug_pbkdf2(rest: str) -> LegacyHash:
    pattern = rf"(md5|sha1|sha256|sha512)(?::({_COUNT}))?\$([^$]+)\$([0-9a-f]+)"
    name, rounds, salt, digest = _match(pattern, rest, "PBKDF2").groups()
    old = LegacyHash(_PBKDF2_NAME[name], int(rounds or 1000), _utf8(salt), _hex(digest, "PBKDF2"))
    return _sized(old, "PBKDF2")


def _werkzeug_scrypt(rest: str) -> LegacyHash:
    pattern = rf"({_COUNT}):({_COUNT}):({_COUNT})\$([^$]+)\$([0-9a-f]{{128}})"
    n, size, lanes, salt, digest = _match(pattern, rest, "scrypt").groups()
    return _scrypt(Scheme.SCRYPT_64, _power(n), int(size), int(lanes), _utf8(salt), bytes.fromhex(digest))


def _django_scrypt(rest: str) -> LegacyHash:
    pattern = rf"({_COUNT})\$([^$]*)\$({_COUNT})\$({_COUNT})\$([A-Za-z0-9+/=]+)"
    n, salt, size, lanes, text = _match(pattern, rest, "scrypt").groups()
    digest = _base64(text, "scrypt")
    if len(digest) != 64:
        raise _broken("scrypt")
    return _scrypt(Scheme.SCRYPT_64, _power(n), int(size), int(lanes), _utf8(salt), digest)


def _phc_scrypt(rest: str) -> LegacyHash:
    pattern = rf"ln=({_COUNT}),r=({_COUNT}),p=({_COUNT})\$([A-Za-z0-9+/]*)\$([A-Za-z0-9+/]{{43}})"
    log, size, lanes, salt, digest = _match(pattern, rest, "scrypt").groups()
    old = (_unpadded(text, "scrypt") for text in (salt, digest))
    return _scrypt(Scheme.SCRYPT_32, int(log), int(size), int(lanes), *old)


def _crypt_scrypt(rest: str) -> LegacyHash:
    log, size, lanes, salt, text = _match(
        rf"({_CRYPT})({_CRYPT}{{5}})({_CRYPT}{{5}})([!-#%-~]*)\$({_CRYPT}{{43}})", rest, "scrypt"
    ).groups()
    number = _number(text)
    digest = number.to_bytes(33, "little")
    if digest[32]:
        raise _broken("scrypt")
    return _scrypt(Scheme.SCRYPT_32, _number(log), _number(size), _number(lanes), salt.encode(), digest[:32])


def _scrypt(scheme: Scheme, log: int, size: int, lanes: int, salt: bytes, digest: bytes) -> LegacyHash:
    return LegacyHash(scheme, log, salt, digest, (size, lanes))


def _power(text: str) -> int:
    number = int(text)
    if number & (number - 1):
        raise _broken("scrypt")
    return number.bit_length() - 1


def _bcrypt(scheme: Scheme | None = None) -> Reader:
    def read(rest: str) -> LegacyHash:
        found = _match(r"\$(2[aby])\$([0-9]{2})\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})", rest, "bcrypt")
        salt = _canonical_bcrypt_salt(found[3]).encode()
        return LegacyHash(scheme or _BCRYPT_VERSION[found[1]], int(found[2]), salt, found[4].encode())

    return read


def _libpass_bcrypt(rest: str) -> LegacyHash:
    found = _match(rf"(v=2,t=2[ab],r=|2[ab],)({_COUNT})\$([./A-Za-z0-9]{{22}})\$([./A-Za-z0-9]{{31}})", rest, "bcrypt")
    # The second version keys HMAC with the salt's characters: one that is not canonical is another key.
    if _canonical_bcrypt_salt(found[3]) != found[3]:
        raise _broken("bcrypt")
    scheme = Scheme.BCRYPT_HMAC_SHA256 if found[1].startswith("v") else Scheme.BCRYPT_SHA256_BASE64
    return LegacyHash(scheme, int(found[2]), found[3].encode(), found[4].encode())


def _canonical_bcrypt_salt(salt: str) -> str:
    # 22 characters hold 132 bits, the salt has 128: old programs left anything in the last four, which are not used.
    return salt[:21] + _BCRYPT_ALPHABET[_BCRYPT_ALPHABET.index(salt[21]) & 0x30]


def _django_salted(scheme: Scheme) -> Reader:
    def read(rest: str) -> LegacyHash:
        salt, dollar, digits = rest.rpartition("$")
        if not dollar:
            raise _broken("salted")
        return _sized(LegacyHash(scheme, 0, _utf8(salt), _hex(digits, "salted")), "salted")

    return read


def _django_crypt(rest: str) -> LegacyHash:
    salt, text = _match(rf"({_CRYPT}*)\$({_CRYPT}{{13}})", rest, "crypt").groups()
    if salt and salt[:2] != text[:2]:
        raise _broken("crypt")
    return read_named(text, "des_crypt")


def _salt_and_digest(scheme: Scheme, name: str, digest: int) -> Reader:
    def read(rest: str) -> LegacyHash:
        found = _match(rf"({_CRYPT}*)\$({_CRYPT}{{{digest}}})", rest, name)
        return LegacyHash(scheme, 0, found[1].encode(), found[2].encode())

    return read


def _sha_crypt(scheme: Scheme, name: str, digest: int) -> Reader:
    def read(rest: str) -> LegacyHash:
        found = _match(rf"(?:rounds=({_COUNT})\$)?({_CRYPT}*)\$({_CRYPT}{{{digest}}})", rest, name)
        return LegacyHash(scheme, int(found[1] or 5000), found[2].encode(), found[3].encode())

    return read


def _sha1_crypt(rest: str) -> LegacyHash:
    found = _match(rf"({_COUNT})\$({_CRYPT}*)\$({_CRYPT}{{28}})", rest, "sha1_crypt")
    return LegacyHash(Scheme.SHA1_CRYPT, int(found[1]), found[2].encode(), found[3].encode())


def _sun_md5(rest: str) -> LegacyHash:
    found = _match(rf"(?:,rounds=({_COUNT}))?\$({_CRYPT}*)\$\$({_CRYPT}{{22}})", rest, "sun_md5_crypt")
    return LegacyHash(Scheme.SUN_MD5_CRYPT, int(found[1] or 0), found[2].encode(), found[3].encode())


def _bsdi(text: str) -> LegacyHash:
    return LegacyHash(Scheme.BSDI_CRYPT, _number(text[1:5]), text[5:9].encode(), text[9:].encode())


def _phpass(scheme: Scheme, digest: int) -> Reader:
    def read(rest: str) -> LegacyHash:
        found = _match(rf"({_CRYPT})({_CRYPT}{{8}})({_CRYPT}{{{digest}}})", rest, "phpass")
        return LegacyHash(scheme, _number(found[1]), found[2].encode(), found[3].encode())

    return read


def _cisco(scheme: Scheme, rounds: int, block: tuple[int, ...] = ()) -> Reader:
    """Types 8 and 9 of Cisco IOS: base64 in crypt(3)'s alphabet, in the usual order of bits."""

    def read(rest: str) -> LegacyHash:
        salt, text = _match(rf"({_CRYPT}{{14}})\$({_CRYPT}{{43}})", rest, "Cisco IOS").groups()
        digest = _unpadded(text.translate(_FROM_CRYPT), "Cisco IOS")
        return LegacyHash(scheme, rounds, salt.encode(), digest, block)

    return read


def _nthash(rest: str) -> LegacyHash:
    return read_named(rest, "nthash")


def _mysql41(text: str) -> LegacyHash:
    return LegacyHash(Scheme.MYSQL41, 0, b"", bytes.fromhex(text[1:]))


def _mssql(text: str) -> LegacyHash:
    version, data = text[:6].lower(), bytes.fromhex(text[6:])
    scheme = Scheme.MSSQL2012 if version == "0x0200" else Scheme.MSSQL2005 if len(data) == 24 else Scheme.MSSQL2000
    # SQL Server 2000 keeps a second digest, of the password in upper case; that one it compares.
    return LegacyHash(scheme, 0, data[:4], data[24:] if scheme is Scheme.MSSQL2000 else data[4:])


def _oracle11(text: str) -> LegacyHash:
    return LegacyHash(Scheme.LDAP_SHA1, 0, bytes.fromhex(text[42:]), bytes.fromhex(text[2:42]))


# By what they start with; where one start is the beginning of another, the longer comes first.
_DESCRIBED: Mapping[str, Reader] = {
    "$wp": _bcrypt(Scheme.BCRYPT_WORDPRESS),
    "$2": lambda rest: _bcrypt()("$2" + rest),
    "bcrypt$": _bcrypt(),
    "bcrypt_sha256$": _bcrypt(Scheme.BCRYPT_SHA256),
    "$bcrypt-sha256$": _libpass_bcrypt,
    "pbkdf2_sha256$": _django_pbkdf2(Scheme.PBKDF2_SHA256),
    "pbkdf2_sha1$": _django_pbkdf2(Scheme.PBKDF2_SHA1),
    "pbkdf2_sha512$": _django_pbkdf2(Scheme.PBKDF2_SHA512),
    "$pbkdf2$": _libpass_pbkdf2(Scheme.PBKDF2_SHA1),
    "$pbkdf2-sha256$": _libpass_pbkdf2(Scheme.PBKDF2_SHA256),
    "$pbkdf2-sha512$": _libpass_pbkdf2(Scheme.PBKDF2_SHA512),
    "pbkdf2:": _werkzeug_pbkdf2,
    "$p5k2$": _p5k2,
    "grub.pbkdf2.sha512.": _grub,
    "scrypt$": _django_scrypt,
    "scrypt:": _werkzeug_scrypt,
    "$scrypt$": _phc_scrypt,
    "$7$": _crypt_scrypt,
    "md5$": _django_salted(Scheme.SALTED_MD5),
    "sha1$": _django_salted(Scheme.SALTED_SHA1),
    "sha256$": _django_salted(Scheme.SALTED_SHA256),
    "sha512$": _django_salted(Scheme.SALTED_SHA512),
    "crypt$": _django_crypt,
    "$1$": _salt_and_digest(Scheme.MD5_CRYPT, "md5_crypt", 22),
    "$apr1$": _salt_and_digest(Scheme.APR_MD5_CRYPT, "apr_md5_crypt", 22),
    "$5$": _sha_crypt(Scheme.SHA256_CRYPT, "sha256_crypt", 43),
    "$6$": _sha_crypt(Scheme.SHA512_CRYPT, "sha512_crypt", 86),
    "$sha1$": _sha1_crypt,
    "$md5": _sun_md5,
    "$P$": _phpass(Scheme.PHPASS, 22),
    "$H$": _phpass(Scheme.PHPASS, 22),
    "$S$": _phpass(Scheme.DRUPAL, 43),
    "U$S$": _phpass(Scheme.DRUPAL_MD5, 43),
    "$8$": _cisco(Scheme.PBKDF2_SHA256, 20_000),
    "$9$": _cisco(Scheme.SCRYPT_32, 14, (1, 1)),
    "$3$$": _nthash,
    "$NT$": _nthash,
}
_SHAPED: Mapping[str, Reader] = {
    rf"_{_CRYPT}{{19}}": _bsdi,
    r"\*[0-9A-Fa-f]{40}": _mysql41,
    r"0x0100(?:[0-9A-Fa-f]{48}|[0-9A-Fa-f]{88})": _mssql,
    r"0x0200[0-9A-Fa-f]{136}": _mssql,
    r"S:[0-9A-Fa-f]{60}": _oracle11,
}
_REFUSED: Mapping[str, str] = {
    r"\$scram\$|SCRAM-SHA-": "a SCRAM verifier: the server needs it as it is for the protocol",
    r"\$g?y\$": "a yescrypt hash, which no maintained Python library computes",
}

# --- LDAP (RFC 2307), and what borrows its braces --------------------------------------------------------------------

_LDAP = {
    "MD5": Scheme.LDAP_MD5,
    "SHA": Scheme.LDAP_SHA1,
    "SHA224": Scheme.LDAP_SHA224,
    "SHA256": Scheme.LDAP_SHA256,
    "SHA384": Scheme.LDAP_SHA384,
    "SHA512": Scheme.LDAP_SHA512,
}
_LDAP_SALTED = {"SMD5": "MD5", "SSHA": "SHA"} | {f"SSHA{bits}": f"SHA{bits}" for bits in (224, 256, 384, 512)}
_LDAP_PBKDF2 = {
    "PBKDF2": Scheme.PBKDF2_SHA1,
    "PBKDF2-SHA1": Scheme.PBKDF2_SHA1,
    "PBKDF2-SHA256": Scheme.PBKDF2_SHA256,
    "PBKDF2-SHA512": Scheme.PBKDF2_SHA512,
}
# LDAP, Spring's delegating encoder and Dovecot; the scheme behind the braces says itself what it is, but for DES.
_CRYPT_NAMES = ("CRYPT", "BCRYPT", "BLF-CRYPT", "MD5-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "DES-CRYPT")
_FSHP = (Scheme.FSHP_SHA1, Scheme.FSHP_SHA256, Scheme.FSHP_SHA384, Scheme.FSHP_SHA512)


def _braces(text: str) -> LegacyHash:
    name, brace, rest = text[1:].partition("}")
    name = name.upper()
    if not brace:
        raise _broken("LDAP")
    if name in _LDAP:
        return _ldap_plain(_LDAP[name], rest)
    if name in _LDAP_SALTED:
        scheme = _LDAP[_LDAP_SALTED[name]]
        data, size = _base64(rest, "LDAP"), _SIZES[scheme]
        if len(data) <= size:
            raise _broken("LDAP")
        return LegacyHash(scheme, 0, data[size:], data[:size])
    if name in _LDAP_PBKDF2:
        return _libpass_pbkdf2(_LDAP_PBKDF2[name])(rest)
    if name in _CRYPT_NAMES:
        inner = read_described(rest) if rest.startswith(("$", "_")) else read_named(rest, "des_crypt")
        if inner is None:
            raise _broken("crypt")
        return inner
    if name == "PKCS5S2":
        data = _base64(rest, "Atlassian")
        if len(data) != 48:
            raise _broken("Atlassian")
        return LegacyHash(Scheme.PBKDF2_SHA1_32, ATLASSIAN_ITERATIONS, data[:16], data[16:])
    if name.startswith("FSHP"):
        return _fshp(name, rest)
    if name in ("PLAIN", "PLAINTEXT", "CLEARTEXT", "NOOP"):
        raise FormatError("The value is the password in clear text, no hash", "Reset the password")
    raise FormatError("The value is not a password hash of a known scheme", _REMEDY)


def _ldap_plain(scheme: Scheme, rest: str) -> LegacyHash:
    # Roundup writes the digest in hexadecimal.
    size = _SIZES[scheme]
    digest = _hex(rest, "LDAP") if len(rest) == 2 * size else _base64(rest, "LDAP")
    return _sized(LegacyHash(scheme, 0, b"", digest), "LDAP")


def _fshp(name: str, rest: str) -> LegacyHash:
    variant, size, rounds = _match(rf"FSHP([0-3])\|(0|{_COUNT})\|({_COUNT})", name, "FSHP").groups()
    data = _base64(rest, "FSHP")
    salt = data[: int(size)]
    return _sized(LegacyHash(_FSHP[int(variant)], int(rounds), salt, data[len(salt) :]), "FSHP")


# --- parts -----------------------------------------------------------------------------------------------------------


def _match(pattern: str, text: str, scheme: str) -> re.Match[str]:
    found = re.fullmatch(pattern, text, re.ASCII)
    if found is None:
        raise _broken(scheme)
    return found


def _sized(old: LegacyHash, scheme: str) -> LegacyHash:
    if len(old.digest) != _SIZES[old.scheme]:
        raise _broken(scheme)
    return old


def _decoded(text: str, encoding: Encoding, scheme: str) -> bytes:
    try:
        return decode(text, encoding)
    except FormatError:
        raise _broken(scheme) from None


def _base64(text: str, scheme: str) -> bytes:
    return _decoded(text, Encoding.BASE64, scheme)


def _unpadded(text: str, scheme: str) -> bytes:
    return _base64(text + "=" * (-len(text) % 4), scheme)


def _adapted(text: str) -> bytes:
    """libpass's base64: without padding, "." for "+"."""
    return _unpadded(text.replace(".", "+"), "PBKDF2")


def _hex(text: str, scheme: str) -> bytes:
    return _decoded(text, Encoding.HEX, scheme)


def _number(text: str) -> int:
    """A number in crypt(3)'s little-endian digits."""
    return sum(CRYPT_ALPHABET.index(digit) << 6 * at for at, digit in enumerate(text))


def _utf8(salt: str) -> bytes:
    try:
        return salt.encode()
    except UnicodeEncodeError:
        raise FormatError("The salt of the password hash is not valid text", "Reset the password") from None


def _broken(scheme: str) -> FormatError:
    return FormatError(f"The {scheme} password hash is broken", "Reset the password")
