"""Long work is stopped by a signal, and waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from pqcore.errors import ExitCode
from pqtui.cli.signals import Interrupted, run_stoppable


def test_the_result_of_the_work_is_returned() -> None:
    assert run_stoppable(lambda: 42, lambda: None) == 42


def test_the_error_of_the_work_is_raised() -> None:
    def work() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        run_stoppable(work, lambda: None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_work_and_waits_for_its_checkpoint(number: signal.Signals) -> None:
    asked = threading.Event()
    checkpoints = []

    def work() -> None:
        os.kill(os.getpid(), number)
        assert asked.wait(10)
        checkpoints.append("written")

    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=number.name) as caught:
        run_stoppable(work, asked.set)
    assert checkpoints == ["written"]
    assert caught.value.exit_code is ExitCode.INTERRUPTED
    assert signal.getsignal(number) is before


def test_a_second_signal_leaves_at_once() -> None:
    program = (
        "import threading\n"
        "from pqtui.cli.signals import run_stoppable\n"
        "def wait(word):\n"
        "    print(word, flush=True)\n"
        "    threading.Event().wait()\n"
        "run_stoppable(lambda: wait('working'), lambda: wait('stopping'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"working\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"stopping\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 130


def test_no_thread_of_the_work_takes_a_signal_from_the_one_that_waits_for_it() -> None:
    """A signal that went to another thread would leave the main one waiting, and the work going on."""
    blocked: list[set[int]] = []

    def work() -> None:
        helper = threading.Thread(target=lambda: blocked.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))))
        helper.start()
        helper.join()

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    run_stoppable(work, lambda: None)
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} <= blocked[0]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
