"""Check the samples of golden.json by docs/FORMATS.md alone, with `cryptography` and nothing of pqconsole.

    python check_golden.py [golden.json]

Ends with 1 where a sample does not come out. It is meant to be read beside docs/FORMATS.md, and to be carried over to
other languages. The bcrypt samples need the package bcrypt; without it they are left out, and the output says so.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, x25519
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

KEMS = {
    0x647A: hpke.KEM.MLKEM768_X25519,
    0x0051: hpke.KEM.MLKEM1024_P384,
    0x0041: hpke.KEM.MLKEM768,
    0x0042: hpke.KEM.MLKEM1024,
}
KDFS = {
    0x0001: hpke.KDF.HKDF_SHA256,
    0x0002: hpke.KDF.HKDF_SHA384,
    0x0003: hpke.KDF.HKDF_SHA512,
    0x0011: hpke.KDF.SHAKE256,
}
AES_256_GCM = 0x0002
SIGNERS = {
    17: mldsa.MLDSA44PrivateKey,
    18: mldsa.MLDSA65PrivateKey,
    19: mldsa.MLDSA87PrivateKey,
}
# Composites (draft-ietf-lamps-pq-composite-sigs-19): ML-DSA, its signature's length, label, hash, ECDSA's hash.
COMPOSITES = {
    48: (mldsa.MLDSA65PrivateKey, 3309, b"COMPSIG-MLDSA65-Ed25519-SHA512", hashlib.sha512, None),
    40: (mldsa.MLDSA44PrivateKey, 2420, b"COMPSIG-MLDSA44-ECDSA-P256-SHA256", hashlib.sha256, hashes.SHA256()),
}
CONTEXT_STRING = b"pqconsole signature v1"


def frame(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


class Bytes:
    """Fields off the front of a value."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, length: int) -> bytes:
        field = self.data[self.at : self.at + length]
        if len(field) != length:
            raise ValueError("cut short")
        self.at += length
        return field

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")

    def padding(self) -> None:
        if any(self.take(-self.at % 3)):
            raise ValueError("padding is not zero")

    def end(self) -> None:
        if self.at != len(self.data):
            raise ValueError("bytes are left")


def row_key(place: dict[str, Any]) -> str:
    # Integers and plain text need no more; docs/FORMATS.md says how other types are written.
    return json.dumps(place["row_key"], separators=(",", ":"), ensure_ascii=True)


def context(place: dict[str, Any], key_id: str, policy: str) -> bytes:
    parts = ("pqconsole context v1", place["data_set"], place["table"], place["column"], row_key(place), key_id, policy)
    return frame(*(part.encode() for part in parts))


def kem_private(algorithm: str, seed: bytes) -> Any:
    """The private key of a stored seed: ML-KEM's d | z, or a hybrid's 32 bytes stretched by SHAKE256."""
    if algorithm == "ML-KEM-768":
        return mlkem.MLKEM768PrivateKey.from_seed_bytes(seed)
    if algorithm == "ML-KEM-1024":
        return mlkem.MLKEM1024PrivateKey.from_seed_bytes(seed)
    if algorithm == "ML-KEM-768+X25519":
        both = hashlib.shake_256(seed).digest(96)
        classical = x25519.X25519PrivateKey.from_private_bytes(both[64:])
        return hpke.MLKEM768X25519PrivateKey(mlkem.MLKEM768PrivateKey.from_seed_bytes(both[:64]), classical)
    both = hashlib.shake_256(seed).digest(112)
    scalar = ec.derive_private_key(int.from_bytes(both[64:], "big"), ec.SECP384R1())
    return hpke.MLKEM1024P384PrivateKey(mlkem.MLKEM1024PrivateKey.from_seed_bytes(both[:64]), scalar)


def open_wrapped_key(stored: bytes, keys: dict[str, Any], place: dict[str, Any]) -> bytes:
    value = Bytes(stored)
    magic = value.take(6)
    if magic == b"pqcwk1":
        heads, policy_length = [(suite(value), value.number(1))], value.number(1)
    elif magic == b"pqcwk2":
        count, policy_length = value.number(1), value.number(1)
        heads = [(suite(value), value.number(1)) for _ in range(count)]
    else:
        raise ValueError("no wrapped key")
    layers = [(used, value.take(length).decode()) for used, length in heads]
    policy = value.take(policy_length).decode()
    value.padding()
    header = stored[: value.at]
    enc_ct = value.take(value.number(2))
    sealed = enc_ct + value.take(32)
    value.end()
    for at, (used, key_id) in enumerate(layers):
        which = (b"v1",) if magic == b"pqcwk1" else (b"v2", bytes((at,)))
        sealed = open_layer(which, used, keys[key_id], sealed, header, context(place, key_id, policy))
    return sealed


