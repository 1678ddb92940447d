"""The demonstration's logins: passwords that follow from the user's id, and the old forms they are stored in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import string

import argon2
import bcrypt

# Costs are far below what a real system would use, so that a thousand rows take seconds: the estate is about
# moving hashes, not about guessing them.
PBKDF2_ITERATIONS = 1000
BCRYPT_COST = 4
_DJANGO_SALT = string.ascii_letters + string.digits
_ARGON2 = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def password_of(user_id: int) -> str:
    """The password of a demonstration user; stored nowhere, known to everybody who reads this."""
    tag = hmac.digest(b"pqconsole demonstration estate", str(user_id).encode(), "sha256").hex()
    return f"demo-{tag[:12]}"


def legacy_hash(user_id: int) -> str:
    """A stored hash: Django's PBKDF2, bcrypt, or salted SHA-1 and SHA-256; a few are Argon2id or unusable."""
    password = password_of(user_id).encode()
    kind = user_id % 10
    if user_id % 100 == 49:
        return "!" + secrets.token_hex(20)  # Django's mark of an account that cannot log in
    if user_id % 100 == 99:
        return _ARGON2.hash(password)
    if kind < 4:
        salt = "".join(secrets.choice(_DJANGO_SALT) for _ in range(22))
        digest = hashlib.pbkdf2_hmac("sha256", password, salt.encode(), PBKDF2_ITERATIONS)
        return f"pbkdf2_sha256${PBKDF2_ITERATIONS}${salt}${base64.b64encode(digest).decode()}"
    if kind < 7:
        return bcrypt.hashpw(password, bcrypt.gensalt(BCRYPT_COST)).decode()
    name = "sha1" if kind < 9 else "sha256"
    salt = secrets.token_hex(6)
    return f"{name}${salt}${hashlib.new(name, salt.encode() + password).hexdigest()}"
