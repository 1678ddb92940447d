"""Names of styles that styled texts share; themes give them their colours."""

from __future__ import annotations

MUTED = "$foreground-muted"
