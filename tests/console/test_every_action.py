"""Every action of the registry, pressed once: what it does shows, or why it cannot be done."""

from __future__ import annotations

from pqcore.workspace import Workspace
from pqtui.actions import ACTIONS
from tests.console.conftest import main, opened, screen_text, shows, until

# action -> the job under the cursor, and what the screen shows after its key
SHOWN: dict[str, tuple[int, str]] = {
    "new": (8, "New job"),
    "pause": (8, "Job 8 is asked to pause"),
    "resume": (5, "Job 5 is resumed"),
    "cancel": (7, "Cancel?"),
    "restart": (4, "Type the job's number, 4"),
    "retry": (4, "Job 4 is put back."),
    "requeue": (2, "Job 2 is put back for its dead letters."),
    "run": (8, "Job 8 is paused; resume it first."),
    "stop": (8, "Job 8 does not run in this console."),
    "tune": (8, "Limits of job 8"),
    "verify": (7, "Job 7 is pending; it has to be ended first."),
    "rollback": (1, "Job 1 kept no originals"),
    "finalize": (1, "Job 1 keeps no originals; there is nothing to finalize."),
    "records": (3, "[Events 2]"),
    "hand_over": (8, "Job 8 does not run in this console"),
    "clone": (3, "wrapped_key"),
    "filter": (8, "status:failed scope:wrappers"),
    "sort": (8, "Sort by"),
    "mark": (8, "1 marked"),
    "mark_all": (8, "8 marked"),
    "back": (8, "Jobs 8 "),
    "copy": (8, "sent to the clipboard of"),
    "export": (8, "esc leaves it"),
    "estate": (8, "salted"),
    "pane_detail": (8, "[Overview]"),
    "pane_metrics": (8, "Status"),
    "pane_jobs": (8, "Jobs 8"),
    "refresh": (8, "live"),
    "hold": (8, "FROZEN"),
    "work": (8, "This console now runs whatever is due."),
    "profile": (8, "profile"),
    "help": (8, "Create a job"),
    "palette": (8, "Search for"),
}
ELSEWHERE = {"quit"}  # in test_session


async def test_every_action_shows_what_it_did_or_why_not(filled: Workspace) -> None:
    by_id = {action.id: action for action in ACTIONS}
    assert set(SHOWN) | ELSEWHERE == set(by_id)
    async with opened(filled, (160, 44)) as pilot:
        screen = main(pilot)
        # what begins to claim jobs comes last
        for action_id in sorted(SHOWN, key="work".__eq__):
            job_id, text = SHOWN[action_id]
            screen.lines.move_to(8 - job_id)
            await until(
                pilot, lambda job_id=job_id: screen.lines.current is not None and screen.lines.current.id == job_id
            )
            await pilot.press(by_id[action_id].keys[0])
            if action_id == "records":
                await pilot.press("right")
            await shows(pilot, text)
            for _ in range(4):
                if pilot.app.screen is not screen:
                    await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen)
            if action_id == "filter":
                await pilot.press("escape")  # out of its field
            if action_id == "hold":
                await pilot.press("f")
                await until(pilot, lambda: "FROZEN" not in screen_text(pilot))
            await pilot.press("1")
