"""The console: a Textual application on one opened workspace."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette, SearchIcon
from textual.message import Message
from textual.screen import Screen

from pqcore.errors import ExitCode, KeyStoreError
from pqcore.text import clean
from pqcore.workspace import Workspace
from pqtui import keymap, passphrase
from pqtui.glyphs import Glyphs, choose
from pqtui.local_work import LocalWork
from pqtui.palette import ActionCommands
from pqtui.screens.main import MainScreen
from pqtui.screens.new_job import Draft
from pqtui.screens.passphrase import AskPassphrase
from pqtui.signals import stopped_by_signals
from pqtui.tasks import Finished
from pqtui.theme import THEMES, first_theme

POLL_SECONDS = 1.0
_STOP_SECONDS = 5.0


class ConsoleApp(App[int]):
    """The application.

    Args:
        workspace: opened by the caller, closed by the caller.
        note: a sentence to begin with.
        now: the clock; another one makes pictures that stay the same.
        glyphs: the signs to draw with; by default what the terminal can show.
        poll_seconds: how long each pane rests between two reads.

    Raises:
        ConfigurationError: the settings remap a key that cannot be.
    """

    CSS_PATH = "console.tcss"
    TITLE = "pqconsole"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = App.COMMANDS | {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+p", "command_palette", "Palette", show=False, id="palette")]

    class Question(Message):
        """A background thread needs a passphrase."""

        def __init__(self, text: str, reply: queue.Queue[str | None]) -> None:
            super().__init__()
            self.text = text
            self.reply = reply

    class Ended(Message):
        """A signal came, and the work here has been stopped."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        note: str = "",
        now: Callable[[], datetime] | None = None,
        glyphs: Glyphs | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.note = note
        self.now = now or (lambda: datetime.now(UTC))
        self.glyphs = glyphs or choose()
        self.poll_seconds = poll_seconds
        self.local = LocalWork(workspace)
        self.actions = keymap.remapped(workspace.settings.keys)
        self.key_texts = {action.id: action.key_text for action in self.actions}
        self.draft: Draft | None = None
        self.place = _place(workspace)
        # what moves on a slow line is not worth its bytes
        self.animation_level = "none"

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        wanted = first_theme()
        self.theme = wanted if wanted in self.available_themes else THEMES[0].name
        self.set_keymap(keymap.for_textual(self.actions))
        self._main = MainScreen()
        self.push_screen(self._main)
        passphrase.answer_in(self._ask_passphrase)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours that the terminal's own palette has no name for in Textual's ansi themes."""
        return {"foreground-disabled": "ansi_bright_black"}

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Of Textual's own commands only the choice of colours; ours come from the registry."""
        for command in super().get_system_commands(screen):
            if command.title == "Theme":
                yield command

    def action_command_palette(self) -> None:
        """Open the palette; its sign is one that every terminal has."""
        if not isinstance(self.screen, CommandPalette):
            palette = CommandPalette(id="--command-palette")
            self.push_screen(palette)
            self.call_after_refresh(self._plain_palette, palette)

    def _plain_palette(self, palette: CommandPalette) -> None:
        for icon in palette.query(SearchIcon):
            icon.icon = ">"

    def on_finished(self, event: Finished) -> None:
        """Work in the background ended: hand its outcome to whoever asked."""
        event.then(event.outcome)

    # a passphrase, asked by a background thread

    def _ask_passphrase(self, question: str) -> str:
        reply: queue.Queue[str | None] = queue.Queue(1)
        self.post_message(self.Question(clean(question), reply))
        while True:
            with suppress(queue.Empty):
                answer = reply.get(timeout=0.5)
                if answer is None:
                    raise KeyStoreError("No passphrase was typed", "Try again, or set PQCONSOLE_PASSPHRASE_FILE")
                return answer
            if not self.is_running:
                raise KeyStoreError("The console closed before a passphrase was typed", "Start it again")

    def on_console_app_question(self, event: Question) -> None:
        """Put the dialog on top; its answer goes back to the thread that waits."""

        def answered(text: str | None) -> None:
            event.reply.put(text)

        self.push_screen(AskPassphrase(event.text), answered)

    # leaving

    def leave(self) -> None:
        """Stop the work here between batches, then exit."""
        from pqtui.tasks import in_background

        in_background(self, lambda: self.local.stop(_STOP_SECONDS), lambda _: self.exit(int(ExitCode.OK)))

    def on_console_app_ended(self) -> None:
        """After a signal: exit, with what is on the screen put back."""
        self.exit(int(ExitCode.INTERRUPTED))

    async def action_quit(self) -> None:
        """Ctrl+Q, from wherever: what the main screen's quit does."""
        if self.screen is self._main:
            self._main.action_do("quit")
        else:
            self.bell()

    def signalled(self) -> None:
        """From any thread: the work here has been stopped by a signal."""
        with suppress(RuntimeError):
            self.post_message(self.Ended())

    def close(self) -> None:
        """End every thread of the console; called when the screen is gone."""
        passphrase.answer_in(None)
        main = getattr(self, "_main", None)
        if main is not None:
            main.stop_feeds()
        self.local.stop(_STOP_SECONDS)


def _place(workspace: Workspace) -> str:
    settings = workspace.settings
    words = [settings.profile or "", settings.label, settings.shown_url]
    return clean("  ".join(word for word in words if word), limit=120)


def run(workspace: Workspace, *, note: str = "") -> int:
    """Open the console and stay until it is left; gives the exit code (130 after a signal)."""
    app = ConsoleApp(workspace, note=note)
    with stopped_by_signals(app.local.stop, app.signalled):
        try:
            code = app.run()
        finally:
            app.close()
    return int(ExitCode.OK) if code is None else code
