"""Key ranges: whatever the keys, every row is in exactly one range and is read exactly once."""

from __future__ import annotations

import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore import seeding
from pqcore.actor import Actor
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.engine import plan
from pqcore.engine.pages import read_page
from pqcore.engine.prepare import prepare
from pqcore.jobs.claims import claim_job
from pqcore.jobs.cursor import decode_key
from pqcore.jobs.model import Purpose
from pqcore.jobs.range_claims import claim_range
from pqcore.jobs.repository import JobRepository
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id
from tests.engine.items import sha1

WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
KEYS: dict[str, tuple[tuple[sa.types.TypeEngine[Any], ...], st.SearchStrategy[tuple[Any, ...]]]] = {
    "integers with gaps": ((sa.BigInteger(),), st.tuples(st.integers(-(2**63), 2**63 - 1))),
    "texts": ((sa.String(40),), st.tuples(WORDS)),
    "uuids": ((sa.Uuid(),), st.tuples(st.uuids())),
    "composite": (
        (sa.String(40), sa.BigInteger(), sa.Uuid()),
        st.tuples(
            st.sampled_from(["a", "A", "b"]), st.integers(0, 3), st.sampled_from([uuid.UUID(int=n) for n in range(3)])
        ),
    ),
}


@pytest.mark.parametrize("kind", KEYS)
def test_ranges_cut_any_keys_without_gap_or_overlap(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_FIRST_ROWS", 3)
    monkeypatch.setattr(plan, "_SAME_SIZE", 2)
    types, keys = KEYS[kind]

    @settings(max_examples=25, deadline=None)
    @given(st.sets(keys, max_size=60), st.integers(1, 20))
    def holds(rows: set[tuple[Any, ...]], page: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            db = Database.open(f"sqlite:///{Path(folder) / 'ranges.sqlite'}")
            try:
                _check(db, types, rows, page)
            finally:
                db.close()

    holds()


def _check(db: Database, types: tuple[sa.types.TypeEngine[Any], ...], rows: set[tuple[Any, ...]], page: int) -> None:
    install.apply(db, install.plan(db))
    seeding.fill(db)
    names = [f"k{n}" for n in range(len(types))]
    table = sa.Table(
        "things",
        sa.MetaData(),
        *(
            sa.Column(name, type_, primary_key=True, autoincrement=False)
            for name, type_ in zip(names, types, strict=True)
        ),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    table.create(db.engine)
    with db.write() as conn:
        for key in rows:
            conn.execute(table.insert().values(**dict(zip(names, key, strict=True)), body="x", digest=sha1("x")))
    jobs = JobRepository(db, Actor("tester", "host", None))
    selection = {"table": "things", "field": "digest", "options": {"mode": "digest", "source": "body"}}
    job = jobs.create(Scope.HASHES, selection, algorithm_id=algorithm_id(db, Scope.HASHES, "SHA-512"))
    claim = claim_job(db, "worker", job.id)
    context = prepare(db, MemoryKeyProvider(), jobs.get(job.id), threading.Event())
    while plan.plan_ranges(context, claim, Purpose.MIGRATE, at_most=3):
        pass
    seen: list[tuple[Any, ...]] = []
    while (found := claim_range(db, job.id, "worker", Purpose.MIGRATE)) is not None:
        after = decode_key(found.lower) if found.lower else None
        upper = decode_key(found.upper) if found.upper else None
        while True:
            with db.read() as conn:
                records = read_page(conn, context, after, upper, page, only_old=False)
            seen += [tuple(str(value) for value in record.key) for record in records]
            if len(records) < page:
                break
            after = records[-1].key
    assert len(seen) == len(set(seen)) == len(rows)
