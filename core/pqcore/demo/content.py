"""What the demonstration's rows say: names, titles and texts, the same for the same seed."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta

START = datetime(2019, 3, 4, 8, 0, tzinfo=UTC)

_GIVEN = (
    *("Ada", "Amir", "Anna", "Bo", "Chen", "Clara", "David", "Elif", "Emma", "Femi", "Grace", "Hana", "Ines", "Ivan"),
    *("Jonas", "Kira", "Lars", "Lea", "Mei", "Noor", "Omar", "Pia", "Ravi", "Rosa", "Sami", "Tom", "Uma", "Zoë"),
)
_FAMILY = (
    *("Adeyemi", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ito", "Jensen", "Kaya"),
    *("Larsen", "Moreau", "Novák", "Okafor", "Peters", "Quist", "Rossi", "Schmidt", "Tanaka", "Varga", "Zhou"),
)
_ROLES = ("member", "member", "member", "member", "editor", "admin")
_KINDS = ("Contract", "Invoice", "Report", "Offer", "Minutes", "Handbook", "Payroll", "Audit")
_PARTNERS = ("Northwind", "Lumen", "Harbour", "Meridian", "Alder", "Quarry", "Beacon", "Tidewater")
_ACTIONS = ("login", "document.open", "document.share", "role.grant", "export.start", "key.rotate")
STREAMS = ("access", "admin", "billing")


class Content:
    """Rows' plain content by number, counted from 1; no cryptographic material comes from here."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def user(self, number: int) -> tuple[str, str, str]:
        """Display name, unique e-mail address, role."""
        dice = self._dice("user", number)
        given, family = dice.choice(_GIVEN), dice.choice(_FAMILY)
        return f"{given} {family}", f"user{number}@example.com", "admin" if number == 1 else dice.choice(_ROLES)

    def document(self, number: int) -> tuple[str, bytes]:
        """Title, and a body of a few hundred bytes."""
        dice = self._dice("document", number)
        kind, partner = dice.choice(_KINDS), dice.choice(_PARTNERS)
        lines = [f"{kind} {number} for {partner}."]
        lines += [
            f"Item {item}: {dice.randrange(1, 90)} pieces at {dice.randrange(100, 99999) / 100:.2f} EUR."
            for item in range(1, dice.randrange(4, 14))
        ]
        return f"{kind} {number} – {partner}", "\n".join(lines).encode()

    def audit(self, number: int, users: int) -> tuple[int, str, str, datetime]:
        """Actor's id, action, the signed payload (JSON text) and its time."""
        dice = self._dice("audit", number)
        actor, action, at = dice.randrange(1, users + 1), dice.choice(_ACTIONS), self.moment(number)
        record = {
            "no": number,
            "actor": actor,
            "action": action,
            "at": at.isoformat(),
            "target": dice.randrange(1, 10**6),
        }
        return actor, action, json.dumps(record, separators=(",", ":")), at

    def file(self, number: int) -> tuple[str, str, bytes]:
        """Id (a UUID's text), path, and content of up to two kilobytes."""
        dice = self._dice("file", number)
        name = f"/uploads/{dice.randrange(2019, 2026)}/{dice.choice(_KINDS).lower()}-{number:06}.bin"
        return str(uuid.UUID(int=dice.getrandbits(128), version=4)), name, dice.randbytes(dice.randrange(64, 2048))

    def partner(self, number: int) -> str:
        """A partner's name."""
        return f"{self._dice('partner', number).choice(_PARTNERS)} {number}"

    def moment(self, number: int) -> datetime:
        """When the row of this number came to be: UTC, whole seconds, later rows later."""
        return START + timedelta(minutes=37 * number, seconds=self._dice("moment", number).randrange(60))

    def _dice(self, kind: str, number: int) -> random.Random:
        return random.Random(f"{self._seed}/{kind}/{number}")  # noqa: S311 - looks, not secrets
