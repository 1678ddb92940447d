"""A version of a key is retired only when nothing needs it; values move to the next version by a job."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore import key_usage
from pqcore.database.connect import Database
from pqcore.database.tables import jobs as jobs_table
from pqcore.errors import KeyStoreError, StateConflict
from pqcore.formats.wrapped_key import open_wrapped_key, parse
from pqcore.jobs.model import Status
from pqcore.key_usage import Usage, require_unused, usage_of
from pqcore.keys.lifecycle import rotate
from pqcore.keys.provider import KeyState
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id
from tests.engine.test_scopes import ROWS, SIGN, WRAP, Estate

REWRAP = {"field": "wrapped", "options": {"new_key": "kem"}}


@pytest.fixture
def estate(database: Database) -> Estate:
    return Estate(database)


@pytest.fixture
def small(tmp_path: Any) -> Any:
    """An estate in SQLite, for what does not differ between databases."""
    db = Database.open(f"sqlite:///{tmp_path / 'small.db'}")
    yield Estate(db)
    db.close()


def needing(estate: Estate, ref: str) -> dict[str, int]:
    usage = usage_of(estate.db, estate.keys.info(ref))
    return {column.name: column.needing for column in usage.columns if column.needing}


def test_the_keys_of_all_layers_are_needed(small: Any) -> None:
    """An inner layer's key is as necessary as the outermost one's: without it nothing opens."""
    small.keys.generate("outer", "ML-KEM-1024")
    layered = {**WRAP, "options": {**WRAP["options"], "layer2_key": "outer"}}
    assert small.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **layered).status is Status.DONE
    for ref in ("kem:1", "outer:1"):
        assert needing(small, ref) == {"vault.wrapped": ROWS}
        with pytest.raises(StateConflict, match=r"vault\.wrapped"):
            require_unused(usage_of(small.db, small.keys.info(ref)), KeyState.RETIRED)


def test_values_move_to_the_next_version_and_the_old_one_retires(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_usage, "PAGE_ROWS", 7)  # several pages of a composite key
    assert estate.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **WRAP).status is Status.DONE
    assert needing(estate, "kem:1") == {"vault.wrapped": ROWS}
    assert rotate(estate.keys, "kem").id == "kem:2"
    with pytest.raises(StateConflict, match=rf"needed by {ROWS} of {ROWS} values of vault\.wrapped"):
        require_unused(usage_of(estate.db, estate.keys.info("kem:1")), KeyState.RETIRED)

    job = estate.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **REWRAP)
    assert (job.status, job.progress.migrated, job.error) == (Status.DONE, ROWS, None)
    rows = estate.rows()
    assert {parse(row.wrapped).key_id for row in rows.values()} == {"kem:2"}
    usage = usage_of(estate.db, estate.keys.info("kem:1"))
    assert (usage.used, usage.unseen) == (False, ())
    assert {column.name: column.values for column in usage.columns} == {
        "vault.wrapped": ROWS,
        "pq_migration_signatures.value": 0,
        "pq_migration_originals.sealed": 0,
    }
    estate.keys.change_state("kem:1", KeyState.RETIRED)
    for key, data_key in estate.data_keys.items():
        assert open_wrapped_key(rows[key].wrapped, estate.keys.get, estate.context("wrapped", key)) == data_key


def test_every_form_of_a_value_names_what_it_needs(estate: Estate) -> None:
    assert needing(estate, "kek:1") == {}, "no job names a column yet, so none is looked at"
    estate.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **WRAP, limit=10, keep_originals=True)
    assert needing(estate, "kek:1") == {"vault.wrapped": ROWS - 10}, "values in the old form, by the job's old_key"
    assert needing(estate, "kem:1") == {"vault.wrapped": 10}
    assert needing(estate, "pqconsole-originals:1") == {"pq_migration_originals.sealed": 10}
    estate.run(Scope.SIGNATURES, "ML-DSA-44", field="signature", options=SIGN, limit=20)
    assert needing(estate, "pq-signer:1") == {"pq_migration_signatures.value": 20}
    assert needing(estate, "signer:1") == {"vault.signature": ROWS, "pq_migration_signatures.value": 20}
    estate.run(
        Scope.SIGNATURES, "ML-DSA-44", field="signature", options={**SIGN, "signature_field": "pq_signature"}, limit=5
    )
    assert needing(estate, "pq-signer:1") == {"vault.pq_signature": 5, "pq_migration_signatures.value": 20}
    assert usage_of(estate.db, estate.keys.info("kem:1")).originals == 10


def test_a_row_may_name_its_old_key(small: Estate) -> None:
    small.keys.generate("kek", "AES-128")
    with small.db.write() as conn:
        conn.execute(sa.text("UPDATE vault SET record = CASE WHEN number < 10 THEN 'kek:1' ELSE 'kek:2' END"))
    options = {"format": "AES-KW", "old_key": {"column": "record"}, "new_key": "kem"}
    small.jobs.create(Scope.WRAPPERS, {"table": "vault", "field": "wrapped", "options": options}, algorithm_id=1)
    assert needing(small, "kek:1") == {"vault.wrapped": 10}
    assert needing(small, "kek:2") == {"vault.wrapped": ROWS - 10}


def test_a_nested_index_needs_its_old_key_too(small: Estate) -> None:
    digest = "A" * 86
    with small.db.write() as conn:
        for number, inner in ((0, "HMAC-SHA-256"), (1, "")):
            value = f"pqbi1$HMAC-SHA-512$index:1${inner}${digest}"
            conn.execute(sa.text("UPDATE vault SET wrapped = :v WHERE number = :n"), {"v": value, "n": number})
        conn.execute(sa.text("DELETE FROM vault WHERE number > 1"))
    options = {"mode": "blind-index", "source": "record", "old_key": "kek", "new_key": "index"}
    options["format"] = "HMAC-SHA-256"
    small.jobs.create(Scope.HASHES, {"table": "vault", "field": "wrapped", "options": options}, algorithm_id=1)
    assert needing(small, "kek:1") == {"vault.wrapped": 1}


def test_an_unfinished_job_needs_the_key_it_names(small: Estate) -> None:
    document = {"table": "vault", "field": "wrapped", "options": {"new_key": "kem:1"}}
    target = algorithm_id(small.db, Scope.WRAPPERS, "ML-KEM-768+X25519")
    job = small.jobs.create(Scope.WRAPPERS, document, algorithm_id=target)
    usage = usage_of(small.db, small.keys.info("kem:1"))
    assert usage.jobs == (job.id,)
    with pytest.raises(StateConflict, match=f"unfinished job {job.id}"):
        require_unused(usage, KeyState.RETIRED)
    small.jobs.cancel(job.id)
    assert not usage_of(small.db, small.keys.info("kem:1")).used


def test_what_cannot_be_looked_at_is_said_and_keeps_a_key_from_being_deleted(small: Estate) -> None:
    target = algorithm_id(small.db, Scope.WRAPPERS, "ML-KEM-768+X25519")
    job = small.jobs.create(Scope.WRAPPERS, {"table": "gone", **REWRAP}, algorithm_id=target)
    broken = small.jobs.create(Scope.WRAPPERS, {"table": "vault", **REWRAP}, algorithm_id=target)
    for each in (job, broken):
        small.jobs.cancel(each.id)
    with small.db.write() as conn:
        conn.execute(sa.update(jobs_table).where(jobs_table.c.id == broken.id).values(selection={"table": 7}))
    usage = usage_of(small.db, small.keys.info("kem:1"))
    assert sorted(usage.unseen) == ['gone: there is no table "gone"', f"job {broken.id}: its selection cannot be read"]
    require_unused(usage, KeyState.RETIRED)
    with pytest.raises(StateConflict, match="Not everything could be looked at"):
        require_unused(usage, KeyState.DELETED)


def test_a_broken_value_and_kept_originals_keep_a_key_from_being_deleted() -> None:
    for usage, message in (
        (Usage("k:1", (key_usage.Column("t.c", 3, 0, 1),)), "1 values could not be read"),
        (Usage("k:1", (), originals=2), "2 originals are kept"),
    ):
        require_unused(usage, KeyState.RETIRED)
        with pytest.raises(StateConflict, match=message):
            require_unused(usage, KeyState.DELETED)


def test_a_value_that_looks_like_ours_and_is_broken_is_counted_apart(small: Estate) -> None:
    small.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **WRAP)
    with small.db.write() as conn:
        conn.execute(sa.text("UPDATE vault SET wrapped = substr(wrapped, 1, 40) WHERE number = 3"))
    (column, *_) = usage_of(small.db, small.keys.info("kem:1")).columns
    assert (column.values, column.needing, column.unreadable) == (ROWS, ROWS - 1, 1)


def test_a_job_that_stopped_before_its_key_was_retired_starts_over(small: Estate) -> None:
    job = small.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **{**WRAP, "max_failures": 0, "limit": 30})
    with small.db.write() as conn:  # a row that fails the job, with its key fixed by then
        conn.execute(sa.text("UPDATE vault SET wrapped = 'no wrap' WHERE number = 40"))
    job = small.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **{**WRAP, "max_failures": 0})
    assert job.status is Status.FAILED
    rotate(small.keys, "kem")
    small.keys.change_state("kem:1", KeyState.RETIRED)
    with small.db.write() as conn:
        conn.execute(sa.text("DELETE FROM vault WHERE number = 40"))
    again = run_again(small, job.id)
    assert again.status is Status.FAILED
    assert re.search(r"kem:1, which is retired by now.*--from-scratch", again.error or "")
    over = run_again(small, job.id, from_scratch=True)
    assert over.status is Status.DONE
    assert {parse(row.wrapped).key_id for row in small.rows().values()} == {"kem:2"}


def run_again(estate: Estate, job_id: int, **how: bool) -> Any:
    from pqcore.engine.worker import Worker

    estate.jobs.retry(job_id, **how)
    worker = Worker(estate.db, estate.keys, estate.jobs, threads=1)
    try:
        return worker.run_job(job_id)
    finally:
        worker.stop()


def test_a_retired_key_is_not_chosen_for_new_values(small: Estate) -> None:
    small.keys.change_state("kem:1", KeyState.RETIRED)
    with pytest.raises(KeyStoreError, match="All versions of the key kem are retired"):
        small.keys.info("kem")
    job = small.run(Scope.WRAPPERS, "ML-KEM-768+X25519", field="wrapped", options={"new_key": "kem:1"})
    assert job.status is Status.FAILED
    assert "kem:1 is retired and writes no new values" in (job.error or "")


def test_originals_are_sealed_to_a_new_key_where_theirs_is_retired(small: Estate) -> None:
    small.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **WRAP, limit=5, keep_originals=True)
    small.keys.change_state("pqconsole-originals:1", KeyState.RETIRED)
    assert small.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **WRAP, keep_originals=True).status is Status.DONE
    assert needing(small, "pqconsole-originals:2") == {"pq_migration_originals.sealed": ROWS - 5}
