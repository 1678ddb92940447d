"""The targets that a job can have in this database, and which of them is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.widgets import Select

from pqcore.migrations.base import Scope
from pqcore.migrations.options import suits
from pqcore.text import clean
from pqtui import selection_form as form
from pqtui.editor.verdict import Verdict
from pqtui.tasks import Outcome, in_background

if TYPE_CHECKING:
    from pqtui.screens.new_job import NewJobScreen


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


class Targets:
    """The choices of the scope of now, in the list beside it; as many as were read."""

    def __init__(self, screen: NewJobScreen, verdict: Verdict) -> None:
        self._screen = screen
        self._verdict = verdict
        self._choices: tuple[TargetChoice, ...] = ()

    def __len__(self) -> int:
        return len(self._choices)

    @property
    def chosen(self) -> TargetChoice | None:
        """The target that is chosen."""
        key = self._screen.query_one("#target", Select).value
        return next((c for c in self._choices if c.key == key), None)

    def read(self) -> None:
        """Read those of the scope, and choose the drafted one or the usual one."""
        workspace, scope = self._screen.console.workspace, self._screen.scope

        def work() -> tuple[TargetChoice, ...]:
            algorithms = [
                TargetChoice(c.label, algorithm=c.label, algorithm_id=c.id) for c in workspace.algorithms(scope)
            ]
            policies = [
                TargetChoice(f"policy {clean(p.name)}", policy=p.name, policy_id=p.id) for p in workspace.policies()
            ]
            return (*algorithms, *policies)

        in_background(self._screen.app, work, lambda outcome: self._read(scope, outcome))

    def _read(self, scope: Scope, outcome: Outcome[tuple[TargetChoice, ...]]) -> None:
        screen = self._screen
        if not screen.is_attached or scope is not screen.scope:
            return
        if outcome.value is None:
            self._verdict.refuse(str(outcome.error))
            return
        self._choices = outcome.value
        select = screen.query_one("#target", Select)
        select.prompt = "choose a target" if self._choices else "no target in this database"
        select.set_options([(choice.label, choice.key) for choice in self._choices])
        wanted = next((c for c in self._choices if self._is_drafted(c)), None) or self._usual()
        if wanted is not None:
            select.value = wanted.key

    def _is_drafted(self, choice: TargetChoice) -> bool:
        begun_with = self._screen.begun_with
        if choice.algorithm_id is not None:
            return choice.algorithm_id == begun_with.algorithm_id
        return choice.policy_id == begun_with.policy_id

    def _usual(self) -> TargetChoice | None:
        """The first target; for hashes the first that serves the mode, which is password where none is set."""
        document = form.read_document(self._screen.editor.text) or {}
        options = document.get("options")
        mode = options.get("mode", "password") if isinstance(options, dict) else "password"
        fitting = [c for c in self._choices if self._screen.scope is not Scope.HASHES or suits(c.label, mode)]
        return next(iter(fitting or self._choices), None)
