"""Check the samples of golden_passwords.json by docs/LOGINS.md and docs/FORMATS.md alone.

    python check_logins.py [golden_passwords.json]

With `cryptography` for Argon2id, bcrypt where it is installed, and the standard library; nothing of pqconsole. Ends
with 1 where a sample does not come out. Schemes whose inner digest needs a crypt(3), DES or MD4 are left out, and the
output names them. It is meant to be carried over to other languages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

CRYPT = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PBKDF2 = {
    "p5": ("md5", 16),
    "p1": ("sha1", 20),
    "p256": ("sha256", 32),
    "p512": ("sha512", 64),
    "p1a": ("sha1", 32),
    "p1d": ("sha1", 24),
}
NAMES = {"5": "md5", "1": "sha1", "224": "sha224", "256": "sha256", "384": "sha384", "512": "sha512"}


def unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def bcrypt_digest(code: str, cost: int, salt: bytes, password: bytes) -> bytes | None:
    try:
        import bcrypt
    except ImportError:
        return None
    before = {
        "bs2b": lambda: hashlib.sha256(password).hexdigest().encode(),
        "bp1": lambda: base64.b64encode(hashlib.sha256(password).digest()),
        "bp2": lambda: base64.b64encode(hmac.digest(salt, password, "sha256")),
        "bw2y": lambda: base64.b64encode(hmac.digest(b"wp-sha384", password, "sha384")),
    }
    given = before[code]() if code in before else password
    return bcrypt.hashpw(given[:72], f"${'2b' if code in ('bp1', 'bp2') else code[2:]}${cost:02}$".encode() + salt)[
        -31:
    ]


def crypt64(data: bytes) -> str:
    out = ""
    for at in range(0, len(data), 3):
        group = data[at : at + 3]
        number = int.from_bytes(group, "little")
        out += "".join(CRYPT[number >> 6 * digit & 63] for digit in range(len(group) + 1))
    return out


def iterated(name: str, log: int, salt: bytes, password: bytes) -> str:
    digest = hashlib.new(name, salt + password).digest()
    for _ in range(1 << log):
        digest = hashlib.new(name, digest + password).digest()
    return crypt64(digest)


def inner_digest(code: str, cost: str, salt: bytes, password: bytes) -> bytes | None:
    """What the password comes out as under the old scheme; None where that is left out here."""
    rounds, *block = (int(number) for number in cost.split("."))
    wide = password.decode().encode("utf-16-le")
    if code in PBKDF2:
        name, length = PBKDF2[code]
        return hashlib.pbkdf2_hmac(name, password, salt, rounds, length)
    if code in ("sc32", "sc64"):
        size, lanes = block
        return hashlib.scrypt(
            password, salt=salt, n=1 << rounds, r=size, p=lanes, maxmem=1 << 29, dklen=int(code.removeprefix("sc"))
        )
    if code[0] == "b":
        return bcrypt_digest(code, rounds, salt, password)
    if code[0] == "s":
        return hashlib.new(NAMES[code[1:]], salt + password).digest()
    if code[0] == "l" and code != "lm":
        return hashlib.new(NAMES[code[1:]], password + salt).digest()
    if code[0] == "f":
        digest = hashlib.new(NAMES[code[1:]], salt + password).digest()
        for _ in range(rounds - 1):
            digest = hashlib.new(NAMES[code[1:]], digest).digest()
        return digest
    match code:
        case "php":
            return iterated("md5", rounds, salt, password).encode()
        case "dr7":
            return iterated("sha512", rounds, salt, password)[:43].encode()
        case "dr5":
            return iterated("sha512", rounds, salt, hashlib.md5(password).hexdigest().encode())[:43].encode()
        case "my4":
            return hashlib.sha1(hashlib.sha1(password).digest()).digest()
        case "ms00":
            return hashlib.sha1(password.decode().upper().encode("utf-16-le") + salt).digest()
        case "ms05":
            return hashlib.sha1(wide + salt).digest()
        case "ms12":
            return hashlib.sha512(wide + salt).digest()
    return None


def check(stored: str, password: str, peppers: dict[str, str]) -> bool | None:
    """Whether the password is right; None where the old scheme is left out."""
    magic, outer, pepper, salt, tag, inner = stored.split("$")
    memory, passes, lanes = (int(number) for number in outer.split(","))
    if magic != "pq1" or memory > 262144 or passes > 16 or lanes > 16:
        raise ValueError("refused")
    code, cost, text = inner.split(",")
    inner_salt = unbase64(text[1:]) if text.startswith("=") else text.encode()
    digest = inner_digest(code, cost, inner_salt, password.encode())
    if digest is None:
        return None
    if pepper:
        digest = hmac.digest(bytes.fromhex(peppers[pepper]), digest, "sha256")
    derived = Argon2id(salt=unbase64(salt), length=32, iterations=passes, lanes=lanes, memory_cost=memory)
    return hmac.compare_digest(derived.derive(digest), unbase64(tag))


def main(path: Path) -> int:
    golden: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    checked, left_out, wrong = 0, set(), []
    for sample in golden["samples"]:
        right = check(sample["stored"], golden["password"], golden["peppers"])
        if right is None:
            left_out.add(sample["code"])
            continue
        checked += 1
        if not right:
            wrong.append(f"{sample['what']} ({sample['code']}) is refused")
        if check(sample["stored"], golden["wrong"], golden["peppers"]):
            wrong.append(f"{sample['what']} ({sample['code']}) takes a wrong password")
    print(f"{checked} password hashes; left out: {' '.join(sorted(left_out)) or 'none'}")
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("golden_passwords.json"))))
