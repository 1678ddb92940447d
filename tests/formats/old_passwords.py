"""Password hashes as old systems made them, written with the standard library and bcrypt alone."""

from __future__ import annotations

import base64
import hashlib

import bcrypt

SALT = "aB3dE6gH9jK2mN5pQ8sT1v"


def pbkdf2(password: bytes, function: str = "sha256", salt: str = SALT, iterations: int = 1000) -> str:
    digest = hashlib.pbkdf2_hmac(function, password, salt.encode(), iterations)
    return f"pbkdf2_{function}${iterations}${salt}${base64.b64encode(digest).decode()}"


def crypt_bcrypt(password: bytes, version: str = "2b") -> str:
    hashed = bcrypt.hashpw(password[:72], bcrypt.gensalt(4)).decode()
    return f"${version}{hashed[3:]}"


def django_bcrypt_sha256(password: bytes) -> str:
    return "bcrypt_sha256$" + crypt_bcrypt(hashlib.sha256(password).hexdigest().encode())


def salted(password: bytes, function: str = "sha1", salt: str = "k3Xz9") -> str:
    return f"{function}${salt}${hashlib.new(function, salt.encode() + password).hexdigest()}"


def ldap(password: bytes, function: str = "sha1", salt: bytes = b"\x00\xff$,salt") -> str:
    name = {"sha1": "SSHA", "sha256": "SSHA256"}[function]
    return f"{{{name}}}" + base64.b64encode(hashlib.new(function, password + salt).digest() + salt).decode()


MAKERS = {
    "pbkdf2_sha256": pbkdf2,
    "pbkdf2_sha1": lambda p: pbkdf2(p, "sha1"),
    "bcrypt 2a": lambda p: crypt_bcrypt(p, "2a"),
    "bcrypt 2b": crypt_bcrypt,
    "bcrypt 2y": lambda p: crypt_bcrypt(p, "2y"),
    "django bcrypt": lambda p: "bcrypt$" + crypt_bcrypt(p),
    "django bcrypt_sha256": django_bcrypt_sha256,
    "sha1": salted,
    "sha256": lambda p: salted(p, "sha256"),
    "sha1 without salt": lambda p: salted(p, salt=""),
    "sha1 with a salt of separators": lambda p: salted(p, salt="a$b,c=é"),
    "SSHA": ldap,
    "SSHA256": lambda p: ldap(p, "sha256"),
}
