"""The selection editor's undo, files, recent selections and keys."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from pqcore.errors import UsageError
from pqcore.migrations.base import Scope
from pqcore.workspace import Workspace
from pqtui.history import MOST, Recent, recent, remember
from pqtui.screens.file_dialog import FileDialog
from pqtui.screens.new_job import NewJobScreen
from pqtui.screens.recent import RecentSelections
from pqtui.selection_files import FileExists, continued, read_selection, write_selection
from tests.console.conftest import main, opened, shows, type_text, until
from tests.console.test_new_job import DOCUMENT, new_job, open_editor, write

WHERE = '{"table": "people", "field": "password", "where": {"column": "id", "op": "gt", "value": 3}}'


def entry(text: str, place: str = "here") -> Recent:
    return Recent(place, Scope.HASHES.value, text, 1, None, "2026-03-01T12:00:00+00:00")


async def test_undo_and_redo_bring_form_and_json_back_together(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        await write(pilot, DOCUMENT)
        await until(pilot, lambda: screen.query_one("#f-table", Input).value == "people")
        screen.set_focus(screen.query_one("#f-limit", Input))
        await type_text(pilot, "7")
        await until(pilot, lambda: json.loads(screen.editor.text).get("limit") == 7)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: "limit" not in json.loads(screen.editor.text))
        await until(pilot, lambda: screen.query_one("#f-limit", Input).value == "")
        await pilot.press("ctrl+y")
        await until(pilot, lambda: screen.query_one("#f-limit", Input).value == "7")


async def test_what_one_field_of_the_form_changes_is_one_step_to_undo(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)

        def members() -> dict[str, object]:
            found: dict[str, object] = json.loads(screen.editor.text)
            return {name: found[name] for name in ("table", "field", "limit") if found.get(name)}

        for field, text in (("table", "people"), ("field", "password"), ("limit", "1250")):
            screen.set_focus(screen.query_one(f"#f-{field}", Input))
            await pilot.press(*text)
        await until(pilot, lambda: members() == {"table": "people", "field": "password", "limit": 1250})
        await pilot.press("ctrl+z")
        await until(pilot, lambda: members() == {"table": "people", "field": "password"})
        await until(pilot, lambda: screen.query_one("#f-limit", Input).value == "")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: members() == {"table": "people"})
        await pilot.press("ctrl+y")
        await until(pilot, lambda: members() == {"table": "people", "field": "password"})
        await until(pilot, lambda: screen.query_one("#f-field", Input).value == "password")
        # a step that was undone and done again is closed
        screen.set_focus(screen.query_one("#f-field", Input))
        await pilot.press("end", "x", "y")
        await until(pilot, lambda: members()["field"] == "passwordxy")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: members()["field"] == "password")
        await pilot.press("ctrl+z", "ctrl+z")
        await until(pilot, lambda: not members())
        await shows(pilot, "f1 Help")
        assert not screen.editor.history.undo_stack


async def test_a_selection_is_saved_and_opened_again(empty: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "selection.json"
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        await write(pilot, DOCUMENT)
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(pilot.app.screen, FileDialog))
        await type_text(pilot, str(path))
        await pilot.press("enter")
        await shows(pilot, "Saved to")
        assert json.loads(path.read_text()) == json.loads(DOCUMENT)
        await write(pilot, WHERE)
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(pilot.app.screen, FileDialog))
        await type_text(pilot, str(path))
        await pilot.press("enter")
        await shows(pilot, "Press enter again to replace it.")
        assert json.loads(path.read_text()) == json.loads(DOCUMENT)
        await pilot.press("enter")
        await until(pilot, lambda: json.loads(path.read_text()) == json.loads(WHERE))
        await until(pilot, lambda: pilot.app.screen is screen)
        await write(pilot, DOCUMENT)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, FileDialog))
        await type_text(pilot, str(tmp_path / "none.json"))
        await pilot.press("enter")
        await shows(pilot, "cannot be read: No such file")
        pilot.app.screen.query_one("#path", Input).value = ""
        await type_text(pilot, str(path))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen and "where" in screen.editor.text)
        await until(pilot, lambda: screen.query_one("#w-column-0", Input).value == "id")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: screen.editor.text == DOCUMENT)


async def test_what_was_written_lately_comes_back_with_its_scope(empty: Workspace) -> None:
    place, folder = empty.settings.shown_url, empty.settings.data_dir
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        screen.choose_scope("signatures")
        await write(pilot, '{"table": "people", "field": "email"}')
        await pilot.press("escape")
        await until(pilot, lambda: recent(folder, place))
        pilot.app.draft = None
        await open_editor(pilot)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, RecentSelections))
        await shows(pilot, "signatures people.email")
        await pilot.press("enter")
        await until(pilot, lambda: '"email"' in new_job(pilot).editor.text)
        assert new_job(pilot).query_one("#scope", Select).value == "signatures"
        await until(pilot, lambda: new_job(pilot).query_one("#f-field", Input).value == "email")


async def test_an_error_that_the_database_finds_stands_at_its_place(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        await write(pilot, '{\n  "table": "people",\n  "field": "pasword",\n  "options": {"mode": "password"}\n}')
        await shows(pilot, '"people" has no column "pasword"', "3:12")
        assert screen.editor._problems == {2: [11]}


async def test_keys_of_the_editor_are_in_bar_help_and_palette(empty: Workspace) -> None:
    async with opened(empty, (160, 40)) as pilot:
        await open_editor(pilot)
        await shows(pilot, "^s Check and create", "f1 Help", "^r Recent", "f2 Save as")
        await pilot.press("f1")
        await shows(pilot, "Take one of the selections that were written lately", "next field, field before")
        await pilot.press("escape", "ctrl+p")
        await type_text(pilot, "recent")
        await shows(pilot, "Take one of the selections that were written lately (^r)")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RecentSelections))
        await shows(pilot, "There are none yet.")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: pilot.app.screen is main(pilot))


async def test_originals_are_kept_by_a_choice_of_the_form(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        await write(pilot, DOCUMENT)
        await until(pilot, lambda: screen.query_one("#f-table", Input).value == "people")
        screen.query_one("#f-keep_originals", Select).value = "true"
        await until(pilot, lambda: json.loads(screen.editor.text).get("keep_originals") is True)
        await write(pilot, DOCUMENT)
        await until(pilot, lambda: screen.query_one("#f-keep_originals", Select).value is Select.NULL)
        assert isinstance(pilot.app.screen, NewJobScreen)


class TestHistory:
    def test_newest_first_once_each_and_for_this_database(self, tmp_path: Path) -> None:
        for text in ("a", "b", "a "):
            remember(tmp_path, entry(text))
        remember(tmp_path, entry("c", "elsewhere"))
        assert [e.text for e in recent(tmp_path, "here")] == ["a ", "b"]

    def test_only_the_last_are_kept(self, tmp_path: Path) -> None:
        for number in range(MOST + 5):
            remember(tmp_path, entry(str(number)))
        assert [e.text for e in recent(tmp_path, "here")] == [str(n) for n in range(MOST + 4, 4, -1)]

    def test_nobody_else_may_read_it(self, tmp_path: Path) -> None:
        remember(tmp_path, entry("a"))
        path = tmp_path / "console" / "selections.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)
        assert recent(tmp_path, "here") == ()

    @pytest.mark.parametrize("content", ["", "{", "3", '[{"place": "here"}, 7, {"scope": 1}]', "\x00"])
    def test_a_damaged_file_is_none(self, tmp_path: Path, content: str) -> None:
        remember(tmp_path, entry("a"))
        (tmp_path / "console" / "selections.json").write_text(content)
        assert recent(tmp_path, "here") == ()
        remember(tmp_path, entry("b"))
        assert [e.text for e in recent(tmp_path, "here")] == ["b"]


class TestFiles:
    def test_what_cannot_be_read_says_why(self, tmp_path: Path) -> None:
        (tmp_path / "latin").write_bytes(b"\xe4")
        (tmp_path / "large").write_bytes(b" " * (1 << 20) + b"x")
        os.mkfifo(tmp_path / "pipe")
        for name, reason in (("latin", "not UTF-8"), ("large", "larger"), ("pipe", "regular file"), ("no", "No such")):
            with pytest.raises(UsageError, match=reason):
                read_selection(tmp_path / name)

    def test_a_file_is_replaced_only_when_asked_for(self, tmp_path: Path) -> None:
        path = tmp_path / "s.json"
        write_selection(path, "one")
        with pytest.raises(FileExists):
            write_selection(path, "two")
        assert read_selection(path) == "one\n"
        write_selection(path, "two", replace=True)
        assert read_selection(path) == "two\n"
        assert [p.name for p in tmp_path.iterdir()] == ["s.json"]
        with pytest.raises(UsageError, match="cannot be written"):
            write_selection(tmp_path / "no" / "s.json", "one")

    def test_paths_are_completed(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").touch()
        (tmp_path / "fo\x1b[2J").touch()
        assert continued(f"{tmp_path}/fo") == f"{tmp_path}/folder/"
        assert continued(f"{tmp_path}/fi") == f"{tmp_path}/file"
        assert continued(f"{tmp_path}/x") is None
        assert continued("") is None
