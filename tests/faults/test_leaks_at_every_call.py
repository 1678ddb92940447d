"""Every function of the cryptography, formats, keys and migrations that a job calls fails once, quoting its arguments.

``tests/leaks`` does so for those where a leak is likeliest; this takes minutes.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

from tests.cli.conftest import own_logs  # noqa: F401 - each test keeps its logs in its own home
from tests.leaks.estate import Estate
from tests.leaks.test_leaks import Chatty, failing

PACKAGES = ("pqcore.crypto", "pqcore.formats", "pqcore.keys", "pqcore.migrations")
# Without these nothing is left to be looked at: the module's own constants, and what tells one error from another.
KEPT = frozenset({"__init__", "__hash__", "__eq__", "__repr__", "__post_init__"})


@dataclass(frozen=True)
class Called:
    """A function, and every place that refers to it: (module or class, name)."""

    name: str
    places: tuple[tuple[Any, str], ...]


def functions() -> Iterator[tuple[CodeType, Any, str]]:
    """The functions of the packages with each owner that refers to them."""
    for module in [m for name, m in sys.modules.items() if name.startswith("pqcore.") and m is not None]:
        for name, value in list(vars(module).items()):
            if isinstance(value, FunctionType) and value.__module__.startswith(PACKAGES):
                yield value.__code__, module, name
            elif (
                inspect.isclass(value) and value.__module__ == module.__name__ and module.__name__.startswith(PACKAGES)
            ):
                for attribute, method in list(vars(value).items()):
                    if isinstance(method, FunctionType) and attribute not in KEPT:
                        yield method.__code__, value, attribute


def called_by(work: Callable[[], object]) -> list[Called]:
    """What ``work`` calls of the packages, in this thread and in those that it starts."""
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    places: dict[CodeType, list[tuple[Any, str]]] = {}
    for code, owner, name in functions():
        if code in seen and "pqcore" in Path(code.co_filename).parts:
            places.setdefault(code, []).append((owner, name))
    found = [
        Called(f"{code.co_filename.rpartition('/')[2]}:{code.co_qualname}", tuple(p)) for code, p in places.items()
    ]
    return sorted(found, key=lambda each: each.name)


@pytest.mark.parametrize("scope", ["wrappers", "signatures", "hashes"])
def test_no_call_that_fails_leaves_a_secret(
    scope: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    template = Estate.build(tmp_path / "template", f"sqlite:///{tmp_path / 'template' / 'data.sqlite'}")
    job = template.create(scope, keep_originals=True)
    once = template.copied_to(tmp_path / "once")
    called = called_by(lambda: once.ok("jobs", "run", job))
    assert len(called) > 40
    failed = 0
    for number, each in enumerate(called):
        estate = template.copied_to(tmp_path / str(number))
        with monkeypatch.context() as patch:
            for owner, name in each.places:
                patch.setattr(owner, name, failing)
            done = estate.run("jobs", "run", job)
        failed += done.returncode != 0
        estate.run("jobs", "show", job, "--dead-letters", "--json")
        estate.said.extend(capfd.readouterr())
        findings = estate.findings(migrated=False)
        assert findings.found == {}, each.name
    assert failed > len(called) // 2
    assert issubclass(Chatty, Exception)
