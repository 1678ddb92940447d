"""Counting values by what they are: bounded memory, and nothing of a value but its form and its length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pqcore.formats.detection.forms import Basis, Candidate, Detection, State
from pqcore.formats.encoding import Encoding

_MOST = 512  # forms told apart; a table full of key ids must not fill the memory
_UNCOUNTED = frozenset({State.EMPTY, State.UNUSABLE})


@dataclass(frozen=True, slots=True)
class Group:
    """Values that are counted together. ``declared`` is the algorithm's name as the neighbour spells it, or empty."""

    state: State
    candidates: tuple[Candidate, ...]
    basis: Basis
    encoding: Encoding | None
    declared: str = ""

    @property
    def detection(self) -> Detection:
        """What its values are."""
        return Detection(self.state, self.candidates, self.basis, self.encoding)


@dataclass(slots=True)
class Counted:
    """How many values a group has, and their lengths."""

    values: int = 0
    shortest: int = 0
    longest: int = 0

    def add(self, length: int) -> None:
        self.shortest = length if not self.values else min(self.shortest, length)
        self.longest = max(self.longest, length)
        self.values += 1


class Tally:
    """The counts of one column."""

    def __init__(self) -> None:
        self.read = 0
        self._groups: dict[Group, Counted] = {}

    def add(self, detection: Detection, declared: str = "") -> None:
        """Count one value."""
        self.read += 1
        group = Group(detection.state, detection.candidates, detection.basis, detection.encoding, declared)
        counted = self._groups.get(group)
        if counted is None:
            if len(self._groups) >= _MOST:
                group = _plain(group)
            counted = self._groups.setdefault(group, Counted())
        counted.add(detection.length)

    def __iter__(self) -> Iterator[tuple[Group, Counted]]:
        """The groups, the largest first."""
        return iter(sorted(self._groups.items(), key=lambda item: -item[1].values))

    def count(self, *states: State) -> int:
        """Values in any of these states."""
        return sum(counted.values for group, counted in self._groups.items() if group.state in states)

    @property
    def held(self) -> int:
        """Values that hold something: neither empty nor marked as unusable."""
        return self.read - self.count(*_UNCOUNTED)


def is_held(group: Group) -> bool:
    """Whether values of this group hold something."""
    return group.state not in _UNCOUNTED


def _plain(group: Group) -> Group:
    """A group without the details of its candidates."""
    return replace(group, candidates=tuple(dict.fromkeys(Candidate(c.form) for c in group.candidates)))
