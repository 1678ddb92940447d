"""Blind indexes through the whole engine: an application finds its rows before, during and after."""

from __future__ import annotations

import hashlib
import hmac

import pytest
import sqlalchemy as sa

from pqcore import seeding
from pqcore.actor import Actor
from pqcore.database import install
from pqcore.engine.points import Point
from pqcore.engine.worker import Worker
from pqcore.formats.blind_index import lookup_values, parse
from pqcore.jobs.model import Status
from pqcore.jobs.repository import JobRepository
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id
from tests.engine.items import listening

PEOPLE = sa.Table(
    "customers",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("mail", sa.String(100), nullable=False),
    sa.Column("mail_index", sa.String(200), nullable=False, unique=True),
)
COUNT = 30


def mail(number: int) -> str:
    return f"Customer{number}@Example.org"


@pytest.mark.parametrize("mode", ["blind-index", "nested-index"])
def test_an_application_finds_its_rows_at_every_moment(database, mode):
    keys = MemoryKeyProvider()
    keys.generate("old", "HMAC-SHA-256")
    keys.generate("new", "HMAC-SHA-512")
    old, new = keys.get("old"), keys.get("new")
    jobs = JobRepository(database, Actor("tester", "host", None))
    install.apply(database, install.plan(database))
    seeding.fill(database)
    PEOPLE.create(database.engine)
    with database.write() as conn:
        before = {n: hmac.new(old.secret, mail(n).lower().encode(), hashlib.sha256).hexdigest() for n in range(COUNT)}
        conn.execute(PEOPLE.insert(), [{"id": n, "mail": mail(n), "mail_index": before[n]} for n in range(COUNT)])

    def found(number: int) -> int:
        values = lookup_values(mail(number).lower(), new, old="HMAC-SHA-256", old_key=old)
        with database.read() as conn:
            return conn.execute(sa.select(PEOPLE.c.id).where(PEOPLE.c.mail_index.in_(values))).scalar_one()

    looked: list[int] = []

    def look(point):
        if point in (Point.BEFORE_WRITE, Point.AFTER_COMMIT) and len(looked) < 40:
            number = 7 * len(looked) % COUNT
            assert found(number) == number
            looked.append(number)

    options = {"mode": mode, "format": "HMAC-SHA-256", "new_key": "new"}
    if mode == "blind-index":
        options |= {"source": "mail", "old_key": "old", "normalize": "lower"}
    document = {"table": "customers", "field": "mail_index", "options": options, "batch": {"rows": 8}}
    job = jobs.create(Scope.HASHES, document, algorithm_id=algorithm_id(database, Scope.HASHES, "HMAC-SHA-512"))
    worker = Worker(database, keys, jobs, threads=1)
    try:
        with listening(look):
            assert worker.run_job(job.id).status is Status.DONE
    finally:
        worker.stop()
    assert looked
    assert [found(number) for number in range(COUNT)] == list(range(COUNT))
    with database.read() as conn:
        forms = [parse(value) for value in conn.execute(sa.select(PEOPLE.c.mail_index)).scalars()]
    assert {(form.key_id, form.inner) for form in forms} == {("new:1", "" if mode == "blind-index" else "HMAC-SHA-256")}
