"""Changes a keyring and kills itself at one step after the other: run by test_killed_writer in a process of its own.

Arguments: a folder, what to change, and whether to die before or after the step. A step is a call that changes the
disk. Each is taken in a fork on a copy of the keyring, until a writer comes to its end; prints the number of steps.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pqcore.keys.file import FileKeyProvider
from pqcore.keys.provider import KeyState
from pqcore.keys.sealing import Cost

STEPS = ("open", "rename", "fsync", "unlink")


def opened(folder: Path) -> FileKeyProvider:
    return FileKeyProvider(folder / "keyring.json", lambda: "old", cost=Cost(64, 1))


CHANGES: dict[str, Callable[[FileKeyProvider], object]] = {
    "generate": lambda keys: keys.generate("d", "AES-256"),
    "retire": lambda keys: keys.change_state("a:1", KeyState.RETIRED),
    "passphrase": lambda keys: keys.change_passphrase(lambda: "new"),
}


class Killer:
    """Counts steps, and kills this process at one of them."""

    def __init__(self, last: int, when: str) -> None:
        self._left, self._when = last, when

    def watch(self, name: str) -> None:
        call = getattr(os, name)

        def step(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return call(*args, **kwargs)
            self._left -= 1
            if self._left == 0 and self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return call(*args, **kwargs)
            finally:  # a step may also fail, as the moving of a backup that is not there
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        setattr(os, name, step)


def main(home: Path, change: str, when: str) -> None:
    start = home / "start"
    for name in ("a", "b", "c"):
        opened(start).generate(name, "AES-256")
    for last in range(1, 100):
        folder = home / str(last)
        shutil.copytree(start, folder)
        child = os.fork()
        if child == 0:
            killer = Killer(last, when)
            for name in STEPS:
                killer.watch(name)
            CHANGES[change](opened(folder))
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            print(last)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
