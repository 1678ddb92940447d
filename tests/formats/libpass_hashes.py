"""Old password hashes as libpass makes them, by the name of its handler: an implementation that is not ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from passlib import hash as handlers

USER = "Alice"


@dataclass(frozen=True)
class Old:
    """How a handler is called (cheaply), and what has to be told about a value that does not say what it is."""

    settings: dict[str, Any] = field(default_factory=dict)
    scheme: str | None = None
    user: str | None = None


HANDLERS = {
    "apr_md5_crypt": Old(),
    "atlassian_pbkdf2_sha1": Old(),
    "bcrypt": Old({"rounds": 4}),
    "bcrypt_sha256": Old({"rounds": 4}),
    "bigcrypt": Old(scheme="bigcrypt"),
    "bsd_nthash": Old(),
    "bsdi_crypt": Old({"rounds": 11}),
    "cisco_asa": Old(scheme="cisco_asa", user=USER),
    "cisco_pix": Old(scheme="cisco_pix", user=USER),
    "crypt16": Old(scheme="crypt16"),
    "cta_pbkdf2_sha1": Old({"rounds": 11}),
    "des_crypt": Old(scheme="des_crypt"),
    "django_bcrypt": Old({"rounds": 4}),
    "django_bcrypt_sha256": Old({"rounds": 4}),
    "django_des_crypt": Old(),
    "django_pbkdf2_sha1": Old({"rounds": 11}),
    "django_pbkdf2_sha256": Old({"rounds": 11}),
    "django_salted_md5": Old(),
    "django_salted_sha1": Old(),
    "dlitz_pbkdf2_sha1": Old({"rounds": 11}),
    "fshp": Old({"rounds": 11}),
    "grub_pbkdf2_sha512": Old({"rounds": 11}),
    "hex_md4": Old(scheme="MD4"),
    "hex_md5": Old(scheme="MD5"),
    "hex_sha1": Old(scheme="SHA-1"),
    "hex_sha256": Old(scheme="SHA-256"),
    "hex_sha512": Old(scheme="SHA-512"),
    "ldap_bcrypt": Old({"rounds": 4}),
    "ldap_bsdi_crypt": Old({"rounds": 11}),
    "ldap_des_crypt": Old(),
    "ldap_hex_md5": Old(),
    "ldap_hex_sha1": Old(),
    "ldap_md5": Old(),
    "ldap_md5_crypt": Old(),
    "ldap_pbkdf2_sha1": Old({"rounds": 11}),
    "ldap_pbkdf2_sha256": Old({"rounds": 11}),
    "ldap_pbkdf2_sha512": Old({"rounds": 11}),
    "ldap_salted_md5": Old(),
    "ldap_salted_sha1": Old(),
    "ldap_salted_sha256": Old(),
    "ldap_salted_sha512": Old(),
    "ldap_sha1": Old(),
    "ldap_sha1_crypt": Old({"rounds": 11}),
    "ldap_sha256_crypt": Old({"rounds": 1000}),
    "ldap_sha512_crypt": Old({"rounds": 1000}),
    "lmhash": Old(scheme="lmhash"),
    "md5_crypt": Old(),
    "msdcc": Old(scheme="msdcc", user=USER),
    "msdcc2": Old(scheme="msdcc2", user=USER),
    "mssql2000": Old(),
    "mssql2005": Old(),
    "mysql323": Old(scheme="mysql323"),
    "mysql41": Old(),
    "nthash": Old(scheme="nthash"),
    "oracle10": Old(scheme="oracle10", user=USER),
    "oracle11": Old(),
    "pbkdf2_sha1": Old({"rounds": 11}),
    "pbkdf2_sha256": Old({"rounds": 11}),
    "pbkdf2_sha512": Old({"rounds": 11}),
    "phpass": Old({"rounds": 7}),
    "postgres_md5": Old(user=USER),
    "scrypt": Old({"rounds": 4}),
    "sha1_crypt": Old({"rounds": 11}),
    "sha256_crypt": Old({"rounds": 1000}),
    "sha512_crypt": Old({"rounds": 1000}),
    "sun_md5_crypt": Old({"rounds": 0}),
}
# More than one form of a handler.
VARIANTS = {
    "bcrypt 2a": ("bcrypt", Old({"rounds": 4, "ident": "2a"})),
    "bcrypt 2y": ("bcrypt", Old({"rounds": 4, "ident": "2y"})),
    "bcrypt_sha256 v1": ("bcrypt_sha256", Old({"rounds": 4, "version": 1})),
    "fshp sha1": ("fshp", Old({"rounds": 11, "variant": 0})),
    "fshp sha384": ("fshp", Old({"rounds": 11, "variant": 2})),
    "fshp sha512": ("fshp", Old({"rounds": 11, "variant": 3})),
    "phpBB": ("phpass", Old({"rounds": 8, "ident": "H"})),
    "scrypt $7$": ("scrypt", Old({"rounds": 4, "ident": "$7$"})),
    "sha256_crypt without salt": ("sha256_crypt", Old({"rounds": 1000, "salt": ""})),
    "sha512_crypt of 5000 rounds": ("sha512_crypt", Old({"rounds": 5000})),
    "sun_md5_crypt with rounds": ("sun_md5_crypt", Old({"rounds": 3})),
    "dlitz of 400 rounds": ("dlitz_pbkdf2_sha1", Old({"rounds": 400})),
    "cisco_asa without a user": ("cisco_asa", Old(scheme="cisco_asa")),
}
ALL = {name: (name, old) for name, old in HANDLERS.items()} | VARIANTS
# What stores no hash that a login could check with password and user name alone, and why it is left alone.
NOT_READ = {
    "argon2": "Argon2 already",
    "django_argon2": "Argon2 already",
    "cisco_type7": "reversible",
    "django_disabled": "unusable",
    "unix_disabled": "unusable",
    "htdigest": "HTTP Digest needs the stored value itself",
    "scram": "the SCRAM protocol needs the stored value itself",
    "ldap_plaintext": "no hash",
    "plaintext": "no hash",
    "roundup_plaintext": "no hash",
}


def libpass_hash(name: str, password: str | bytes) -> str:
    """The hash that libpass makes under an entry of ``ALL``."""
    handler, old = ALL[name]
    chosen = getattr(handlers, handler)
    context = {"user": old.user or ""} if "user" in chosen.context_kwds else {}
    made: str = chosen.using(**old.settings).hash(password, **context)
    return made
