"""Counting what is stored: exact counts are exact, samples are spread and honest, nothing of a value gets out."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.errors import DatabaseError, DatabaseUnavailable, UsageError
from pqcore.inspection import sample as sampling
from pqcore.inspection.document import to_document
from pqcore.inspection.inspector import Inspector, Stopped
from pqcore.inspection.propose import propose
from pqcore.inspection.rating import Standing, level_of
from pqcore.inspection.report import ColumnReport, summary
from pqcore.inspection.rows import Row, Rows
from pqcore.inspection.sample import Method
from pqcore.migrations.base import Scope
from pqcore.policies import POLICIES
from pqcore.selection.catalog import Catalog
from pqcore.selection.document import parse
from tests.inspection import estate

LEVEL = level_of(POLICIES[0])


@pytest.fixture
def filled(database: Database) -> Database:
    estate.fill(database)
    return database


def inspector(db: Database, stop: Sequence[bool] = (), seed: int = 1) -> Inspector:
    answers = iter(stop)
    return Inspector(db, Catalog(db), LEVEL, rng=random.Random(seed), stop=lambda: next(answers, False))


def by_name(reports: Sequence[ColumnReport]) -> dict[str, ColumnReport]:
    return {report.column.name: report for report in reports}


def test_what_looks_like_cryptography_is_found_by_name_type_and_values(filled: Database) -> None:
    found = {place.table: [c.name for c in place.columns] for place in inspector(filled).everything()}
    assert found == {"vault": ["wrapped_key", "password_hash"], "loose": ["digest"]}


def test_exact_counts(filled: Database) -> None:
    (place,) = inspector(filled).named(["vault"])
    seen: list[tuple[int, int | None]] = []
    reports = by_name(inspector(filled).exact(place, lambda done, total: seen.append((done, total))))
    wrapped = reports["wrapped_key"]
    assert {(f.name, f.group.declared): f.values for f in wrapped.forms} == {
        ("RSA-2048 encryption", "RSA-OAEP-256"): estate.RSA,
        ("AES-256-KW", "A256KW"): estate.KW,
    }
    assert wrapped.standings[Standing.QUANTUM][0] == estate.RSA
    assert wrapped.safe is not None
    assert (wrapped.safe.value, wrapped.exact) == (estate.KW / estate.ROWS, True)
    passwords = reports["password_hash"]
    assert (passwords.held, passwords.empty, passwords.unusable) == (300, 150, 150)
    assert {f.name: f.values for f in passwords.forms} == {"bcrypt": 150, "salted MD5": 150}
    assert seen[-1] == (estate.ROWS, estate.ROWS)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 1


@pytest.mark.parametrize("walked", [10**6, 0], ids=["random", "spread"])
def test_a_sample_is_spread_over_the_whole_key(filled: Database, walked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_WALKED", walked)
    (place,) = inspector(filled).named(["vault.wrapped_key"])
    (report,) = inspector(filled).sample(place, 200)
    assert report.method is (Method.RANDOM if walked else Method.SPREAD)
    assert report.total == estate.ROWS
    assert 0 < report.read <= 200
    if walked:
        assert report.read == 200
        assert report.safe is not None
        assert report.safe.low <= estate.KW / estate.ROWS <= report.safe.high
        assert not report.safe.exact
    assert {f.name for f in report.forms} == {"RSA-2048 encryption", "AES-256-KW"}


def test_a_sample_of_more_than_there_is_is_exact(filled: Database) -> None:
    (place,) = inspector(filled).named(["vault"])
    assert all(report.exact for report in inspector(filled).sample(place, 10_000))


def test_a_table_without_a_key(filled: Database) -> None:
    (place,) = inspector(filled).named(["loose.digest"])
    (few,) = inspector(filled).sample(place, 10)
    assert (few.method, few.read, few.total) == (Method.FIRST, 10, 50)
    (all_,) = inspector(filled).exact(place)
    assert (all_.read, all_.standings[Standing.BELOW][0]) == (50, 50)  # SHA-1, or HMAC with it


def test_an_empty_table(filled: Database) -> None:
    (place,) = inspector(filled).named(["empty_table.signature"])
    for reports in (inspector(filled).sample(place), inspector(filled).exact(place)):
        assert (reports[0].held, reports[0].forms, reports[0].safe) == (0, (), None)
        assert propose(reports[0]) == []


def test_values_of_megabytes_are_counted_and_not_read(filled: Database) -> None:
    (place,) = inspector(filled).named(["vault.note"])
    (report,) = inspector(filled).exact(place)
    assert (report.held, report.forms[0].longest) == (estate.ROWS, 300_000)


def test_it_can_be_stopped(filled: Database) -> None:
    (place,) = inspector(filled).named(["vault"])
    with pytest.raises(Stopped):
        inspector(filled, [False, True]).exact(place)


@pytest.mark.parametrize("name", ["nope", "vault.nope", "vault.n", "a.b.c"])
def test_names_that_cannot_be_inspected(filled: Database, name: str) -> None:
    with pytest.raises(UsageError):
        inspector(filled).named([name])


def test_rows_that_went_away_while_they_were_sampled(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    (place,) = inspector(filled).named(["vault.wrapped_key"])
    monkeypatch.setattr(sampling, "rows_within", lambda *_: [(5000,)])
    (report,) = inspector(filled).sample(place, 300)
    assert report.read <= estate.ROWS


def test_selections_that_follow_from_it(filled: Database) -> None:
    (place,) = inspector(filled).named(["vault"])
    reports = inspector(filled).exact(place)
    wraps, passwords = sorted((p for r in reports for p in propose(r)), key=lambda p: p.scope, reverse=True)
    assert wraps.scope is Scope.WRAPPERS
    assert wraps.document == {
        "table": "vault",
        "field": "wrapped_key",
        "where": {"column": "wrap_alg", "op": "eq", "value": "RSA-OAEP-256"},
        "options": {"format": "RSA-OAEP-SHA256", "encoding": "raw", "old_key": "", "new_key": ""},
    }
    assert wraps.left == ("options.old_key", "options.new_key")
    assert passwords.document["options"] == {"mode": "password"}
    assert passwords.left == ()
    parse(passwords.document, scope=Scope.HASHES)
    filled_in = wraps.document | {"options": wraps.document["options"] | {"old_key": "old", "new_key": "new"}}
    parse(filled_in, scope=Scope.WRAPPERS)


def test_nothing_of_a_value_is_in_the_report(filled: Database) -> None:
    check = inspector(filled)
    reports = [r for place in check.everything() for r in check.exact(place)]
    text = json.dumps(to_document(reports, LEVEL))
    with filled.read() as conn:
        for row in conn.execute(sa.select(estate.vault.c.wrapped_key, estate.vault.c.password_hash)):
            assert bytes(row[0])[4:12].hex() not in text
            assert row[1] is None or len(row[1]) < 2 or row[1][7:] not in text
    whole = summary(reports)
    assert (whole.columns, whole.values) == (3, 950)
    assert whole.safe is not None
    assert whole.safe.exact


def test_a_table_that_may_not_be_read_keeps_nobody_from_the_others(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Rows.first

    def refused(self: Rows, rows: int) -> list[Row]:
        if self.table.name == "loose":
            raise DatabaseError("Permission is denied for the table loose", "Grant SELECT on it")
        return reading(self, rows)

    monkeypatch.setattr(Rows, "first", refused)
    check = inspector(filled)
    assert [place.table for place in check.everything()] == ["vault"]
    assert check.unread == {"loose": "Permission is denied for the table loose"}


def test_a_database_that_goes_away_is_no_empty_estate(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: Rows, rows: int) -> list[Row]:
        raise DatabaseUnavailable("It is away")

    monkeypatch.setattr(Rows, "first", away)
    with pytest.raises(DatabaseUnavailable):
        list(inspector(filled).everything())


def test_a_walk_for_which_the_time_is_too_short_becomes_a_look(filled: Database) -> None:
    catalog = Catalog(filled)
    rows = Rows(filled, catalog.table(None, "vault"), ("region", "n"), ("wrap_alg",))
    ticks = iter(range(0, 10_000, 3))  # each look at the clock takes three seconds
    drawn = sampling.draw(rows, 300, seconds=50.0, rng=random.Random(1), clock=lambda: float(next(ticks)))
    assert drawn.method is Method.SPREAD
    assert 0 < len(drawn.rows) < 300
    assert len({row.key for row in drawn.rows}) == len(drawn.rows)
    assert {row.key[0] for row in drawn.rows} == {"east", "north", "west"}


def test_another_schema_is_looked_through_by_name(filled: Database) -> None:
    name = {"postgresql": "Other", "sqlite": "main"}.get(filled.dialect.name)
    with filled.write() as conn:
        if name == "Other":
            conn.execute(sa.text('CREATE SCHEMA "Other"'))
            conn.execute(sa.text('CREATE TABLE "Other".loose AS SELECT * FROM loose'))
        elif name is None:
            name = str(conn.execute(sa.text("SELECT DATABASE()")).scalar_one())
    check = inspector(filled)
    (loose,) = [place for place in check.everything(name) if place.table == "loose"]
    (report,) = check.exact(loose)
    assert (report.column.label, report.held) == (f"{name}.loose.digest", 50)
    (proposal,) = propose(report)
    assert (proposal.document["schema"], proposal.document["table"]) == (name, "loose")
    with pytest.raises(UsageError, match="no schema") as caught:
        list(inspector(filled).everything("nowhere"))
    assert name in caught.value.remedy
