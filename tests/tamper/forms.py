"""The stored forms under attack: how each is written for a place, and how an application reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial

import pytest

from pqcore.errors import KeyStoreError
from pqcore.formats.context import Context
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.signature import Mode, countersign, verify_signature
from pqcore.formats.wrapped_key import SealKey, open_wrapped_key, seal, seal_nested
from tests.formats.keyring import key, ring

REFUSED = (FormatError, NotAuthentic, KeyStoreError)
HERE = Context("data set", "app.documents", "value", (7, "a"), policy="strict")
DATA_KEY = bytes(range(32))
PAYLOAD, OLD = b"pay 100 to alice", b"old signature"
WHEN = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


@dataclass(frozen=True)
class Form:
    """One stored form that is bound to its place.

    Attributes:
        name: for the test's id.
        write: the stored bytes for a place.
        read: what an application calls; raises where the value is refused.
    """

    name: str
    write: Callable[[Context], bytes]
    read: Callable[[str | bytes, Context], object]


def _open(stored: str | bytes, context: Context) -> object:
    return open_wrapped_key(stored, ring(), context)


def _wrap(name: str, context: Context) -> bytes:
    return seal(DATA_KEY, key(name), context)


def _nest(names: tuple[str, ...], context: Context) -> bytes:
    return seal_nested(DATA_KEY, [SealKey.of(key(name)) for name in names], context)


def _sign(name: str, mode: Mode, context: Context) -> bytes:
    return countersign(
        PAYLOAD,
        OLD,
        key=key(name),
        context=context,
        old_algorithm="Ed25519",
        old_key_id="audit:3",
        time=WHEN,
        mode=mode,
    )


def _verify(stored: str | bytes, context: Context) -> object:
    return verify_signature(stored, PAYLOAD, OLD, ring(), context)


SINGLE = tuple(
    Form(f"wrapped key, {name}", partial(_wrap, name), _open) for name in ("hybrid", "hybrid-1024", "kem", "kem-1024")
)
NESTED = tuple(
    Form(f"wrapped key, {' around '.join(names)}", partial(_nest, names), _open)
    for names in (("kem-1024", "hybrid"), ("hybrid-1024", "kem", "other-hybrid"))
)
WRAPPED = (*SINGLE, *NESTED)
SIGNED = tuple(
    Form(f"signature, {name}, {mode.name.lower()}", partial(_sign, name, mode), _verify)
    for name, mode in (
        ("dsa-44", Mode.COUNTERSIGN),
        ("dsa", Mode.COUNTERSIGN),
        ("dsa-87", Mode.REPLACE),
        ("composite", Mode.COUNTERSIGN),
        ("composite-ecdsa", Mode.REPLACE),
    )
)
BOUND = (*WRAPPED, *SIGNED)

each_form = pytest.mark.parametrize("form", BOUND, ids=lambda form: form.name)
each_nest = pytest.mark.parametrize("form", NESTED, ids=lambda form: form.name)
each_single = pytest.mark.parametrize("form", SINGLE, ids=lambda form: form.name)
each_wrap = pytest.mark.parametrize("form", WRAPPED, ids=lambda form: form.name)
each_signature = pytest.mark.parametrize("form", SIGNED, ids=lambda form: form.name)


@lru_cache(maxsize=64)
def stored_here(form: Form) -> bytes:
    """The form's value at HERE, made once."""
    return form.write(HERE)


def refuses(form: Form, stored: str | bytes, context: Context = HERE) -> None:
    """The application's reader has to refuse the value, with an error of ours."""
    with pytest.raises(REFUSED):
        form.read(stored, context)
