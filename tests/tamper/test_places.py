"""Values moved to another place: another row, column, table or data set, or under another key or policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pqcore.formats import wrapped_key
from pqcore.formats.errors import FormatError
from pqcore.migrations.base import Scope
from tests.formats.keyring import key
from tests.migrations.records import made, reason, row
from tests.tamper.forms import (
    BOUND,
    HERE,
    PAYLOAD,
    SIGNED,
    WRAPPED,
    each_form,
    each_signature,
    each_single,
    each_wrap,
    refuses,
    stored_here,
)

PLACES = {
    "row": replace(HERE, row_key=(8, "a")),
    "row of the same text": replace(HERE, row_key=("7", "a")),
    "shorter row key": replace(HERE, row_key=(7,)),
    "row key in another order": replace(HERE, row_key=("a", 7)),
    "column": replace(HERE, column="value2"),
    "table": replace(HERE, table="app.document"),
    "schema": replace(HERE, table="documents"),
    "data set": replace(HERE, data_set="copy of the data set"),
    "table and column run together": replace(HERE, table="app.documentsvalue", column=""),
}


@each_form
def test_the_value_reads_where_it_was_written(form):
    form.read(stored_here(form), HERE)


@each_form
@pytest.mark.parametrize("there", PLACES.values(), ids=PLACES)
def test_a_moved_value_is_refused(form, there):
    refuses(form, stored_here(form), there)
    refuses(form, form.write(there), HERE)


@each_form
def test_two_rows_swapped_are_both_refused(form):
    first, second = HERE, replace(HERE, row_key=(8, "b"))
    one, other = form.write(first), form.write(second)
    refuses(form, other, first)
    refuses(form, one, second)


@each_form
@pytest.mark.parametrize("other", BOUND, ids=lambda form: form.name)
def test_a_value_of_another_form_is_refused(form, other):
    if form.read is not other.read:
        refuses(form, stored_here(other))


def swapped(stored: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert stored.count(old) == 1
    return stored.replace(old, new)


@each_wrap
def test_a_key_id_of_another_version_or_key_is_refused(form):
    for key_id in wrapped_key.parse(stored_here(form)).key_ids:
        name = key_id.encode()
        refuses(form, swapped(stored_here(form), name, name[:-1] + b"2"))
        refuses(form, swapped(stored_here(form), name, name[:-1] + b"\xff"))


def test_a_key_id_of_a_key_that_is_held_is_refused():
    """The other key is there, of the same algorithm, and its id as long: only the binding tells."""
    hybrid, signature = WRAPPED[0], SIGNED[1]
    longer = wrapped_key.seal(PAYLOAD, key("other-hybrid"), HERE)
    ours = stored_here(hybrid)
    body = wrapped_key.parse(ours)
    other = wrapped_key.parse(longer)
    refuses(hybrid, other.header + len(body.enc_ct).to_bytes(2, "big") + body.enc_ct + body.tag)
    refuses(hybrid, other.header + len(body.enc_ct).to_bytes(2, "big") + body.enc_ct + other.tag)
    refuses(signature, stored_here(signature).replace(b"dsa:1", b"kem:1", 1))


@each_wrap
def test_another_policy_id_is_refused(form):
    refuses(form, swapped(stored_here(form), b"strict", b"laxest"))
    with pytest.raises(FormatError, match="another policy"):
        form.read(form.write(replace(HERE, policy="laxest")), HERE)


@each_single
def test_a_policy_id_moved_into_the_key_id_is_refused(form):
    stored = stored_here(form)
    parsed = wrapped_key.parse(stored)
    lengths = bytes((len(parsed.key_id), len(parsed.policy)))
    longer = bytes((len(parsed.key_id) + len(parsed.policy), 0))
    at = len(wrapped_key.MAGIC) + 7
    assert stored[at : at + 2] == lengths
    refuses(form, stored[:at] + longer + stored[at + 2 :])


@each_signature
@pytest.mark.parametrize("name", [b"Ed25518", b"ed25519", b"       "])
def test_the_old_algorithm_in_the_statement_cannot_be_swapped(form, name):
    refuses(form, swapped(stored_here(form), b"Ed25519", name))


@each_signature
def test_the_old_key_in_the_statement_cannot_be_swapped(form):
    refuses(form, swapped(stored_here(form), b"audit:3", b"audit:4"))


def migration(scope, **options):
    if scope is Scope.WRAPPERS:
        chosen = {"format": "RSA-OAEP-SHA256", "old_key": "rsa", "new_key": "kem"}
        return made(scope, "ML-KEM-768", chosen | options)
    chosen = {"format": "Ed25519", "old_key": "ed", "new_key": "dsa", "payload": "payload", "mode": "replace"}
    return made(scope, "ML-DSA-65", chosen | options)


@pytest.mark.parametrize(
    ("scope", "form"), [(Scope.WRAPPERS, WRAPPED[2]), (Scope.SIGNATURES, SIGNED[2])], ids=["wrapped key", "signature"]
)
def test_a_job_takes_no_moved_value_for_a_migrated_one(scope, form):
    """A row that starts like the new form and belongs elsewhere is a dead letter, to the job and to its proof."""
    job = migration(scope)
    moved = row(form.write(replace(HERE, row_key=(8,))), (7,), payload=PAYLOAD)
    for outcome in (job.migrate(moved), job.verify(moved)):
        assert reason(outcome) == "unverifiable"
