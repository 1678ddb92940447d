"""Selections that are kept: as files, and among the recent ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from pqcore.migrations.base import Scope
from pqcore.text import clean
from pqtui import history
from pqtui import selection_form as form
from pqtui.draft import Draft
from pqtui.editor.targets import Targets
from pqtui.history import Recent
from pqtui.screens.file_dialog import FileDialog
from pqtui.screens.recent import RecentSelections
from pqtui.selection_files import read_selection, write_selection
from pqtui.tasks import Outcome, in_background

if TYPE_CHECKING:
    from pqtui.screens.new_job import NewJobScreen


class Keeping:
    """Opens, saves and remembers what is written on one screen."""

    def __init__(self, screen: NewJobScreen, targets: Targets) -> None:
        self._screen = screen
        self._targets = targets

    def ask_file(self) -> None:
        """Ask for a file, and take its selection in place of this one."""
        dialog = FileDialog("Open a selection", lambda path, _replace: read_selection(path))
        self._screen.app.push_screen(dialog, self._opened)

    def _opened(self, text: str | None) -> None:
        if text is not None:
            self._screen.editor.write(text)  # undo brings back what was there

    def ask_save(self) -> None:
        """Ask for a file, and write the selection there."""
        text = self._screen.editor.text

        def save(path: Path, replace: bool) -> str:
            write_selection(path, text, replace=replace)
            return str(path)

        self._screen.app.push_screen(FileDialog("Save the selection as", save), self._saved)

    def _saved(self, path: str | None) -> None:
        if path is not None:
            hint = self._screen.query_one("#hint", Static)
            hint.update(Content.styled(clean(f"Saved to {path}"), "$text-success"))

    def ask_recent(self) -> None:
        """Offer the selections that were written lately for this database."""
        settings = self._screen.console.workspace.settings
        folder, place = settings.data_dir, settings.shown_url
        in_background(self._screen.app, lambda: history.recent(folder, place), self._recent_read)

    def _recent_read(self, outcome: Outcome[tuple[Recent, ...]]) -> None:
        screen = self._screen
        if screen.is_attached:
            dialog = RecentSelections(outcome.value or (), screen.console.glyphs)
            screen.app.push_screen(dialog, self._recent_chosen)

    def _recent_chosen(self, entry: Recent | None) -> None:
        if entry is not None:
            self._screen.take(Draft(Scope(entry.scope), entry.algorithm_id, entry.policy_id, entry.text))

    def remember(self) -> None:
        """Keep what is written among the recent selections."""
        screen, target = self._screen, self._targets.chosen
        text, workspace = screen.editor.text, screen.console.workspace
        if (form.read_document(text) or {}).get("table"):
            entry = Recent(
                workspace.settings.shown_url,
                screen.scope.value,
                text,
                target.algorithm_id if target else None,
                target.policy_id if target else None,
                screen.console.now().isoformat(timespec="seconds"),
            )
            in_background(screen.app, lambda: history.remember(workspace.settings.data_dir, entry), lambda _: None)
