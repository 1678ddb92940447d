"""``pqconsole keys``: list, generate, import, show. Needs no database."""

from __future__ import annotations

import argparse
import base64
from typing import Any

from pqcore.errors import ExitCode, KeyStoreError
from pqcore.keys.provider import Key, KeyInfo
from pqtui.cli.files import read_file
from pqtui.cli.flags import keyring, must_write, settings_of
from pqtui.cli.output import print_json, print_properties, print_table

# DER of a SubjectPublicKeyInfo starts with a SEQUENCE; raw public keys are of fixed other lengths.
_SPKI_ALGORITHMS = ("RSA", "ECDSA", "Ed25519", "Ed448", "X25519")


def list_keys(args: argparse.Namespace) -> int:
    infos = keyring(settings_of(args)).list()
    if args.json:
        print_json([_document(info) for info in infos])
        return ExitCode.OK
    headings = ("NAME", "VERSION", "ALGORITHM", "SECRET", "ORIGIN", "CREATED", "FINGERPRINT")
    rows = (
        (info.name, info.version, info.algorithm, info.has_secret, info.origin, info.created_at, info.fingerprint)
        for info in infos
    )
    print_table(headings, rows, right=frozenset({1}))
    return ExitCode.OK


def generate_key(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "make a key")
    return _print_info(keyring(settings).generate(args.name, args.algorithm), as_json=args.json)


def import_key(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "import a key")
    data = read_file(args.file, "key file")
    return _print_info(keyring(settings).import_key(args.name, data, algorithm=args.algorithm), as_json=args.json)


def show_key(args: argparse.Namespace) -> int:
    keys = keyring(settings_of(args))
    if not args.public:
        return _print_info(keys.info(args.ref), as_json=args.json)
    key = keys.get(args.ref)
    text = public_text(key)
    if args.json:
        print_json({**_document(key.info), "public": text})
    else:
        print(text)
    return ExitCode.OK


def public_text(key: Key) -> str:
    """The public key as PEM where it is a SubjectPublicKeyInfo, else as base64 of the raw bytes.

    Raises:
        KeyStoreError: a symmetric key has none.
    """
    if key.public is None:
        raise KeyStoreError(f"{key.id} is a symmetric key and has no public part", "Name a key pair")
    text = base64.b64encode(key.public).decode("ascii")
    if not key.algorithm.startswith(_SPKI_ALGORITHMS):
        return text
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----"])


def _print_info(info: KeyInfo, *, as_json: bool) -> int:
    if as_json:
        print_json(_document(info))
        return ExitCode.OK
    print_properties(
        [
            ("key", info.id),
            ("algorithm", info.algorithm),
            ("secret", "held" if info.has_secret else "not held, only the public key is"),
            ("origin", info.origin),
            ("created", info.created_at),
            ("fingerprint", info.fingerprint),
        ]
    )
    return ExitCode.OK


def _document(info: KeyInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "version": info.version,
        "id": info.id,
        "algorithm": info.algorithm,
        "has_secret": info.has_secret,
        "origin": info.origin,
        "created_at": info.created_at,
        "fingerprint": info.fingerprint,
    }
