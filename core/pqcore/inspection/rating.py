"""How a form stands under a policy: DESIGN's four classes, and "unclear" where the value does not tell.

Honest on both sides: Argon2id, bcrypt, HMAC and AES are not broken by Shor's algorithm; a slow password hash with too
little cost is below the level, not broken; MD5 and SHA-1 are weak whether quantum computers come or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pqcore.crypto.catalogue import find
from pqcore.formats.detection.forms import Candidate, Detection, State, Threat, Use
from pqcore.policies import POLICIES, Policy


class Standing(StrEnum):
    """The classes, most urgent first."""

    WEAK = "weak already today"
    QUANTUM = "broken by a quantum computer"
    BELOW = "below the policy's level"
    FINE = "fine"
    UNCLEAR = "unclear"  # the value does not tell, or is no cryptography that is known here


@dataclass(frozen=True, slots=True)
class Rating:
    """A class, and why in a few words (may be empty where it is fine)."""

    standing: Standing
    why: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """What a policy asks of stored values: its name and the least security category for each role."""

    policy: str
    floor: Mapping[str, int]


DEFAULT_POLICY = POLICIES[0].name
_ROLES = {
    Use.WRAPPED_KEY: "kem",
    Use.SIGNATURE: "sig",
    Use.DIGEST: "hash",
    Use.MAC: "hash",
    Use.CIPHERTEXT: "symmetric",
}
_CIPHERS = ("AES", "ChaCha20", "JWE A", "JWE dir")


def level_of(policy: Policy) -> Level:
    """What a policy of this program asks for."""
    return Level(policy.name, policy.floor)


def level_of_algorithms(name: str, algorithms: Mapping[str, tuple[str, ...]]) -> Level:
    """What a policy that only lists algorithms asks for: of each role the weakest that it lists.

    Args:
        algorithms: role -> catalogue labels; a role that lists none asks for nothing.
    """
    floor: dict[str, int] = {}
    for role, labels in algorithms.items():
        categories = [level for label in labels if (level := find(label).nist_level) is not None]
        if categories:
            floor[role] = min(categories)
    return Level(name, floor)


def rate(detection: Detection, level: Level) -> Rating:
    """The class of a value.

    Several candidates give the one that all have; where they differ and none is fine, the mildest: it is at least so.
    """
    if detection.state is State.DAMAGED:
        return Rating(Standing.UNCLEAR, "it does not parse")
    ratings = [rate_candidate(candidate, level) for candidate in detection.candidates]
    if not ratings:
        return Rating(Standing.UNCLEAR, "no form that is known")
    first = ratings[0]
    if all(rating.standing is first.standing for rating in ratings):
        return first if len({r.why for r in ratings}) == 1 else Rating(first.standing)
    found = {rating.standing for rating in ratings}
    if not found & {Standing.FINE, Standing.UNCLEAR}:
        mildest = max(found, key=list(Standing).index)
        return Rating(mildest, "at least, whichever form it is")
    return Rating(Standing.UNCLEAR, "the value does not tell which form it is")


def rate_candidate(candidate: Candidate, level: Level) -> Rating:
    """The class of one form with its cost."""
    form = candidate.form
    if form.threat is Threat.TODAY:
        return Rating(Standing.WEAK, form.why)
    if form.threat is Threat.QUANTUM:
        return Rating(Standing.QUANTUM, form.why)
    if form.use is Use.PASSWORD:
        return _password(candidate)
    role = _ROLES.get(form.use)
    if role is None:
        return Rating(Standing.UNCLEAR, "it may be no cryptography at all")
    if any(cipher in form.name for cipher in _CIPHERS):
        role = "symmetric"
    if form.category is None:
        return Rating(Standing.UNCLEAR, "its strength is not known")
    floor = level.floor.get(role, 0)
    if form.category == 0:
        return Rating(Standing.BELOW, "retired; not broken by a quantum computer")
    if form.category < floor:
        return Rating(Standing.BELOW, f"category {form.category}, {level.policy} asks for {floor}")
    return Rating(Standing.FINE)


def _password(candidate: Candidate) -> Rating:
    name = candidate.form.name
    rule = next((rule for start, rule in _COSTS if name.startswith(start)), None)
    if rule is None:
        return Rating(Standing.BELOW, f"Argon2id is asked for; {_NOT_BROKEN}")
    enough, asked = rule
    held = enough(candidate)
    if held is None:
        return Rating(Standing.UNCLEAR, "its cost is not known")
    return Rating(Standing.FINE) if held else Rating(Standing.BELOW, f"its cost: {asked} is asked for; {_NOT_BROKEN}")


_NOT_BROKEN = "not broken by a quantum computer"


def _at_least(name: str, least: int) -> Callable[[Candidate], bool | None]:
    def enough(candidate: Candidate) -> bool | None:
        value = candidate.detail(name)
        return value >= least if isinstance(value, int) else None

    return enough


def _argon2(candidate: Candidate) -> bool | None:
    memory, passes = candidate.detail("m"), candidate.detail("t")
    if not isinstance(memory, int) or not isinstance(passes, int):
        return None
    # The settings that the cheat sheet holds for equal, from 46 MiB and one pass to 7 MiB and five.
    return memory >= 7168 and memory * passes >= 7168 * 5


def _scrypt(candidate: Candidate) -> bool | None:
    n, r, p = (candidate.detail(name) for name in ("n", "r", "p"))
    if not isinstance(n, int) or not isinstance(r, int) or not isinstance(p, int):
        return None
    # As above: memory of 128 * n * r bytes, from 128 MiB and p = 1 to 8 MiB and p = 10.
    return n * r >= 2**13 * 8 and n * r * p >= 2**13 * 8 * 10


# Least costs of the OWASP Password Storage Cheat Sheet; the first whose start fits.
_COSTS: tuple[tuple[str, tuple[Callable[[Candidate], bool | None], str]], ...] = (
    ("Argon2id", (_argon2, "m=19456,t=2 or as much")),
    ("bcrypt", (_at_least("cost", 10), "10")),
    ("scrypt", (_scrypt, "N=2^17,r=8,p=1 or as much")),
    ("PBKDF2-HMAC-SHA-256", (_at_least("iterations", 600_000), "600,000")),
    ("SCRAM-SHA-256", (_at_least("iterations", 600_000), "600,000")),
    ("PBKDF2-HMAC-SHA-512", (_at_least("iterations", 210_000), "210,000")),
    ("PBKDF2-HMAC-SHA-1", (_at_least("iterations", 1_300_000), "1,300,000")),
    ("yescrypt", (lambda _: True, "")),
)
