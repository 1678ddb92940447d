"""What marks a database: a word in a colour of its own, PRODUCTION where the profile says so."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from pqcore.settings import Settings
from pqcore.text import clean
from pqtui.styles import MUTED

PRODUCTION = "PRODUCTION"
_PRODUCTION_COLOUR = "red"


@dataclass(frozen=True, slots=True)
class Badge:
    """The words, and one of ``pqcore.settings.COLOURS`` or an empty text. The colour never says anything alone."""

    word: str
    colour: str = ""

    @property
    def style(self) -> str:
        """The style of the badge: colours of the terminal's own palette, reversed."""
        return f"bold reverse ansi_{self.colour}" if self.colour else "bold reverse"

    @property
    def content(self) -> Content:
        """The badge as the top line and dialogs show it."""
        return Content.styled(f" {self.word} ", self.style)


def place_text(badge: Badge | None, place: str) -> Content:
    """The badge, then profile and database in quieter words; either may be missing."""
    parts = [badge.content] if badge is not None else []
    if place:
        parts.append(Content.styled(f" {clean(place)}", MUTED))
    return Content("").join(parts)


def badge_of(settings: Settings) -> Badge | None:
    """The badge of the database that is opened; None where the profile asks for none."""
    label = clean(settings.label, limit=32)
    if not settings.production:
        return Badge(label, settings.colour) if label else None
    named = label.upper().startswith(PRODUCTION) or not label
    return Badge(label or PRODUCTION if named else f"{PRODUCTION} {label}", settings.colour or _PRODUCTION_COLOUR)
