"""The console: a Textual application on one opened workspace."""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from rich.console import RenderableType
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette, SearchIcon
from textual.filter import Monochrome, NoColor
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from pqcore.errors import ConfigurationError, ExitCode, KeyStoreError, PQConsoleError
from pqcore.text import clean
from pqcore.workspace import Workspace
from pqtui import clipboard, keymap, passphrase
from pqtui.badge import badge_of
from pqtui.draft import Draft, Writing
from pqtui.first_lines import FirstLines
from pqtui.glyphs import ASCII, Glyphs, choose
from pqtui.local_work import LocalWork
from pqtui.news import NOTHING, News, sentence
from pqtui.palette import ActionCommands
from pqtui.profiles import Choice, Reopen, choices
from pqtui.screens.main import MainScreen
from pqtui.session_keeper import SessionKeeper
from pqtui.session_state import SessionState
from pqtui.signals import stopped_by_signals
from pqtui.tasks import Finished, Outcome, in_background
from pqtui.theme import THEMES, first_theme
from pqtui.written import Difference, Written

POLL_SECONDS = 1.0
_STOP_SECONDS = 5.0
_KEEP_SECONDS = 5.0
_KEY_SECONDS = 2.0

First = Callable[[], FirstLines]


class ConsoleApp(App[int]):
    """The application.

    Args:
        workspace: opened by the caller, closed by the caller.
        note: a sentence to begin with.
        now: the clock; another one makes pictures that stay the same.
        glyphs: the signs to draw with; by default what the terminal can show.
        poll_seconds: how long each pane rests between two reads.
        reopen: opens another profile; None where there is only this database, as in a demonstration.
        keep_session: whether to begin where the last session was left, and to keep this one.
        first: gives the first lines of the list; blocks. Without it, the workspace is read from the start.

    Raises:
        ConfigurationError: the settings remap a key that cannot be.
    """

    CSS_PATH = "console.tcss"
    TITLE = "pqconsole"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = App.COMMANDS | {ActionCommands}
    # the styles of every screen go by these
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium"), (36, "-tall")]  # noqa: RUF012 - as App declares it
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+p", "command_palette", "Palette", show=False, id="palette")]

    class Question(Message):
        """A background thread needs a passphrase."""

        def __init__(self, text: str, reply: queue.Queue[str | None]) -> None:
            super().__init__()
            self.text = text
            self.reply = reply

    class KeyDone(Message):
        """A key has passed every widget that could hear of it."""

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
        reopen: Reopen | None = None,
        keep_session: bool = True,
        first: First | None = None,
    ) -> None:
        super().__init__()
        if self.no_color:
            # shades of grey are colours, too, and cost as many bytes
            self._filters = [NoColor() if isinstance(each, Monochrome) else each for each in self._filters]
            self.add_class("-no-color")
        self.workspace = workspace
        self._given = workspace
        self._typed: deque[events.Key | events.Paste] = deque()
        self._key_under_way: asyncio.TimerHandle | None = None
        self._written = Written()
        self._reopen = reopen
        self._first = first
        self.failure: PQConsoleError | None = None
        self.note = note
        self.now = now or (lambda: datetime.now(UTC))
        self.glyphs = glyphs or choose()
        if self.glyphs is ASCII:
            self.add_class("-ascii")
        self.poll_seconds = poll_seconds
        self.local = LocalWork(workspace)
        self.parts = keymap.parts(workspace.settings.keys)
        self.key_texts = keymap.key_texts(self.parts)
        self.draft: Draft | None = None
        self.session = SessionState()
        self.news = NOTHING
        self._keeper = SessionKeeper(workspace) if keep_session else None
        self.place = _place(workspace)
        self.badge = badge_of(workspace.settings)
        # what moves on a slow line is not worth its bytes
        self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)
        wanted = first_theme()
        # before anything is styled: another theme later would style it all once more
        self.theme = wanted if wanted in self.available_themes else THEMES[0].name
        self.stylesheet.set_variables(self.get_css_variables())
        self._styled = False

    def on_mount(self) -> None:
        # the shell, or whatever ran meanwhile, has written on the terminal
        self.app_resume_signal.subscribe(self, lambda _: self._written.forget())
        self.set_keymap(keymap.for_textual(self.parts))
        self._begin_session()
        self._main = MainScreen(self)
        self.push_screen(self._main)
        self.set_interval(_KEEP_SECONDS, self._keep_session)
        passphrase.answer_in(self._ask_passphrase)

    def refresh_css(self, animate: bool = True) -> None:
        """Style everything anew; the first call is for the theme that everything is styled with from the start."""
        if self._styled:
            super().refresh_css(animate)
        self._styled = True

    # output: of what Textual paints only the cells that are not there already

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Textual's own, for an update that was reduced to what differs.

        Private, since nothing public sees cells: a driver's ``write`` gets text. test_written.py fails where another
        Textual has another one.
        """
        if isinstance(renderable, CompositorUpdate) and self._writes_to_a_terminal:
            self._written.fit(*self.size)
            text = self._written.difference(renderable, self.console)
            if text is not None:
                cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
                unmoved = cursor == self._previous_cursor_position
                renderable = None if not text and unmoved else Difference(text)
        super()._display(screen, renderable)

    @property
    def _writes_to_a_terminal(self) -> bool:
        """Whether what is displayed now is written, as Textual decides it: what was not must not be noted."""
        listening = self._running and not self._closed and not self._batch_count
        return listening and not self.is_headless and self._driver is not None and not self._driver.is_inline

    def repaint(self) -> None:
        """Write the whole screen once more: another program may have written on it."""
        self._written.forget()
        self.screen.refresh()

    def on_resize(self) -> None:
        """A terminal may move its lines about as it likes."""
        self._written.forget()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours that the terminal's own palette has no name for in Textual's ansi themes."""
        return {"foreground-disabled": "ansi_bright_black"}

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Of Textual's own commands only the choice of colours; ours come from the registry."""
        for command in super().get_system_commands(screen):
            if command.title == "Theme":
                yield command

    def action_command_palette(self) -> None:
        """Open the palette; its sign is one that every terminal has, its cursor stands still."""
        if not isinstance(self.screen, CommandPalette):
            palette = CommandPalette(placeholder="Search for commands", id="--command-palette")
            self.push_screen(palette)
            self.call_after_refresh(self._plain_palette, palette)

    def _plain_palette(self, palette: CommandPalette) -> None:
        for icon in palette.query(SearchIcon):
            icon.icon = ">"
            icon.refresh()
        for field in palette.query(Input):
            field.cursor_blink = False

    def on_finished(self, event: Finished) -> None:
        """Work in the background ended: hand its outcome to whoever asked."""
        event.then(event.outcome)

    # keys, one after the other: a slow line brings several at once, and the first may open the field for the rest

    async def on_event(self, event: events.Event) -> None:
        """What is typed waits until the key before it has done what it does; all else goes its way."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._typed.append(event)
            await self._next_key()
        else:
            await super().on_event(event)

    async def _next_key(self) -> None:
        if self._key_under_way is not None or not self._typed:
            return
        # a key means that the terminal is looked at again: the widget that had the focus gets it back first
        self.app_focus = True
        target = self.focused or self.screen
        # a widget that goes away with the key may say nothing any more
        self._key_under_way = asyncio.get_running_loop().call_later(_KEY_SECONDS, self.post_message, self.KeyDone())
        await super().on_event(self._typed.popleft())
        if not target.post_message(self.KeyDone()):
            self.post_message(self.KeyDone())

    async def on_console_app_key_done(self) -> None:
        """On to the next one."""
        if self._key_under_way is not None:
            self._key_under_way.cancel()
            self._key_under_way = None
        await self._next_key()

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
        from pqtui.screens.passphrase import AskPassphrase

        def answered(text: str | None) -> None:
            event.reply.put(text)

        self.push_screen(AskPassphrase(event.text), answered)

    # from one session to the next

    def _begin_session(self) -> None:
        """Find the last session, and what has happened since."""
        keeper = self._keeper
        if keeper is None:
            return
        self.session, note = keeper.begin()
        self.draft = self.session.draft
        self.note = " ".join(part for part in (self.note, note) if part)

    def ask_news(self) -> None:
        """Find out what has happened since the last session."""
        keeper = self._keeper
        if keeper is not None:
            in_background(self, keeper.news, self._news_read)

    def _news_read(self, outcome: Outcome[News]) -> None:
        self.news = outcome.value or NOTHING
        told = sentence(self.news, self.now())
        if told:
            told += f" Press {self.key_texts['news']} to see them."
            self.note = " ".join(part for part in (self.note, told) if part)
            if self._main.is_mounted:  # else it begins with the note
                self._main.notice(self.note)

    def _session_now(self) -> SessionState:
        writing = next((s for s in reversed(self.screen_stack) if isinstance(s, Writing)), None)
        draft = writing.draft if writing is not None else self.draft
        return replace(self._main.session, draft=draft, at=self.now())

    def _keep_session(self) -> None:
        keeper = self._keeper
        if keeper is not None and self._main.is_mounted:
            session = self._session_now()
            if keeper.due(session):
                in_background(self, lambda: keeper.keep(session), lambda _: None)

    # the first lines

    def take_first(self) -> First | None:
        """What gives the first lines, for whoever asks first."""
        first, self._first = self._first, None
        return first

    def give_up(self, error: PQConsoleError) -> None:
        """There is nothing to show: leave, and say why on the terminal."""
        self.failure = error
        self.exit(int(error.exit_code))

    # the clipboard

    def copy(self, text: str) -> None:
        """Put text on the operator's clipboard; only ever called for a key that was pressed."""
        text = clipboard.safe(text)
        if not text:
            self._main.notice("There is nothing to copy.", error=True)
            return
        in_background(self, lambda: clipboard.to_tmux(text), lambda outcome: self._copied(text, bool(outcome.value)))

    def _copied(self, text: str, by_tmux: bool) -> None:
        if not by_tmux and self._driver is not None:
            self._driver.write(clipboard.sequence(text))
        lines = text.count("\n") + 1
        what = "1 line is" if lines == 1 else f"{lines:,} lines are"
        self._main.notice(f"{what} sent to the clipboard of {'tmux and of ' if by_tmux else ''}the terminal.")

    # another database

    def choose_profile(self) -> None:
        """Offer the profiles of the file."""
        if self._reopen is None:
            self._main.notice("This database was opened without profiles; there is none to go to.", error=True)
            return
        if self.local.active or self.local.claiming:
            self._main.notice("This console runs jobs of this database; stop that first.", error=True)
            return
        profile = self.workspace.settings.profile
        in_background(self, lambda: choices(profile), self._profiles_read)

    def _profiles_read(self, outcome: Outcome[list[Choice]]) -> None:
        if not outcome.value:
            self._main.notice(str(outcome.error or "The settings file has no profiles."), error=True)
            return
        from pqtui.screens.profiles import ChooseProfile

        self.push_screen(ChooseProfile(outcome.value, self.glyphs), self._profile_chosen)

    def _profile_chosen(self, name: str | None) -> None:
        reopen = self._reopen
        if name is None or reopen is None:
            return
        self._main.notice(f"Opening {clean(name, limit=64)}")
        in_background(self, lambda: reopen(name), self._opened)

    def _opened(self, outcome: Outcome[Workspace]) -> None:
        """Take the other database; where it cannot be opened, everything stays as it is."""
        if outcome.value is None:
            self._main.notice(str(outcome.error), error=True)
        elif self.local.active or self.local.claiming:  # begun while it was being opened
            outcome.value.close()
            self._main.notice("This console runs jobs of this database; stop that first.", error=True)
        else:
            try:
                parts = keymap.parts(outcome.value.settings.keys)
            except ConfigurationError as error:
                outcome.value.close()
                self._main.notice(str(error), error=True)
            else:
                self.parts = parts
                self._take(outcome.value)

    def _take(self, workspace: Workspace) -> None:
        self.key_texts = keymap.key_texts(self.parts)
        self.set_keymap(keymap.for_textual(self.parts))
        # a dialog or an editor that was opened meanwhile speaks of the old database
        while self.screen is not self._main:
            self.pop_screen()
        main, local, before = self._main, self.local, self.workspace

        def close() -> None:
            main.stop_feeds()
            local.stop(_STOP_SECONDS)
            if before is not self._given:  # whoever gave it closes it
                before.close()

        self._keep_session()
        self.workspace, self.local, self.draft, self.note = workspace, LocalWork(workspace), None, ""
        self.session, self.news = SessionState(), NOTHING
        if self._keeper is not None:
            self._keeper = SessionKeeper(workspace)
        self._begin_session()
        self.place, self.badge = _place(workspace), badge_of(workspace.settings)
        self._main = MainScreen(self)
        self.switch_screen(self._main)
        in_background(self, close, lambda _: None)

    # leaving

    def leave(self) -> None:
        """Stop the work here between batches, then exit."""
        keeper, session = self._keeper, self._session_now()

        def work() -> None:
            self.local.stop(_STOP_SECONDS)
            if keeper is not None:
                keeper.keep(session)

        in_background(self, work, lambda _: self.exit(int(ExitCode.OK)))

    def on_console_app_ended(self) -> None:
        """After a signal: exit, with what is on the screen put back."""
        if self._keeper is not None and self._main.is_mounted:
            # what was written last must not be lost; the database is not asked, it may be away
            self._keeper.keep(self._session_now(), ask=False)
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
        if self.workspace is not self._given:
            self.workspace.close()


def _place(workspace: Workspace) -> str:
    settings = workspace.settings
    words = [settings.profile or "", settings.shown_url]
    return clean("  ".join(word for word in words if word), limit=120)


def run(
    workspace: Workspace,
    *,
    note: str = "",
    reopen: Reopen | None = None,
    keep_session: bool = True,
    first: First | None = None,
) -> int:
    """Open the console and stay until it is left; gives the exit code (130 after a signal).

    Raises:
        PQConsoleError: ``first`` did.
    """
    app = ConsoleApp(workspace, note=note, reopen=reopen, keep_session=keep_session, first=first)
    with stopped_by_signals(lambda seconds: app.local.stop(seconds), app.signalled):
        try:
            code = app.run()
        finally:
            app.close()
    if app.failure is not None:
        raise app.failure
    return int(ExitCode.OK) if code is None else code
