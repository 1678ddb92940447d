"""Keeps the session of one database while a console is open, and tells what happened before it was opened."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock

from pqcore.errors import PQConsoleError
from pqcore.workspace import Workspace
from pqtui.news import NOTHING, News, news_of
from pqtui.session_state import SessionState, read_session, session_file, write_session
from pqtui.snapshots import safe_event

_EVENTS = 2000
# what has happened meanwhile is noted at least so often, whether or not the operator touched anything
_OFTEN_SECONDS = 60.0

_log = logging.getLogger(__name__)


class SessionKeeper:
    """The session file of a workspace. ``begin`` and ``due`` are quick; the others block on disk and database."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._path: Path = session_file(workspace.settings)
        self._lock = Lock()
        self._kept = self._before = SessionState()

    def begin(self) -> tuple[SessionState, str]:
        """The session of last time, and a note where it could not be used."""
        self._before, note = read_session(self._path)
        self._kept = self._before
        return self._before, note

    def news(self) -> News:
        """What happened since that session; nothing where there was none."""
        before = self._before
        if before.last_event is None:
            return NOTHING
        events = [safe_event(event) for event in self._workspace.jobs.events(limit=_EVENTS, after=before.last_event)]
        return news_of(events, before.at, cut=len(events) == _EVENTS)

    def due(self, session: SessionState) -> bool:
        """Whether this session differs from the one that is kept, or that is old."""
        kept = self._kept
        if kept.at is None or session.at is None or (session.at - kept.at).total_seconds() >= _OFTEN_SECONDS:
            return True
        return replace(session, at=kept.at, last_event=kept.last_event) != kept

    def keep(self, session: SessionState, *, ask: bool = True) -> None:
        """Write the session, with the newest event there is (``ask``: else the last one that is known).

        A disk that is full must not keep anybody from leaving: it is logged.
        """
        last = self._kept.last_event
        if ask:
            with suppress(PQConsoleError):  # the database is away: what was known stays
                last = next((event.id for event in self._workspace.jobs.events(limit=1)), 0)
        with self._lock:
            self._kept = replace(session, last_event=last)
            try:
                write_session(self._path, self._kept)
            except (PQConsoleError, OSError) as error:
                _log.warning("the session cannot be kept: %s", type(error).__name__)
