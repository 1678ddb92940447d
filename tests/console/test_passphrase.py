"""Asking for a passphrase while the console has the screen."""

from __future__ import annotations

import subprocess
import sys
from queue import Queue
from threading import Thread

from pqcore.errors import KeyStoreError
from pqcore.workspace import Workspace
from pqtui import passphrase
from tests.console.conftest import main, opened, screen_text, shows, type_text, until


def ask_beside(answers: Queue[object]) -> None:
    def body() -> None:
        try:
            answers.put(passphrase.ask("Passphrase of keyring.json: "))
        except KeyStoreError as error:
            answers.put(error)

    Thread(target=body, daemon=True).start()


async def test_a_thread_gets_what_is_typed_and_nothing_of_it_is_shown(empty: Workspace) -> None:
    answers: Queue[object] = Queue()
    async with opened(empty) as pilot:
        ask_beside(answers)
        await shows(pilot, "Passphrase of keyring.json")
        await type_text(pilot, "correct horse")
        assert "horse" not in screen_text(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: not answers.empty())
        assert answers.get() == "correct horse"
        assert pilot.app.screen is main(pilot)


async def test_a_dismissed_question_is_an_error_with_a_remedy(empty: Workspace) -> None:
    answers: Queue[object] = Queue()
    async with opened(empty) as pilot:
        ask_beside(answers)
        await shows(pilot, "Passphrase of keyring.json")
        await pilot.press("escape")
        await until(pilot, lambda: not answers.empty())
        assert isinstance(answers.get(), KeyStoreError)


def test_the_prompt_loads_no_textual() -> None:
    code = "import sys, pqtui.passphrase; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
