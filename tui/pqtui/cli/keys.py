"""``pqconsole keys``: what needs no database. ``key_states`` has the rest."""

from __future__ import annotations

import argparse
import base64
from typing import Any

from pqcore.errors import ExitCode, KeyStoreError, UsageError
from pqcore.keys.lifecycle import rotate
from pqcore.keys.provider import Key, KeyInfo, KeyProvider, KeyState
from pqcore.keys.reference import parse_ref
from pqcore.keys.sources import new_passphrase_source
from pqcore.text import clean
from pqtui.cli.files import read_file
from pqtui.cli.flags import all_keys, keyring, must_write, settings_of
from pqtui.cli.output import print_json, print_properties, print_table, shown

# DER of a SubjectPublicKeyInfo starts with a SEQUENCE; raw public keys are of fixed other lengths.
_SPKI_ALGORITHMS = ("RSA", "ECDSA", "Ed25519", "Ed448", "X25519")


def list_keys(args: argparse.Namespace) -> int:
    infos = all_keys(settings_of(args)).list()
    if args.json:
        print_json([document(info) for info in infos])
        return ExitCode.OK
    headings = ("NAME", "VERSION", "ALGORITHM", "STATE", "SECRET", "ORIGIN", "CREATED", "FINGERPRINT")
    rows = (
        (i.name, i.version, i.algorithm, i.state, i.has_secret, i.origin, i.created_at, i.fingerprint) for i in infos
    )
    print_table(headings, rows, right=frozenset({1}))
    return ExitCode.OK


def generate_key(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "make a key")
    return _print_info(all_keys(settings).generate(args.name, args.algorithm, expanded=args.liboqs), as_json=args.json)


def import_key(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "import a key")
    data = read_file(args.file, "key file")
    return _print_info(all_keys(settings).import_key(args.name, data, algorithm=args.algorithm), as_json=args.json)


def rotate_key(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "rotate a key")
    info = rotate(all_keys(settings), args.name)
    code = _print_info(info, as_json=args.json)
    if not args.json:
        print(f"\nNew jobs write with {info.id}. Move the values of older versions with a job: see docs/KEYS.md")
    return code


def change_passphrase(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "change the passphrase")
    keys = keyring(settings)
    keys.unlock()  # the present one is asked for first
    backups = keys.change_passphrase(new_passphrase_source(settings))
    if args.json:
        print_json({"keyring": str(keys.path), "backups_with_older_passphrases": [str(path) for path in backups]})
        return ExitCode.OK
    print(f"{clean(str(keys.path))} has its new passphrase; workers that run go on with the keys they have opened.")
    print("These backups still open with an older passphrase. Remove them if that one is known to others:")
    for path in backups:
        print(f"  {clean(str(path))}")
    return ExitCode.OK


def show_key(args: argparse.Namespace) -> int:
    return _print_info(all_keys(settings_of(args)).info(args.ref), as_json=args.json)


def export_key(args: argparse.Namespace) -> int:
    if not args.public:
        raise UsageError(
            "A private key does not leave the keyring",
            f"Add --public for the public key: pqconsole keys export {args.ref} --public",
        )
    key = all_keys(settings_of(args)).get(args.ref)
    text = public_text(key)
    if args.json:
        print_json({**document(key.info), "public": text})
    else:
        print(text)
    return ExitCode.OK


def reactivate_key(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "reactivate a key")
    keys = all_keys(settings)
    return _print_info(keys.change_state(version_of(keys, args.ref).id, KeyState.ACTIVE), as_json=args.json)


def version_of(keys: KeyProvider, ref: str) -> KeyInfo:
    """The version that was named. Raises UsageError where only a name was given: it would mean another one tomorrow."""
    if parse_ref(ref)[1] is None:
        raise UsageError(f"{ref} names no version", f"Write it as {keys.info(ref).id}")
    return keys.info(ref)


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
        print_json(document(info))
        return ExitCode.OK
    print_properties(
        [
            ("key", info.id),
            ("algorithm", info.algorithm),
            ("state", info.state if info.state_since is None else f"{info.state}, since {shown(info.state_since)}"),
            ("secret", _secret(info)),
            ("origin", info.origin),
            ("created", info.created_at),
            ("fingerprint", info.fingerprint),
        ]
    )
    return ExitCode.OK


def _secret(info: KeyInfo) -> str:
    if info.state is KeyState.DELETED:
        return "deleted"
    return "held" if info.has_secret else "not held, only the public key is"


def document(info: KeyInfo) -> dict[str, Any]:
    """A key as ``--json`` prints it."""
    return {
        "name": info.name,
        "version": info.version,
        "id": info.id,
        "algorithm": info.algorithm,
        "state": info.state,
        "state_since": info.state_since,
        "has_secret": info.has_secret,
        "origin": info.origin,
        "created_at": info.created_at,
        "fingerprint": info.fingerprint,
    }
