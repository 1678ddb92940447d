"""Ten thousand hostile texts through every place that shows text from the database."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from rich.cells import cell_len

from pqcore.inspection.rating import level_of
from pqcore.jobs.model import (
    DeadLetter,
    Event,
    Job,
    Phase,
    Progress,
    Purpose,
    RangeInfo,
    Status,
    StatusTotal,
    WorkerInfo,
)
from pqcore.jobs.story import Beside, Original, RowStory
from pqcore.migrations.base import Scope
from pqcore.policies import POLICIES
from pqcore.selection import preview
from pqcore.selection.complete import complete
from pqcore.selection.document import parse
from pqcore.selection.problem import Problem
from pqcore.selection.target import resolve
from pqcore.text import clean
from pqcore.workspace import Workspace
from pqtui import columns, detail_text, estate_text, export, metrics_text, record_text, show, verdict_text
from pqtui.actions import ACTIONS, BY_ID
from pqtui.cli.output import dumps, print_properties, print_table
from pqtui.columns import Line
from pqtui.curve import SPANS, Present, curve
from pqtui.detail_text import PAGES, View
from pqtui.glyphs import ASCII, UNICODE
from pqtui.history import Recent
from pqtui.metrics_text import Flow
from pqtui.news import news_of, sentence
from pqtui.pace import Pace
from pqtui.records import JobRange
from pqtui.screens.confirm import Confirm, plan_of
from pqtui.screens.news import line as news_line
from pqtui.screens.recent import summary as recent_summary
from pqtui.snapshots import (
    DetailSnapshot,
    MetricsSnapshot,
    safe_event,
    safe_job,
    safe_letter,
    safe_range,
    selection_text,
)
from tests.console import world
from tests.console.conftest import main, opened, screen_text, shows
from tests.console.test_pty import Terminal
from tests.console.world import NOW

COUNT = 10_000
KEYS = {action.id: action.key_text for action in ACTIONS}
_PARTS = (
    "\x1b[2J", "\x1b]52;c;QUFB\x07", "\x1b]0;t\x1b\\", "\x9b31m", "\x90q\x9c", "\x1bc", "\x07", "\x00", "\x7f",
    "\r", "\n", "\r\n", "\t", "\u2028", "\x85", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\U000e0041",
    "\ud800", "\udfff", "[/foo]", "[bold", "[@click=app.quit]x[/]", "[red]", "$primary", "{x}", "%s", "\\",
    "'", "\"", "\u6f22\u5b57", "\xe9", "e\u0301", "\u0301" * 20, "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1e9\U0001f1ea", "\ufe0f", "\ufdfa", "A", "users", " ", "0", ";", "=1+1", "\xad", "\u2060", "\x1b",
    "\x1b[", "\x1b]", "\x1bP1;2", "\x9d52;c;QQ==\x9c",
)  # fmt: skip
# what a terminal acts on, and what turns the order of the text around
_FOREIGN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\U000e0000-\U000e007f]"
)


def texts(seed: int, count: int) -> Iterator[str]:
    """Hostile texts, the same each time; some are very long."""
    drawn = random.Random(seed)
    for number in range(count):
        parts = drawn.choices(_PARTS, k=drawn.randint(1, 12))
        yield "".join(parts) * (500 if number % 500 == 0 else 1)


def hostile_job(number: int, text: str) -> Job:
    job = Job(
        number,
        Scope.HASHES,
        Status.RUNNING if number % 2 else Status.FAILED,
        {"table": text, "field": text, "schema": text, "where": {"value": text}},
    )
    return replace(
        job,
        error=text,
        target=text,
        held_by=text,
        phase=Phase.MIGRATING,
        progress=Progress(total=10, migrated=3, failed=2),
        created_at=NOW - timedelta(days=2),
        started_at=NOW,
    )


def test_lines_of_the_list_keep_their_width() -> None:
    places = columns.layout(150)
    width = sum(place.width for place in places) + columns.GAP * (len(places) - 1)
    for number, text in enumerate(texts(1, COUNT)):
        glyphs = UNICODE if number % 2 else ASCII
        cells = columns.cells(Line(safe_job(hostile_job(number, text)), Pace(1.0, 2.0), False), places, NOW, glyphs)
        line = (" " * columns.GAP).join(cells)
        assert cell_len(line) == width
        assert not _FOREIGN.search(line)
        assert "\n" not in line


def test_pages_of_the_detail_and_the_metrics_hold_no_foreign_byte() -> None:
    view = View(60, 40, NOW, UNICODE, Pace(), 1, frozenset(), KEYS)
    for number, text in enumerate(texts(2, COUNT // 10)):
        job = safe_job(hostile_job(number, text))
        snapshot = DetailSnapshot(
            number,
            job,
            selection_text({"table": text, "where": {text: text}}),
            (safe_range(RangeInfo(1, "open", text, text, text, text, Progress())),),
            (safe_event(Event(1, number, NOW, text, text, text, text, text)),),
            (safe_letter(DeadLetter(number, text, text, text, NOW)),),
        )
        pages = [page(snapshot, view).plain for _, _, page in PAGES]
        worker = WorkerInfo(clean(text), clean(text), 1, clean(text), 4, NOW, NOW, True)
        metrics = MetricsSnapshot((StatusTotal(Status.RUNNING, 1, 2),), (job,), (worker,))
        flow = Flow(1.0, 2.0, curve(((1, 60),), Present(NOW), SPANS[0], 80))
        pages.append(metrics_text.workers(metrics, flow, frozenset(), NOW, 52, 9, UNICODE, "w").plain)
        pages.append(metrics_text.throughput(metrics, flow, 40, 9, UNICODE).plain)
        pages.append(show.job_in_words(job))
        pages.append(detail_text.advice(job, view))
        assert not any(_FOREIGN.search(page) for page in pages)
        assert all(cell_len(line) <= 52 for line in pages[len(PAGES)].split("\n"))


def test_tables_of_the_command_line_and_csv_hold_no_foreign_byte_and_json_is_exact() -> None:
    given = list(texts(3, COUNT))
    out = StringIO()
    with redirect_stdout(out):
        print_table(("A", "B"), ((text, 1) for text in given))
        print_properties(("error", text) for text in given)
    assert len(out.getvalue()) < 4 * sum(map(len, given)), "one long text must not pad every row"
    written = export.write_csv(export.Table(("a",), ({"a": text} for text in given)), out)
    assert written == COUNT
    assert not _FOREIGN.search(out.getvalue().replace("\r\n", "\n"))
    for text in given:
        line = dumps({"text": text}, indent=None)
        assert line.isascii()
        # two halves of a pair that stand side by side are one character to JSON
        assert json.loads(line)["text"] == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_the_screen_stays_whole(empty: Workspace, size: tuple[int, int]) -> None:
    sample = _stored(4, 40)
    for number, text in enumerate(sample, 1):
        world.add_job(
            empty, number, selection={"table": text, "field": text}, status="failed", total=5, failed=1, error=text,
            letters=((text, text[:32] or "x", text),), log=((text[:32] or "x", text),),
        )  # fmt: skip
    async with opened(empty, size) as pilot:
        await shows(pilot, f"Jobs {len(sample)}")
        for _ in range(5):
            await pilot.press("2", "right", "1", "down")
            _whole(screen_text(pilot), size)
        await pilot.press("space", "space", "t")
        await shows(pilot, "Retry?")
        _whole(screen_text(pilot), size, dialog=True)
        plan = plan_of(BY_ID["cancel"], main(pilot).lines.rows[:1], 0)
        assert plan is not None
        pilot.app.push_screen(Confirm(plan))
        await shows(pilot, "Cancel?")
        main(pilot).notice(sample[0])
        await pilot.pause()
        _whole(screen_text(pilot), size, dialog=True)
        await pilot.press("escape", "escape")
        await shows(pilot, "Jobs 40")
        _whole(screen_text(pilot), size)


def test_no_foreign_byte_reaches_a_real_terminal(empty: Workspace) -> None:
    for number, text in enumerate(_stored(5, 60), 1):
        world.add_job(
            empty, number, selection={"table": text, "field": text}, status="failed", total=5, failed=1, error=text,
            letters=((text, text[:32] or "x", text),), log=((text[:32] or "x", text),),
        )  # fmt: skip
    terminal = Terminal(empty.settings.data_dir, empty.settings.url)
    terminal.program.logfile_read = raw = BytesIO()
    try:
        terminal.shows("Jobs 60")
        terminal.keys("2", "\x1b[C", "\x1b[C", "\x1b[C", "\x1b[C")
        terminal.shows("set aside")
        terminal.keys("1", "\x1b[6~", "\x1b[6~", "c")
        terminal.shows("only pending and running jobs can be cancelled")
        terminal.keys("q")
        assert terminal.gone(20)
    finally:
        terminal.program.close(force=True)
    written = raw.getvalue().decode()
    # all that the program itself sends: colours and places, and the shape of the mouse pointer
    own = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\]22;[a-z]*\x07|[()][0-9A-Z]|[=>78M])"
    ours = re.sub(own, "", written).replace("\r\n", "\n")
    assert not _FOREIGN.search(ours)


def _stored(seed: int, count: int) -> list[str]:
    """Texts that a database takes: without lone surrogates and NUL."""
    return [text.encode("utf-8", "ignore").decode().replace("\x00", "") for text in texts(seed, count)]


def _whole(shown: str, size: tuple[int, int], *, dialog: bool = False) -> None:
    """Nothing foreign, as many lines as the terminal has, none too long, and the frames stand where they stood."""
    assert not _FOREIGN.search(shown)
    lines = shown.split("\n")
    assert len(lines) == size[1]
    assert all(cell_len(line) <= size[0] for line in lines)
    if dialog:  # alone, without what is behind it
        return
    assert "pqconsole" in lines[0]
    assert lines[1].startswith("╭─ Jobs")


def test_records_stories_and_news_hold_no_foreign_byte_and_keep_their_width() -> None:
    for number, text in enumerate(texts(6, COUNT)):
        width = 50 + number % 100
        glyphs = UNICODE if number % 2 else ASCII
        letter = DeadLetter(number, text, text, text, NOW)
        event = Event(number, number, NOW, text, text, text, text, text)
        info = RangeInfo(1, "open", text, text, text, text, Progress())
        records = (safe_letter(letter), safe_event(event), JobRange(Purpose.MIGRATE, safe_range(info), text, text))
        job = safe_job(hostile_job(number, text))
        lines = ["".join(part for part, _ in record_text.line(record, width, glyphs)) for record in records]
        told = news_of([safe_event(event)], NOW)
        lines.append(news_line(told.jobs[0], job, width, glyphs))
        assert all(cell_len(line) <= width for line in lines)
        assert not any("\n" in line for line in lines)
        story = RowStory(text, letter, (Original(text, NOW),), (Beside(text, text, text, 7, NOW),), (event,))
        shown = [found[1].plain for record in records if (found := record_text.in_full(record)) is not None]
        shown += [record_text.story(job, story, glyphs).plain, sentence(told, NOW)]
        shown.append(record_text.crumbs((clean(text, limit=60), "Events"), width, glyphs).plain)
        assert not any(_FOREIGN.search(part) for part in (*lines, *shown))


def test_problems_and_recent_selections_hold_no_foreign_byte() -> None:
    for text in texts(7, COUNT):
        problem = Problem(text, text, text, 1, 2)
        shown = [verdict_text.problem_text(problem, UNICODE).plain]
        document = json.dumps({"table": text, "field": text, "where": text})
        shown.append(recent_summary(Recent("here", "hashes", document, 1, None, "2026-03-01T12:00:00+00:00")))
        shown.append(estate_text.progress(text, 3, 10))
        shown.append(estate_text.left_out({text: "it is gone"}))
        assert not any(_FOREIGN.search(part) for part in shown)
        assert not any("\n" in part for part in shown)


def test_a_live_database_comes_clean_into_preview_completion_and_estate(empty: Workspace) -> None:
    stored = [text for text in dict.fromkeys(_stored(8, 600)) if text]
    value = f"sha1$salt${world._sha1('saltsecret')}"  # among which there are hostile ones
    name = "evil\x1b]52;c;QQ==\x07[/foo]\u202e"
    with empty.db.write() as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        for table in (name, "plain"):
            driver.execute(f'CREATE TABLE "{table}" (code TEXT PRIMARY KEY, password VARCHAR(255))')
            driver.executemany(
                f'INSERT INTO "{table}" VALUES (?, ?)',
                [(text, text if n % 50 == 0 else value) for n, text in enumerate(stored)],
            )
    catalog, shown = empty.catalog(), []
    offered = complete('{"table": "', 11, catalog, empty.keys, Scope.HASHES)
    assert any(completion.label.startswith("evil") for completion in offered)
    shown += [part for completion in offered for part in (completion.label, completion.detail)]
    selection = parse({"table": "plain", "field": "password", "options": {"mode": "password"}}, scope=Scope.HASHES)
    rows = preview.sample(empty.db, selection, resolve(catalog, selection), ["password"], len(stored))
    assert len(rows) == len(stored)
    shown += [verdict_text.sample_line(row, UNICODE).plain for row in rows]
    inspector = empty.inspector(level_of(POLICIES[0]))
    places = {place.table: place for place in inspector.everything()}
    # a table with such a name is read, or named among those that cannot be
    lines = [line for place in places.values() for line in estate_text.lines(inspector.sample(place, 1000))]
    shown.append(estate_text.left_out(inspector.unread))
    assert {name, "plain"} <= {*places, *inspector.unread}
    assert lines
    for line in lines:
        shown += [
            estate_text.prompt(line, 80, UNICODE, chosen=True).plain,
            *estate_text.detail(line, 80).plain.split("\n"),
        ]
    assert not any(_FOREIGN.search(part) or "\n" in part for part in shown)
