"""Writing a job: scope and target, the selection as form and as JSON in step, and the way on to the check.

Its parts are in ``pqtui.editor``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Select, Static, TextArea

from pqcore.migrations.base import Scope
from pqcore.selection.document import parse
from pqcore.selection.problem import Problem, SelectionError
from pqcore.text import clean
from pqtui import selection_form as form
from pqtui.acting import Acting, bindings_of
from pqtui.actions import Action
from pqtui.badge import place_text
from pqtui.draft import START, Draft
from pqtui.editor.keeping import Keeping
from pqtui.editor.live import Live
from pqtui.editor.targets import TargetChoice, Targets
from pqtui.editor.verdict import Verdict
from pqtui.names import Names
from pqtui.screens.help import MOVING_IN_THE_EDITOR, Help, help_lines
from pqtui.screens.review import Created, Review
from pqtui.styles import MUTED
from pqtui.widgets.bars import ActionBar
from pqtui.widgets.json_editor import CompletionList, JsonEditor
from pqtui.widgets.selection_form import SelectionForm

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp


class NewJobScreen(Acting, Screen["Created | None"]):
    """The editor. Dismissed with the job that was created, or None; the draft is kept then."""

    part = "editor"
    # completion belongs to the JSON side alone: that has the binding
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("editor", but=("editor_complete",))
    HORIZONTAL_BREAKPOINTS = [(0, "-single"), (76, "-double"), (110, "-roomy")]  # noqa: RUF012 - as Screen declares it

    def __init__(self, draft: Draft | None) -> None:
        super().__init__()
        self.begun_with = draft or Draft()
        self.scope = self.begun_with.scope
        self._verdict = Verdict(self)
        self._live = Live(self, self._verdict)
        self._targets = Targets(self, self._verdict)
        self._keeping = Keeping(self, self._targets)

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
                value=self.scope.value,
                allow_blank=False,
                compact=True,
                id="scope",
            )
            yield Static("Target", classes="head-label")
            yield Select([], prompt="reading the targets", compact=True, id="target")
        with Horizontal(id="new-body"):
            yield SelectionForm(lambda: self._names, id="form")
            yield JsonEditor(self.begun_with.text, CompletionList(id="completions"), id="json")
        with VerticalScroll(id="verdict", can_focus=False):
            yield Static("", id="verdict-text")
        yield Static("", id="hint")
        yield ActionBar(id="new-keys")

    def on_mount(self) -> None:
        self.mount(self.editor_popup)
        self.editor_popup.display = False
        self.query_one("#form").border_title = "Form"
        self.query_one("#json").border_title = "JSON"
        self.query_one("#verdict").border_title = "Rows"
        self.add_class("show-form")
        title = Content.styled(" New job ", "bold $text-primary") + place_text(self.console.badge, self.console.place)
        self.query_one("#new-title", Static).update(title)
        self.draw_keys()
        self._live.open()
        self._targets.read()
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

    def draw_keys(self) -> None:
        """Show what can be done now."""
        for bar in self.query(ActionBar):  # there is none while the screen goes away
            bar.show(self.bar)

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
            "editor_recent": self._keeping.ask_recent,
            "editor_open": self._keeping.ask_file,
            "editor_save": self._keeping.ask_save,
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
        self.draw_keys()

    # scope and target

    @on(Select.Changed, "#scope")
    def _scope_chosen(self, event: Select.Changed) -> None:
        event.stop()
        scope = Scope(str(event.value))
        if scope is self.scope:
            return
        self.scope = scope
        document = form.read_document(self.editor.text)
        if document is not None:
            self._write(form.prune(document, scope))
        self._targets.read()
        self._text_changed()

    @on(Select.Changed, "#target")
    def _target_chosen(self, event: Select.Changed) -> None:
        event.stop()
        self._verdict.refuse("")

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
        problems: Sequence[Problem] = ()
        try:
            selection = parse(text, scope=self.scope)
        except SelectionError as error:
            selection, problems = None, error.problems
        self._verdict.judge(problems)
        document = form.read_document(text)
        if document is not None:
            show = partial(self.query_one("#form", SelectionForm).show, self.scope, document, values=not from_form)
            self.call_next(show)
        self.editor.show_problems(self._problems)
        self._live.ask_names(document or {})
        self._live.ask_preview(selection)
        self._verdict.draw()

    @on(SelectionForm.Explained)
    def _explain(self, event: SelectionForm.Explained) -> None:
        event.stop()
        content = Content.styled(event.text, MUTED)
        if event.names:
            content = content + Content.assemble("  ", (clean(", ".join(event.names), limit=200), "$text-accent"))
        hint = self.query_one("#hint", Static)
        if content != hint.content:
            hint.update(content)

    # completion

    @on(JsonEditor.CompletionWanted)
    def _complete(self, event: JsonEditor.CompletionWanted) -> None:
        event.stop()
        self._live.ask_completion()

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

    @property
    def _problems(self) -> tuple[Problem, ...]:
        return self._verdict.problems

    @property
    def _names(self) -> Names:
        return self._live.names

    @property
    def _target(self) -> TargetChoice | None:
        return self._targets.chosen

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
            parse(self.editor.text, scope=self.scope)
        except SelectionError as error:
            self._verdict.found(error.problems)
            self.action_next_problem()
            return
        if target is None:
            self._verdict.refuse("No target is chosen. Choose an algorithm or a policy beside the scope.")
            self.query_one("#target").focus()
            return
        self.app.push_screen(Review(self.scope, self.editor.text, target.algorithm, target.policy), self._reviewed)

    def _reviewed(self, made: Created | None) -> None:
        if made is not None:
            self._keeping.remember()
            self.dismiss(made)

    def action_leave(self) -> None:
        """Leave; what was written is kept as a draft."""
        if self.editor_popup.display:
            self.editor_popup.hide()
            return
        self.keep_draft()
        self._keeping.remember()
        self.dismiss(None)

    def take(self, draft: Draft) -> None:
        """Go on with another draft; undo brings back the text of this one."""
        self.begun_with, self.scope = draft, draft.scope
        scope = self.query_one("#scope", Select)
        with scope.prevent(Select.Changed):  # what was written stays as it is: nothing of it is to be pruned
            scope.value = self.scope.value
        self._targets.read()
        self.editor.write(draft.text)
        self._text_changed()

    def keep_draft(self) -> None:
        """Keep what was written for the next time."""
        self.console.draft = self.draft

    @property
    def draft(self) -> Draft | None:
        """What was written; None where nothing was."""
        if not self.query("#target"):  # its fields come with the next message
            return self.begun_with if self.begun_with.text.strip() != START else None
        target = self._target
        if not self._targets:  # not read yet
            algorithm_id, policy_id = self.begun_with.algorithm_id, self.begun_with.policy_id
        else:
            algorithm_id, policy_id = (target.algorithm_id, target.policy_id) if target else (None, None)
        draft = Draft(self.scope, algorithm_id, policy_id, self.editor.text)
        return draft if draft.text.strip() != START else None