def suite(value: Bytes) -> hpke.Suite:
    kem, kdf, aead, draft = value.number(2), value.number(2), value.number(2), value.number(1)
    if kem not in KEMS or kdf not in KDFS or aead != AES_256_GCM or draft != 3:
        raise ValueError("unknown suite")
    return hpke.Suite(KEMS[kem], KDFS[kdf], hpke.AEAD.AES_256_GCM)


def open_layer(
    which: tuple[bytes, ...], used: hpke.Suite, key: dict[str, Any], sealed: bytes, header: bytes, bound: bytes
) -> bytes:
    """What one layer seals: the data key, or ``enc | ct | tag`` of the next layer."""
    version, *index = which
    enc_ct, tag = sealed[:-32], sealed[-32:]
    tagged = header + len(enc_ct).to_bytes(2, "big") + enc_ct
    statement = frame(b"pqconsole wrapped key tag " + version, *index, bound, tagged)
    if not hmac.compare_digest(hmac.digest(bytes.fromhex(key["seal_secret"]), statement, "sha256"), tag):
        raise ValueError("not sealed by a holder of the key")
    info = frame(b"pqconsole wrapped key " + version, *index, header, bound)
    return used.decrypt(enc_ct, kem_private(key["algorithm"], bytes.fromhex(key["secret"])), info)


def verify_signature(
    stored: bytes, payload: bytes, old: bytes, keys: dict[str, Any], place: dict[str, Any]
) -> tuple[int, str, datetime]:
    value = Bytes(stored)
    if value.take(6) != b"pqcsg1":
        raise ValueError("no signature")
    algorithm, mode, digest = value.number(1), value.number(1), value.number(1)
    if digest != 1 or mode not in (0, 1):
        raise ValueError("unknown digest or mode")
    if algorithm in COMPOSITES and value.number(1) != 19:
        raise ValueError("another draft")
    key_id = value.take(value.number(1)).decode()
    value.padding()
    header = stored[: value.at]
    micros = value.number(8)
    old_digest = value.take(32)
    value.take(value.number(1))
    value.take(value.number(1))
    body = stored[len(header) : value.at]
    signature = value.take(value.number(2))
    value.end()
    if old_digest != hashlib.sha256(old).digest():
        raise ValueError("another old signature")
    statement = frame(
        b"pqconsole statement v1",
        place["data_set"].encode(),
        place["table"].encode(),
        place["column"].encode(),
        row_key(place).encode(),
        header,
        body,
        b"SHA-512",
        hashlib.sha512(payload).digest(),
    )
    # The samples hold private keys; an application has the public ones.
    secret = bytes.fromhex(keys[key_id]["secret"])
    if algorithm in COMPOSITES:
        verify_composite(algorithm, secret, statement, signature)
    else:
        SIGNERS[algorithm].from_seed_bytes(secret).public_key().verify(signature, statement, CONTEXT_STRING)
    return mode, key_id, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def verify_composite(algorithm: int, secret: bytes, statement: bytes, signature: bytes) -> None:
    """Both halves have to verify."""
    private, length, label, digest, ecdsa_hash = COMPOSITES[algorithm]
    prefix = b"CompositeAlgorithmSignatures2025" + label + bytes((len(CONTEXT_STRING),)) + CONTEXT_STRING
    message = prefix + digest(statement).digest()
    private.from_seed_bytes(secret[:32]).public_key().verify(signature[:length], message, label)
    if ecdsa_hash is None:
        classical = ed25519.Ed25519PrivateKey.from_private_bytes(secret[32:])
        classical.public_key().verify(signature[length:], message)
    else:
        key = serialization.load_der_private_key(secret[32:], None)
        key.public_key().verify(signature[length:], message, ec.ECDSA(ecdsa_hash))


def inner_digest(scheme: str, rounds: int, salt: str, password: bytes) -> bytes | None:
    """What the password comes out as under the old scheme; None where bcrypt is needed and not installed."""
    raw = base64.urlsafe_b64decode(salt[1:] + "=" * (-len(salt[1:]) % 4)) if salt.startswith("=") else salt.encode()
    match scheme:
        case "p256" | "p1":
            return hashlib.pbkdf2_hmac("sha256" if scheme == "p256" else "sha1", password, raw, rounds)
        case "s1" | "s256":
            return hashlib.new("sha1" if scheme == "s1" else "sha256", raw + password).digest()
        case "l1" | "l256":
            return hashlib.new("sha1" if scheme == "l1" else "sha256", password + raw).digest()
    try:
        import bcrypt
    except ImportError:
        return None
    if scheme == "bs2b":
        password = hashlib.sha256(password).hexdigest().encode()
    return bcrypt.hashpw(password[:72], f"${scheme[2:]}${rounds:02}${salt}".encode())[29:]


