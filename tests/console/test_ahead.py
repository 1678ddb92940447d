"""Work that is done ahead in a process of its own, and a console that begins with it."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pqcore.errors import DatabaseUnavailable, SchemaError
from pqcore.settings import load
from pqcore.workspace import Workspace
from pqtui.ahead import Ahead
from pqtui.app import ConsoleApp
from pqtui.first_lines import read_first_lines
from pqtui.session_state import SessionState, session_file, write_session
from tests.console.conftest import main, opened, shows

# newer Pythons warn of it wherever an earlier test has left a thread
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def nothing() -> None:
    """Loads nothing."""


def begun(work: Callable[[int], int]) -> Ahead[int, int]:
    ahead = Ahead(work, nothing)
    ahead.begin(7)
    return ahead


def test_an_answer_comes_from_another_process_to_what_it_was_told() -> None:
    ahead = Ahead(lambda number: (number + 1, os.getpid()), nothing)
    ahead.begin(7)
    answer, pid = ahead.result()
    assert answer == 8
    assert pid != os.getpid()


def test_what_it_needs_is_loaded_before_it_is_told(tmp_path: Path) -> None:
    ahead = Ahead(lambda number: number, (tmp_path / "loaded").touch)
    while not (tmp_path / "loaded").exists():
        pass
    ahead.begin(7)
    assert ahead.result() == 7


def test_an_error_is_raised_here_with_its_remedy() -> None:
    def refuse(_number: int) -> int:
        raise DatabaseUnavailable("There is no answer", "Start the server")

    with pytest.raises(DatabaseUnavailable, match=r"There is no answer\. Start the server\."):
        begun(refuse).result()


def test_what_dies_or_fails_unexpectedly_is_done_here() -> None:
    here = os.getpid()

    def killed(number: int) -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid() + number

    def broken(number: int) -> int:
        if os.getpid() != here:
            raise ValueError
        return os.getpid() + number

    assert begun(killed).result() == here + 7
    assert begun(broken).result() == here + 7
    ahead = Ahead(lambda number: number, lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert ahead._pid is not None
    os.waitid(os.P_PID, ahead._pid, os.WEXITED | os.WNOWAIT)
    ahead.begin(7)  # nobody reads it
    assert ahead.result() == 7


@pytest.mark.parametrize("told", [True, False])
def test_what_is_no_longer_wanted_leaves_no_process(told: bool) -> None:
    ahead = Ahead(lambda _number: signal.pause(), nothing)
    if told:
        ahead.begin(7)
    pid = ahead._pid
    assert pid is not None
    ahead.end()
    ahead.end()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)
    ahead._answers.close()


def test_a_workspace_goes_to_another_process_with_its_password_and_without_keys(filled: Workspace) -> None:
    copy = pickle.loads(pickle.dumps(filled))
    assert copy.jobs.get(1) == filled.jobs.get(1)
    assert copy.actor == filled.actor
    with pytest.raises(AssertionError):
        copy.keys  # noqa: B018
    copy.close()


async def test_a_console_shows_first_what_was_read_for_it(filled: Workspace) -> None:
    write_session(session_file(filled.settings), SessionState(filter="scope:hashes"))
    first = read_first_lines(filled, 24)
    prepared = Workspace.prepared(filled.settings)
    async with opened(prepared, first=lambda: first) as pilot:
        await shows(pilot, "scope:hashes", "Jobs 5 of 8")  # then it reads by itself
        assert [job.id for job in main(pilot).lines.rows] == [job.id for job in first.snapshot.rows]
    prepared.close()


async def test_a_console_without_a_database_leaves_and_says_why(tmp_path: Path) -> None:
    settings = load(url=f"sqlite:///{tmp_path}/none.db", env={"PQCONSOLE_HOME": str(tmp_path)})
    prepared = Workspace.prepared(settings)

    def first() -> None:
        raise SchemaError("There is no database", "Make it with pqconsole init")

    app = ConsoleApp(prepared, first=first)  # type: ignore[arg-type]
    async with app.run_test():
        pass
    assert isinstance(app.failure, SchemaError)
    assert app.return_value == SchemaError.exit_code
    app.close()
    assert not (tmp_path / "none.db").exists()
    prepared.close()
