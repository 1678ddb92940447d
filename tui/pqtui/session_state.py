"""What a console remembers from one session to the next: filter, order, span, chosen and unfinished job, what was seen.

A private file (0600) for each profile and database in the platform's state directory. It holds no secret: what is
being written names keys, never contains them. Marks are not kept: an action must not fall on what was marked days ago.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from pqcore.errors import KeyStoreError
from pqcore.jobs.sort import Sort
from pqcore.keys.private_files import open_folder, read_private, replace_private
from pqcore.migrations.base import Scope
from pqcore.settings import Origin, Settings
from pqtui.draft import Draft

_LIMIT = 4 << 20  # bytes
_VERSION = 1


@dataclass(frozen=True, slots=True)
class SessionState:
    """One session as it was left.

    Attributes:
        filter: as it was typed.
        sort: order of the list.
        job_id: the job under the cursor.
        draft: a job that is being written.
        last_event: id of the newest event there was; None where it was never read.
        at: when this was true, aware.
        span: id of how far back plots look; empty where none was chosen.
    """

    filter: str = ""
    sort: Sort = field(default_factory=Sort)
    job_id: int | None = None
    draft: Draft | None = None
    last_event: int | None = None
    at: datetime | None = None
    span: str = ""


def session_file(settings: Settings) -> Path:
    """Where the session of this profile and database is kept."""
    if settings.origins["data_dir"] is Origin.ENV:
        folder = settings.data_dir / "state"
    else:
        folder = Path(platformdirs.user_state_dir("pqconsole", appauthor=False))
    place = f"{settings.profile or ''}\0{_database(settings.shown_url)}"
    return folder / "sessions" / f"{hashlib.sha256(place.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}.json"


def _database(url: str) -> str:
    """Which database a URL names, whoever logs in to it."""
    scheme, colons, rest = url.partition("://")
    return url if rest.startswith("/") else f"{scheme}{colons}{rest.rpartition('@')[2]}"


def read_session(path: Path) -> tuple[SessionState, str]:
    """The session of last time, and a sentence on why there is none where one could not be used; both may be empty."""
    try:
        with open_folder(path.parent) as folder:
            content, _ = read_private(path, folder, limit=_LIMIT)
        return _state(json.loads(content)), ""
    except FileNotFoundError:
        return SessionState(), ""
    except KeyStoreError as error:
        return SessionState(), f"What was kept of the last session is passed over: {error.message}."
    except (ValueError, TypeError, KeyError, OSError, RecursionError):
        return SessionState(), f"What was kept of the last session is passed over: {path} cannot be read."


def write_session(path: Path, state: SessionState) -> None:
    """Keep a session; a crash leaves the old or the new one, whole.

    Raises:
        KeyStoreError, OSError: it cannot be written.
    """
    content = json.dumps(_document(state), indent=1).encode()
    with open_folder(path.parent, create=True) as folder:
        replace_private(path.name, content, folder, previous=None)


def _document(state: SessionState) -> dict[str, Any]:
    draft = state.draft
    return {
        "version": _VERSION,
        "filter": state.filter,
        "sort": [state.sort.column, state.sort.descending, state.sort.empty_first],
        "job_id": state.job_id,
        "draft": None
        if draft is None
        else {
            "scope": draft.scope.value,
            "algorithm_id": draft.algorithm_id,
            "policy_id": draft.policy_id,
            "text": draft.text,
        },
        "last_event": state.last_event,
        "at": state.at.astimezone(UTC).isoformat() if state.at is not None else None,
        "span": state.span,
    }


def _state(document: dict[str, Any]) -> SessionState:
    """Raises ValueError, TypeError, KeyError where it is no document of ours."""
    if document["version"] != _VERSION:
        raise ValueError("another version")
    column, descending, empty_first = document["sort"]
    draft, at = document["draft"], document["at"]
    return SessionState(
        filter=_text(document["filter"]),
        sort=Sort(_text(column), bool(descending), bool(empty_first)),
        job_id=_number(document["job_id"]),
        draft=None
        if draft is None
        else Draft(
            Scope(draft["scope"]), _number(draft["algorithm_id"]), _number(draft["policy_id"]), _text(draft["text"])
        ),
        last_event=_number(document["last_event"]),
        at=None if at is None else datetime.fromisoformat(_text(at)).astimezone(UTC),
        span=_text(document.get("span", "")),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError("no number")
    return value
