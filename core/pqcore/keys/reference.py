"""How a key is named: ``name`` means its newest active version, ``name:version`` that very one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from pqcore.errors import KeyStoreError
from pqcore.keys.provider import KeyInfo, KeyState
from pqcore.text import clean

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REF = re.compile(r"([A-Za-z0-9._-]{1,64})(?::([1-9][0-9]{0,8}))?")


def check_name(name: str) -> str:
    """The name itself, where it is one a key may have."""
    if not _NAME.fullmatch(name):
        raise KeyStoreError(
            f'"{clean(name, limit=64)}" cannot be the name of a key',
            "Use 1 to 64 letters, digits, dots, underscores and hyphens",
        )
    return name


def parse_ref(ref: str) -> tuple[str, int | None]:
    """Name and version; the version is None where the newest active one is meant."""
    match = _REF.fullmatch(ref)
    if match is None:
        raise KeyStoreError(f'"{clean(ref, limit=80)}" is no key reference', "Write a key as name or name:version")
    name, version = match.groups()
    return name, int(version) if version else None


def resolve(ref: str, infos: Iterable[KeyInfo]) -> KeyInfo:
    """The key that a reference means among those there are."""
    name, version = parse_ref(ref)
    known = list(infos)
    versions = {info.version: info for info in known if info.name == name}
    if not versions:
        near = get_close_matches(name, {info.name for info in known}, n=1)
        hint = f"Did you mean {near[0]}" if near else "See pqconsole keys list, or make it with pqconsole keys generate"
        raise KeyStoreError(f"There is no key {name}", hint)
    if version is None:
        active = [number for number, info in versions.items() if info.state is KeyState.ACTIVE]
        if not active:
            raise KeyStoreError(
                f"All versions of the key {name} are retired", f"Make a new one with pqconsole keys rotate {name}"
            )
        return versions[max(active)]
    if version not in versions:
        raise KeyStoreError(
            f"The key {name} has no version {version}",
            f"It has {', '.join(str(number) for number in sorted(versions))}; import the missing one",
        )
    return versions[version]
