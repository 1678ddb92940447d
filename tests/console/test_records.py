"""Drilling down: from a job to its ranges, events and dead letters, and to the story of one row."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from pqcore.database.tables import dead_letters, ranges
from pqcore.formats.context import key_digest
from pqcore.jobs.cursor import encode_key
from pqcore.jobs.story import row_keys, row_story
from pqcore.workspace import Workspace
from pqtui import record_text
from pqtui.badge import Badge
from pqtui.glyphs import UNICODE
from pqtui.records import Kind, RecordQuery, RecordReader
from pqtui.screens.records import RecordScreen, RecordsScreen
from tests.console import world
from tests.console.conftest import main, opened, screen_text, shows, type_text, until

MANY = 5000


def set_aside(workspace: Workspace, job_id: int, keys: list[str]) -> None:
    """Dead letters as the engine writes them."""
    rows = [
        {
            "job_id": job_id,
            "key_digest": key_digest(key),
            "row_key": key,
            "walk_key": key,
            "reason": "unparseable",
            "message": "The old value is no base64",
            "created_at": world.NOW,
        }
        for key in keys
    ]
    with workspace.db.write() as conn:
        conn.execute(dead_letters.insert(), rows)


@pytest.fixture
def many(empty: Workspace) -> Workspace:
    """Job 1 with thousands of dead letters."""
    world.add_job(empty, 1, status="failed", total=MANY, failed=MANY, processed_count=MANY)
    set_aside(empty, 1, [f"[{n}]" for n in range(MANY)])
    return empty


async def test_from_a_job_to_the_story_of_a_row_and_back(filled: Workspace) -> None:
    async with opened(filled, (60, 16)) as pilot:
        await pilot.press("slash")
        await type_text(pilot, "status:failed")
        await pilot.press("enter")
        await until(pilot, lambda: main(pilot).lines.current is not None and main(pilot).lines.current.id == 2)
        await pilot.press("o")
        await shows(pilot, "› Dead letters", "[Dead letters 3]", "unparseable", "[17]")
        await pilot.press("g", "enter")
        await shows(pilot, "Job 2 › Dead letters › [", "Set aside as a dead letter", "The row is as it was.")
        assert isinstance(pilot.app.screen, RecordScreen)
        await pilot.press("escape")
        await shows(pilot, "[Dead letters 3]")
        await pilot.press("left")
        await shows(pilot, "[Events 0]", "Nothing has happened to this job yet.")
        await pilot.press("left")
        await shows(pilot, "[Ranges 1]", "migrate")
        await pilot.press("enter")
        await shows(pilot, "Done up to", "480", "797")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: pilot.app.screen is main(pilot))


async def test_enter_on_a_page_of_the_detail_opens_its_records(filled: Workspace) -> None:
    async with opened(filled, (160, 40)) as pilot:
        await pilot.press("down", "down", "down", "down", "down")
        await until(pilot, lambda: main(pilot).lines.current.id == 3)
        await pilot.press("2", "right", "right", "right")
        await shows(pilot, "[Events]")
        await pilot.press("enter")
        await shows(pilot, "[Events 2]", "Started by ops1:4711")
        await pilot.press("enter")
        await shows(pilot, "Who", "ada", "ops1")


async def test_new_events_arrive_on_top(filled: Workspace) -> None:
    async with opened(filled, (120, 30)) as pilot:
        await pilot.press("2", "right", "right", "right", "enter")
        await shows(pilot, "[Events 0]")
        filled.jobs.note(8, "note", "Somebody looked at it")
        await shows(pilot, "[Events 1]", "Somebody looked at it")


async def test_the_story_of_any_row_is_found_by_its_key(empty: Workspace) -> None:
    world.add_files(empty)
    job_id = world.file_job(empty, keep_originals=True)
    world.run_to_end(empty, job_id)
    async with opened(empty, (100, 30)) as pilot:
        await until(pilot, lambda: main(pilot).lines.current is not None)
        await pilot.press("o", "slash")
        await type_text(pilot, "7")
        await pilot.press("enter")
        await shows(pilot, "✓ Migrated", "The old value of digest is kept, sealed", "Done: ")
        assert world._sha1("content 7") not in screen_text(pilot)
        await pilot.press("escape", "slash")
        await type_text(pilot, "4711")
        await pilot.press("enter")
        await shows(pilot, "Nothing is kept of this row")


async def test_thousands_of_dead_letters_are_a_window(many: Workspace) -> None:
    async with opened(many, (80, 24)) as pilot:
        await until(pilot, lambda: main(pilot).lines.current is not None)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, RecordsScreen))
        await shows(pilot, "[Dead letters 5,000]")
        lines = pilot.app.screen.lines
        await pilot.press("end")
        ordered = sorted((key_digest(f"[{n}]"), f"[{n}]") for n in range(MANY))
        await until(pilot, lambda: lines.current is not None and lines.current.row_key == ordered[-1][1])
        await shows(pilot, f"› {ordered[-1][1]}")
        await pilot.press("pageup", "pageup", "pageup", "pageup", "pageup", "pageup")
        await until(pilot, lambda: lines.current is not None and lines._cursor < MANY - 100)
        assert lines.current.row_key == ordered[lines._cursor][1]
        assert lines.held < 300


@pytest.mark.parametrize("kind", list(Kind))
def test_any_window_is_what_it_should_be(many: Workspace, kind: Kind) -> None:
    for number in range(7):
        many.jobs.note(1, "note", f"event {number}")
    everything = RecordReader(many)(RecordQuery(1, kind, 0, MANY)).rows
    reader = RecordReader(many)
    for start, limit in (
        (0, 3),
        (4900, 50),
        (2500, 40),
        (2540, 40),
        (2480, 10),
        (5, 200),
        (0, 3),
        (4999, 1),
        (9000, 2),
    ):
        snapshot = reader(RecordQuery(1, kind, start, limit))
        assert snapshot.rows == everything[snapshot.start : snapshot.start + limit]
        assert snapshot.rows or not everything


def test_an_application_without_the_job_is_no_error(empty: Workspace) -> None:
    snapshot = RecordReader(empty)(RecordQuery(404, Kind.LETTERS, 0, 10))
    assert (snapshot.job, snapshot.rows, snapshot.total) == (None, (), 0)


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("17", ("[17]", '["17"]')),
        ('["a", 3]', ('["a",3]', '["[\\"a\\", 3]"]')),
        ("Ada", ('["Ada"]', '["ada"]')),
        ("ünï", ('["\\u00fcn\\u00ef"]',)),
        ("true", ('["true"]',)),
    ],
)
def test_what_is_typed_as_a_key(typed: str, keys: tuple[str, ...]) -> None:
    assert row_keys(typed) == keys


@given(st.text())
def test_whatever_is_typed_is_a_key(typed: str) -> None:
    assert row_keys(typed)


def test_the_story_is_of_this_row_alone(many: Workspace) -> None:
    job = many.jobs.get(1)
    assert row_story(many.db, job, row_keys("17")).letter is not None
    assert not row_story(many.db, job, row_keys(str(MANY))).known


@given(st.lists(st.text("abc ", min_size=1, max_size=30), min_size=1, max_size=4), st.integers(30, 120))
def test_crumbs_end_with_where_one_is(parts: list[str], width: int) -> None:
    crumbs = record_text.crumbs(parts, width, UNICODE)
    assert crumbs.plain.endswith(parts[-1])
    assert crumbs.cell_length <= max(width, 34)


async def test_from_a_range_to_its_own_dead_letters_and_a_row(empty: Workspace) -> None:
    world.add_files(empty)
    with empty.db.write() as conn:
        conn.execute(sa.text("UPDATE files SET digest = 'nonsense' WHERE id IN (3, 4, 28)"))
    job_id = world.file_job(empty)
    world.run_to_end(empty, job_id)
    with empty.db.write() as conn:
        # as if it had been cut in three: at 10 and at 20
        whole = conn.execute(sa.select(ranges).order_by(ranges.c.seq)).mappings().first()
        conn.execute(ranges.delete())
        for seq, (low, high, failed) in enumerate(((None, 10, 2), (10, 20, 0), (20, None, 1)), 1):
            bounds = {
                name: encode_key((key,)) if key else None for name, key in (("lower_key", low), ("upper_key", high))
            }
            conn.execute(ranges.insert().values({**whole, "seq": seq, **bounds, "failed": failed}))
    async with opened(empty, (80, 24)) as pilot:
        await until(pilot, lambda: main(pilot).lines.current is not None)
        await pilot.press("o", "left", "left")
        await shows(pilot, "[Ranges 3]", "d Its dead letters")
        await pilot.press("down", "d")
        await shows(pilot, "Range 2 has no dead letters.")
        await pilot.press("up", "d")
        await shows(pilot, "Ranges › Range 1 › Dead letters", "[Dead letters 2]", "[3]", "[4]")
        assert "[28]" not in screen_text(pilot)
        await pilot.press("right")
        await shows(pilot, "These are the dead letters of one range.")
        await pilot.press("enter")
        await shows(pilot, "Range 1 › Dead letters › [", "Set aside as a dead letter")
        await pilot.press("escape", "escape", "end", "enter")
        await shows(pilot, "After key", "d Its dead letters")
        await pilot.press("d")
        await shows(pilot, "Range 3 › Dead letters", "[28]", "[Dead letters 1]")
        await pilot.press("escape", "escape", "escape")
        await until(pilot, lambda: pilot.app.screen is main(pilot))


@given(st.lists(st.text("abc", min_size=1, max_size=30), min_size=1, max_size=4), st.integers(60, 120))
def test_the_way_names_a_marked_database_at_its_end(parts: list[str], width: int) -> None:
    badge = Badge("PRODUCTION", "red")
    way = record_text.way(parts, badge, "live  mysql://ops@db.example/app", width, UNICODE)
    assert parts[-1] in way.plain
    assert "PRODUCTION" in way.plain
    assert way.cell_length == width


def test_the_way_to_a_database_without_a_mark_ends_with_its_place_where_that_fits() -> None:
    assert record_text.way(("Job 2", "Events"), None, "staging", 40, UNICODE).plain.endswith(" staging")
    assert record_text.way(("Job 2", "Events"), None, "staging" * 9, 40, UNICODE).plain == "Job 2 › Events"
