"""The first lines of the list, as the last session left it: what a console shows before anything else.

Loads nothing of the screen, so that a process of its own can read them while the screen is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from pqcore.errors import UsageError
from pqcore.jobs.filter import JobFilter, parse_filter
from pqcore.patience import SCREEN_SECONDS, lock_patience
from pqcore.workspace import Workspace
from pqtui.session_state import read_session, session_file
from pqtui.snapshots import ListQuery, ListReader, ListSnapshot
from pqtui.window import MARGIN


@dataclass(frozen=True, slots=True)
class FirstLines:
    """A part of the list, the query that it answers, and the monotonic second at which reading it began."""

    query: ListQuery
    snapshot: ListSnapshot
    at: float


def read_first_lines(workspace: Workspace, height: int) -> FirstLines:
    """Connect, check the schema, read as many jobs as a terminal of ``height`` lines can show.

    Raises:
        DatabaseError: the database cannot be reached, or its schema is missing.
    """
    with lock_patience(SCREEN_SECONDS):
        workspace.require_schema()
        session, _ = read_session(session_file(workspace.settings))
        query = ListQuery(_filter(session.filter), session.sort, 0, height + MARGIN)
        began = monotonic()
        return FirstLines(query, ListReader(workspace.jobs)(query), began)


def _filter(text: str) -> JobFilter:
    try:
        return parse_filter(text)
    except UsageError:
        return JobFilter()
