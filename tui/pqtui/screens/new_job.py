"""Creating a job: scope and target, the selection as form and as JSON, what it takes, the check, the schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Select, Static, TextArea

from pqcore.migrations.base import Scope
from pqcore.migrations.options import suits
from pqcore.selection import preview
from pqcore.selection.catalog import Catalog
from pqcore.selection.complete import Completion, complete
from pqcore.selection.document import Selection, parse
from pqcore.selection.jsontext import locate
from pqcore.selection.problem import Problem, SelectionError
from pqcore.selection.target import resolve
from pqcore.text import clean
from pqtui import history, verdict_text
from pqtui import selection_form as form
from pqtui.acting import Acting, bindings_of
from pqtui.actions import Action
from pqtui.badge import place_text
from pqtui.draft import START, Draft
from pqtui.history import Recent
from pqtui.latest import Latest
from pqtui.names import Names, read_names
from pqtui.screens.file_dialog import FileDialog
from pqtui.screens.help import MOVING_IN_THE_EDITOR, Help, help_lines
from pqtui.screens.recent import RecentSelections
from pqtui.screens.review import Created, Review
from pqtui.selection_files import read_selection, write_selection
from pqtui.styles import MUTED
from pqtui.tasks import Outcome, in_background
from pqtui.verdict_text import Preview
from pqtui.widgets.bars import ActionBar
from pqtui.widgets.json_editor import CompletionList, JsonEditor
from pqtui.widgets.selection_form import SelectionForm

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp

_COUNT_LIMIT = 1_000_000
_COUNT_SECONDS = 2.0
_SAMPLE_ROWS = 4


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """A target that can be chosen: one of ``algorithm`` and ``policy`` is its name."""

    label: str
    algorithm: str | None = None
    policy: str | None = None
    algorithm_id: int | None = None
    policy_id: int | None = None

    @property
    def key(self) -> str:
        """Tells choices apart."""
        return f"a{self.algorithm_id}" if self.algorithm is not None else f"p{self.policy_id}"


class NewJobScreen(Acting, Screen["Created | None"]):
    """The editor. Dismissed with the job that was created, or None; the draft is kept then."""

    part = "editor"
    # completion belongs to the JSON side alone: that has the binding
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("editor", but=("editor_complete",))
    HORIZONTAL_BREAKPOINTS = [(0, "-single"), (76, "-double"), (110, "-roomy")]  # noqa: RUF012 - as Screen declares it

    def __init__(self, draft: Draft | None) -> None:
        super().__init__()
        self._draft = draft or Draft()
        self._scope = self._draft.scope
        self._targets: tuple[TargetChoice, ...] = ()
        self._names = Names()
        self._problems: tuple[Problem, ...] = ()
        self._preview: Preview | None = None
        self._explained = ("", ())
        self._refused = ""
        self._catalog: Catalog | None = None

    @property
    def console(self) -> ConsoleApp:
        """The application."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        """Scope and target, form beside JSON, the verdict below."""
        yield Static("", id="new-title")
        with Horizontal(id="new-head"):
            yield Static("Scope", classes="head-label")
            yield Select(
                [(s.value, s.value) for s in Scope],
                value=self._scope.value,
                allow_blank=False,
                compact=True,
                id="scope",
            )
            yield Static("Target", classes="head-label")
            yield Select([], prompt="reading the targets", compact=True, id="target")
        with Horizontal(id="new-body"):
            yield SelectionForm(lambda: self._names, id="form")
            yield JsonEditor(self._draft.text, CompletionList(id="completions"), id="json")
        with VerticalScroll(id="verdict", can_focus=False):
            yield Static("", id="verdict-text")
        yield Static("", id="hint")
        yield ActionBar(id="new-keys")

    def on_mount(self) -> None:
        self._latest_preview = Latest(self)
        self._latest_completion = Latest(self, quiet=0.05)
        self._latest_names = Latest(self, quiet=0.1)
        self.mount(self.editor_popup)
        self.editor_popup.display = False
        self.query_one("#form").border_title = "Form"
        self.query_one("#json").border_title = "JSON"
        self.query_one("#verdict").border_title = "Rows"
        self.add_class("show-form")
        title = Content.styled(" New job ", "bold $text-primary") + place_text(self.console.badge, self.console.place)
        self.query_one("#new-title", Static).update(title)
        self._draw_keys()
        self._catalog = self.console.workspace.catalog()
        self._read_targets()
        self._text_changed()
        self.call_after_refresh(self._first_focus)

    def _first_focus(self) -> None:
        self.query_one("#scope").focus()

    @property
    def editor(self) -> JsonEditor:
        """The JSON side."""
        return self.query_one("#json", JsonEditor)

    @property
    def editor_popup(self) -> CompletionList:
        """The list of completions."""
        return self.editor.completion_list

    def _draw_keys(self) -> None:
        self.query_one(ActionBar).show(self.bar)

    @on(ActionBar.Pressed)
    def _bar_pressed(self, event: ActionBar.Pressed) -> None:
        event.stop()
        self.action_do(event.action_id)

    def doings(self) -> Mapping[str, Callable[[], object]]:
        """What each action does."""
        return {
            "editor_check": self.action_check,
            "editor_leave": self.action_leave,
            "editor_complete": self._ask_completion,
            "editor_turn": self.action_turn,
            "editor_problem": self.action_next_problem,
            "editor_undo": self.editor.undo,
            "editor_redo": self.editor.redo,
            "editor_recent": self._ask_recent,
            "editor_open": self._ask_file,
            "editor_save": self._ask_save,
            "editor_help": self._open_help,
        }

    def why_not(self, action: Action) -> str:
        """Why the action cannot be done to what is written."""
        match action.id:
            case "editor_problem" if not any(problem.line is not None for problem in self._problems):
                return "No problem has a place in the text" if self._problems else "There is no problem"
            case "editor_undo" if not self.editor.history.undo_stack:
                return "Nothing was changed yet"
            case "editor_redo" if not self.editor.history.redo_stack:
                return "Nothing was undone"
        return super().why_not(action)

    def refuse(self, sentence: str) -> None:
        """Say it where the fields are explained."""
        self.query_one("#hint", Static).update(Content.styled(clean(sentence), "$text-error"))

    def _open_help(self) -> None:
        self.app.push_screen(Help(help_lines(self.offered, self.why_not, MOVING_IN_THE_EDITOR)))

    def _ask_completion(self) -> None:
        if not self.editor.has_focus:
            self.action_turn()
        self.call_after_refresh(self.editor.action_complete)

    def on_resize(self) -> None:
        self._draw_keys()

    # scope and target

    def _read_targets(self) -> None:
        workspace, scope = self.console.workspace, self._scope

        def work() -> tuple[TargetChoice, ...]:
            algorithms = [
                TargetChoice(c.label, algorithm=c.label, algorithm_id=c.id) for c in workspace.algorithms(scope)
            ]
            policies = [
                TargetChoice(f"policy {clean(p.name)}", policy=p.name, policy_id=p.id) for p in workspace.policies()
            ]
            return (*algorithms, *policies)

        in_background(self.app, work, lambda outcome: self._targets_read(scope, outcome))

    def _targets_read(self, scope: Scope, outcome: Outcome[tuple[TargetChoice, ...]]) -> None:
        if not self.is_attached or scope is not self._scope:
            return
        if outcome.value is None:
            self._refuse(str(outcome.error))
            return
        self._targets = outcome.value
        select = self.query_one("#target", Select)
        select.prompt = "choose a target" if self._targets else "no target in this database"
        select.set_options([(choice.label, choice.key) for choice in self._targets])
        wanted = next((c for c in self._targets if self._is_drafted(c)), None) or self._usual_target()
        if wanted is not None:
            select.value = wanted.key

    def _is_drafted(self, choice: TargetChoice) -> bool:
        if choice.algorithm_id is not None:
            return choice.algorithm_id == self._draft.algorithm_id
        return choice.policy_id == self._draft.policy_id

    def _usual_target(self) -> TargetChoice | None:
        """The first target; for hashes the first that serves the mode, which is password where none is set."""
        document = form.read_document(self.editor.text) or {}
        options = document.get("options")
        mode = options.get("mode", "password") if isinstance(options, dict) else "password"
        fitting = [c for c in self._targets if self._scope is not Scope.HASHES or suits(c.label, mode)]
        return next(iter(fitting or self._targets), None)

    @property
    def _target(self) -> TargetChoice | None:
        key = self.query_one("#target", Select).value
        return next((c for c in self._targets if c.key == key), None)

    @on(Select.Changed, "#scope")
    def _scope_chosen(self, event: Select.Changed) -> None:
        event.stop()
        scope = Scope(str(event.value))
        if scope is self._scope:
            return
        self._scope = scope
        document = form.read_document(self.editor.text)
        if document is not None:
            self._write(form.prune(document, scope))
        self._read_targets()
        self._text_changed()

    @on(Select.Changed, "#target")
    def _target_chosen(self, event: Select.Changed) -> None:
        event.stop()
        self._refuse("")

    # form and JSON in step

    @on(SelectionForm.Edited)
    def _form_edited(self, event: SelectionForm.Edited) -> None:
        event.stop()
        self._write(event.document, event.field_id)
        self._text_changed(from_form=True)

    def _write(self, document: dict[str, Any], field_id: str = "") -> None:
        """Put a document into the editor; what one field changes in a row is one step that can be undone."""
        with self.editor.prevent(TextArea.Changed):
            self.editor.write(form.write_document(document), field_id)

    @on(TextArea.Changed, "#json")
    def _json_edited(self, event: TextArea.Changed) -> None:
        event.stop()
        self._text_changed()

    def _text_changed(self, *, from_form: bool = False) -> None:
        text = self.editor.text
        self._refused = ""
        self._preview = None
        try:
            selection = parse(text, scope=self._scope)
            self._problems = ()
        except SelectionError as error:
            selection, self._problems = None, tuple(error.problems)
        document = form.read_document(text)
        if document is not None:
            show = partial(self.query_one("#form", SelectionForm).show, self._scope, document, values=not from_form)
            self.call_next(show)
        self.editor.show_problems(self._problems)
        self._ask_names(document or {})
        if selection is None:
            self._latest_preview.drop()
        else:
            self._ask_preview(selection)
        self._draw_verdict()

    def _ask_names(self, document: dict[str, Any]) -> None:
        catalog, keys = self._catalog, self.console.workspace.keys
        table, schema = document.get("table"), document.get("schema")
        table = table if isinstance(table, str) else ""
        if catalog is None or (table == self._names.table and self._names.tables):
            return
        self._latest_names.ask(
            lambda: read_names(catalog, keys, table, schema if isinstance(schema, str) else None), self._names_read
        )

    def _names_read(self, outcome: Outcome[Names]) -> None:
        if outcome.value is not None:
            self._names = outcome.value
            self.query_one("#form", SelectionForm).names_changed()

    # preview

    def _ask_preview(self, selection: Selection) -> None:
        db, catalog = self.console.workspace.db, self._catalog
        if catalog is None:
            return

        def work() -> Preview:
            target = resolve(catalog, selection)
            counted = preview.count(db, selection, target, limit=_COUNT_LIMIT, timeout=_COUNT_SECONDS)
            rows = preview.sample(db, selection, target, [selection.field], _SAMPLE_ROWS)
            return Preview(counted, tuple(rows), tuple(c.name for c in target.key), selection.field)

        self._latest_preview.ask(work, self._previewed)

    def _previewed(self, outcome: Outcome[Preview]) -> None:
        match outcome.error:
            case None:
                self._preview = outcome.value
            case SelectionError() as error:
                self._problems = tuple(locate(self.editor.text, error.problems))
                self.editor.show_problems(self._problems)
            case error:
                self._refused = clean(str(error))
        self._draw_verdict()

    def _draw_verdict(self) -> None:
        self._draw_keys()
        content = verdict_text.verdict(self._problems, self._preview, self._refused, self.console.glyphs)
        text = self.query_one("#verdict-text", Static)
        if content != text.content:
            text.update(content)
            pane = self.query_one("#verdict")
            number = len(self._problems)
            pane.border_title = f"{number} problem{'' if number == 1 else 's'}" if number else "Rows"

    def _refuse(self, sentence: str) -> None:
        self._refused = clean(sentence)
        self._draw_verdict()

    @on(SelectionForm.Explained)
    def _explain(self, event: SelectionForm.Explained) -> None:
        event.stop()
        content = Content.styled(event.text, MUTED)
        if event.names:
            content = content + Content.assemble("  ", (clean(", ".join(event.names), limit=200), "$text-accent"))
        hint = self.query_one("#hint", Static)
        if content != hint.content:
            hint.update(content)

    # files and recent selections

    def _ask_file(self) -> None:
        self.app.push_screen(FileDialog("Open a selection", lambda path, _replace: read_selection(path)), self._load)

    def _load(self, text: str | None) -> None:
        """Take another text in place of this one; undo brings it back."""
        if text is not None:
            self.editor.write(text)

    def _ask_save(self) -> None:
        text = self.editor.text

        def save(path: Path, replace: bool) -> str:
            write_selection(path, text, replace=replace)
            return str(path)

        self.app.push_screen(FileDialog("Save the selection as", save), self._saved)

    def _saved(self, path: str | None) -> None:
        if path is not None:
            self.query_one("#hint", Static).update(Content.styled(clean(f"Saved to {path}"), "$text-success"))

    def _ask_recent(self) -> None:
        settings = self.console.workspace.settings
        folder, place = settings.data_dir, settings.shown_url
        in_background(self.app, lambda: history.recent(folder, place), self._recent_read)

    def _recent_read(self, outcome: Outcome[tuple[Recent, ...]]) -> None:
        if self.is_attached:
            self.app.push_screen(RecentSelections(outcome.value or (), self.console.glyphs), self._recent_chosen)

    def _recent_chosen(self, entry: Recent | None) -> None:
        if entry is None:
            return
        self._draft = Draft(Scope(entry.scope), entry.algorithm_id, entry.policy_id, entry.text)
        self._scope = self._draft.scope
        scope = self.query_one("#scope", Select)
        with scope.prevent(Select.Changed):  # what was written stays as it is: nothing of it is to be pruned
            scope.value = self._scope.value
        self._read_targets()
        self._load(entry.text)
        self._text_changed()

    def _remember(self) -> None:
        """Keep what is written among the recent selections."""
        text, target, workspace = self.editor.text, self._target, self.console.workspace
        if (form.read_document(text) or {}).get("table"):
            entry = Recent(
                workspace.settings.shown_url,
                self._scope.value,
                text,
                target.algorithm_id if target else None,
                target.policy_id if target else None,
                self.console.now().isoformat(timespec="seconds"),
            )
            in_background(self.app, lambda: history.remember(workspace.settings.data_dir, entry), lambda _: None)

    # completion

    @on(JsonEditor.CompletionWanted)
    def _complete(self, event: JsonEditor.CompletionWanted) -> None:
        event.stop()
        editor, catalog, keys = self.editor, self._catalog, self.console.workspace.keys
        text, offset, scope = editor.text, editor.offset_in_text, self._scope

        def show(outcome: Outcome[list[Completion]]) -> None:
            if outcome.value is None or editor.text != text or editor.offset_in_text != offset or not editor.has_focus:
                return
            found = outcome.value
            if len(found) == 1 and text[found[0].start : found[0].end] == found[0].insert:
                found = []
            self.editor_popup.show(found, editor.cursor_screen_offset, (self.size.width, self.size.height))

        self._latest_completion.ask(lambda: complete(text, offset, catalog, keys, scope), show)

    # going on

    def action_turn(self) -> None:
        """Change between form and JSON."""
        to_json = not self.editor.has_focus
        self.set_class(not to_json, "show-form")
        self.set_class(to_json, "show-json")
        first = self.editor if to_json else self.query("#form Input").first()
        self.call_after_refresh(first.focus)

    def choose_scope(self, scope: str) -> None:
        """Choose a scope as an operator would."""
        self.query_one("#scope", Select).value = scope

    def has_problem(self, text: str) -> bool:
        """Whether a problem speaks of this."""
        return any(text in str(problem) for problem in self._problems)

    def action_next_problem(self) -> None:
        """Put the cursor at the first problem that has a place."""
        for problem in self._problems:
            if problem.line is not None:
                if not self.editor.has_focus:
                    self.action_turn()
                self.editor.go_to(problem.line, problem.column or 1)
                return

    def action_check(self) -> None:
        """Hold the job against the live database, and go on to the confirmation."""
        target = self._target
        try:
            parse(self.editor.text, scope=self._scope)
        except SelectionError as error:
            self._problems = tuple(error.problems)
            self._draw_verdict()
            self.action_next_problem()
            return
        if target is None:
            self._refuse("No target is chosen. Choose an algorithm or a policy beside the scope.")
            self.query_one("#target").focus()
            return
        self.app.push_screen(Review(self._scope, self.editor.text, target.algorithm, target.policy), self._reviewed)

    def _reviewed(self, made: Created | None) -> None:
        if made is not None:
            self._remember()
            self.dismiss(made)

    def action_leave(self) -> None:
        """Leave; what was written is kept as a draft."""
        if self.editor_popup.display:
            self.editor_popup.hide()
            return
        self.keep_draft()
        self._remember()
        self.dismiss(None)

    def keep_draft(self) -> None:
        """Keep what was written for the next time."""
        self.console.draft = self.draft

    @property
    def draft(self) -> Draft | None:
        """What was written; None where nothing was."""
        if not self.query("#target"):  # its fields come with the next message
            return self._draft if self._draft.text.strip() != START else None
        target = self._target
        if not self._targets:  # not read yet
            algorithm_id, policy_id = self._draft.algorithm_id, self._draft.policy_id
        else:
            algorithm_id, policy_id = (target.algorithm_id, target.policy_id) if target else (None, None)
        draft = Draft(self._scope, algorithm_id, policy_id, self.editor.text)
        return draft if draft.text.strip() != START else None
