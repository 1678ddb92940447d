"""The console's own colours, and which theme a session begins with."""

from __future__ import annotations

import os
from collections.abc import Mapping

from textual.theme import Theme

DARK = Theme(
    name="pqconsole",
    primary="#5aa9e6",
    secondary="#7f8fa6",
    accent="#e0a458",
    success="#7fc97f",
    warning="#e5c07b",
    error="#ef6f6c",
    foreground="#d5dbe3",
    background="#121518",
    surface="#181b20",
    panel="#252a32",
    dark=True,
    variables={
        "footer-key-foreground": "#e0a458",
        "border": "#324154",
        "block-cursor-text-style": "none",
        "input-selection-background": "#5aa9e6 35%",
    },
)
LIGHT = Theme(
    name="pqconsole-light",
    primary="#1f6fb2",
    secondary="#5d6b7e",
    accent="#a5610b",
    success="#2f7d32",
    warning="#94690a",
    error="#b3261e",
    foreground="#1b2430",
    background="#f6f8fa",
    surface="#ffffff",
    panel="#e9edf2",
    dark=False,
    variables={"border": "#b8c4d2", "block-cursor-text-style": "none"},
)
THEMES = (DARK, LIGHT)


def first_theme(env: Mapping[str, str] = os.environ) -> str:
    """The theme to begin with: ``PQCONSOLE_THEME``, else the terminal's own palette where it has few colours."""
    if name := env.get("PQCONSOLE_THEME"):
        return name
    term = env.get("TERM", "")
    rich_colours = "256color" in term or "truecolor" in env.get("COLORTERM", "") or "direct" in term
    return DARK.name if rich_colours or not term else "ansi-dark"