def check_password(stored: str, password: str, keys: dict[str, Any]) -> bool | None:
    magic, cost, pepper, salt, tag, inner = stored.split("$")
    if magic != "pq1":
        raise ValueError("no wrapped password hash")
    memory, passes, lanes = (int(number) for number in cost.split(","))
    scheme, rounds, inner_salt = inner.split(",")
    digest = inner_digest(scheme, int(rounds), inner_salt, password.encode())
    if digest is None:
        return None
    if pepper:
        digest = hmac.digest(bytes.fromhex(keys[pepper]["secret"]), digest, "sha256")
    raw_salt, raw_tag = (base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in (salt, tag))
    derived = Argon2id(salt=raw_salt, length=len(raw_tag), iterations=passes, lanes=lanes, memory_cost=memory)
    return hmac.compare_digest(derived.derive(digest), raw_tag)


def old_index(kind: str, content: bytes, key: bytes | None) -> bytes:
    """An index of before: a digest, or an HMAC where it has a key; ``HMAC-SHA-256``, ``SHA-1``, ..."""
    name = kind.removeprefix("HMAC-").replace("-", "").lower()
    return hashlib.new(name, content).digest() if key is None else hmac.digest(key, content, name)


def blind_index(stored: str, content: bytes, keys: dict[str, Any], old_key: str | None) -> bool:
    magic, algorithm, key_id, inner, digest = stored.split("$")
    if magic != "pqbi1" or keys[key_id]["algorithm"] != algorithm:
        raise ValueError("not a blind index, or under a key of another kind")
    if inner:
        secret = None if old_key is None else bytes.fromhex(keys[old_key]["secret"])
        content = frame(b"pqconsole nested index v1", inner.encode(), old_index(inner, content, secret))
    name = algorithm.removeprefix("HMAC-").replace("SHA-", "sha").replace("-", "_").lower()
    made = hmac.digest(bytes.fromhex(keys[key_id]["secret"]), content, name)
    return hmac.compare_digest(base64.urlsafe_b64encode(made).rstrip(b"=").decode(), digest)


def content_digest(stored: str, content: bytes) -> bool:
    tag, _, digits = stored.partition(":")
    name = tag.replace("sha-", "sha").replace("-", "_")
    return hmac.compare_digest(hashlib.new(name, content).hexdigest(), digits)


def elsewhere(place: dict[str, Any]) -> dict[str, Any]:
    return place | {"row_key": [8, "a"]}


def refused(check: Any, *arguments: Any) -> bool:
    try:
        check(*arguments)
    except Exception:
        return True
    return False


def check(golden: dict[str, Any]) -> list[str]:
    """What did not come out, a line each; prints what was checked."""
    keys, place, wrong = golden["keys"], golden["place"], []
    for sample in golden["wrapped_keys"]:
        stored = base64.b64decode(sample["stored"])
        if open_wrapped_key(stored, keys, place) != bytes.fromhex(sample["data_key"]):
            wrong.append(f"wrapped key under {sample['key']}")
        if not refused(open_wrapped_key, stored, keys, elsewhere(place)):
            wrong.append(f"wrapped key under {sample['key']} opens in another row")
    for sample in golden["signatures"]:
        stored, payload = base64.b64decode(sample["stored"]), sample["payload"].encode()
        old = bytes.fromhex(sample["old_signature"])
        found = verify_signature(stored, payload, old, keys, place)
        if found != (sample["mode"], sample["key"], datetime.fromisoformat(sample["time"])):
            wrong.append(f"signature by {sample['key']}")
        if not refused(verify_signature, stored, payload + b"0", old, keys, place):
            wrong.append(f"signature by {sample['key']} verifies over another payload")
    for sample in golden["blind_indexes"]:
        arguments = (keys, sample["old_key"])
        if not blind_index(sample["stored"], sample["content"].encode(), *arguments):
            wrong.append(f"blind index under {sample['key']}")
        if blind_index(sample["stored"], sample["content"].encode() + b"0", *arguments):
            wrong.append(f"blind index under {sample['key']} is that of another content")
    for sample in golden["digests"]:
        if not content_digest(sample["stored"], sample["content"].encode()):
            wrong.append(f"digest by {sample['algorithm']}")
    left_out = 0
    for sample in golden["passwords"]:
        right = check_password(sample["stored"], sample["password"], keys)
        if right is None:
            left_out += 1
        elif not right or check_password(sample["stored"], sample["password"] + "x", keys):
            wrong.append(f"password hash, {sample['scheme']}")
    print(f"{len(golden['wrapped_keys'])} wrapped keys, {len(golden['signatures'])} signatures")
    print(f"{len(golden['blind_indexes'])} blind indexes, {len(golden['digests'])} digests")
    print(f"{len(golden['passwords']) - left_out} password hashes, {left_out} left out for want of bcrypt")
    return wrong


def main() -> int:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("golden.json")
    wrong = check(json.loads(path.read_text()))
    for line in wrong:
        print(f"WRONG: {line}")
    print("all as docs/FORMATS.md says" if not wrong else f"{len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
