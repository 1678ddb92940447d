"""The four classes, and honesty: what Shor's algorithm does not break is never called broken."""

from __future__ import annotations

import hashlib
import os

import pytest

from pqcore.formats.detection.detect import detect
from pqcore.formats.detection.forms import Use
from pqcore.inspection.hints import declared, narrow
from pqcore.inspection.lineage import Lineage
from pqcore.inspection.rating import Level, Standing, level_of, level_of_algorithms, rate
from pqcore.inspection.report import Column, rated, report_of
from pqcore.inspection.sample import Method
from pqcore.inspection.tally import Tally
from pqcore.policies import POLICIES, Policy

LEVELS = {policy.name: level_of(policy) for policy in POLICIES}
HYBRID, NIST, CNSA = LEVELS["hybrid-first"], LEVELS["nist-general"], LEVELS["cnsa-2.0"]
ANY = list(LEVELS.values())

ARGON2 = "$argon2id$v=19$m={},t={},p=1$c29tZXNhbHRzb21l$" + "A" * 43
BCRYPT = "$2b${}$" + "a" * 53
PBKDF2 = "pbkdf2_sha256${}$salt$" + "A" * 43 + "="


def standing(value: str | bytes, level: Level, *uses: Use) -> Standing:
    return rate(narrow(detect(value), frozenset(uses) or None, None), level).standing


@pytest.mark.parametrize("level", ANY, ids=LEVELS)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ARGON2.format(19456, 2), Standing.FINE),
        (ARGON2.format(47104, 1), Standing.FINE),
        (ARGON2.format(7168, 5), Standing.FINE),
        (ARGON2.format(1024, 2), Standing.BELOW),
        (BCRYPT.format(10), Standing.FINE),
        (BCRYPT.format("04"), Standing.BELOW),
        (PBKDF2.format(600_000), Standing.FINE),
        (PBKDF2.format(1000), Standing.BELOW),
        ("scrypt:131072:8:1$s$" + "0" * 128, Standing.FINE),
        ("scrypt:16384:8:1$s$" + "0" * 128, Standing.BELOW),
        ("$6$salt$" + "a" * 86, Standing.BELOW),
        ("sha1$salt$" + "0" * 40, Standing.WEAK),
        ("{SSHA512}" + "A" * 96, Standing.WEAK),
    ],
)
def test_password_hashes_are_never_broken_by_a_quantum_computer(value: str, expected: Standing, level: Level) -> None:
    assert standing(value, level) is expected


@pytest.mark.parametrize("level", ANY, ids=LEVELS)
@pytest.mark.parametrize("size", [256, 384, 512])
def test_rsa_is_broken_by_a_quantum_computer_whichever_it_is(size: int, level: Level) -> None:
    assert standing(b"\xfe" * size, level) is Standing.QUANTUM


@pytest.mark.parametrize("level", ANY, ids=LEVELS)
def test_weak_today_comes_before_broken_one_day(level: Level) -> None:
    assert standing(b"\xfe" * 128, level) is Standing.WEAK  # RSA of 1024 bits
    assert standing(hashlib.sha1(b"x").hexdigest(), level, Use.DIGEST) is Standing.WEAK


def test_the_level_decides_over_what_is_not_broken() -> None:
    sha256 = hashlib.sha256(b"x").hexdigest()
    assert standing(sha256, HYBRID, Use.DIGEST, Use.MAC) is Standing.FINE
    assert standing(sha256, CNSA, Use.DIGEST, Use.MAC) is Standing.BELOW
    assert standing("sha-384:" + "0" * 96, CNSA) is Standing.FINE
    wrapped = b"\xfe" * 40
    assert standing(wrapped, NIST, Use.WRAPPED_KEY) is Standing.FINE
    assert rate(narrow(detect(wrapped), None, declared("A128KW")), CNSA).standing is Standing.BELOW
    assert rate(narrow(detect(wrapped), None, declared("A256KW")), CNSA).standing is Standing.FINE


def test_what_the_value_does_not_tell_is_unclear() -> None:
    assert (
        standing(b"\xfe" * 40, CNSA, Use.WRAPPED_KEY) is Standing.UNCLEAR
    )  # the size of the wrapping key is not in it
    assert standing(hashlib.md5(b"x").hexdigest(), HYBRID) is Standing.UNCLEAR
    assert standing("$2b$10$cut", HYBRID) is Standing.UNCLEAR
    assert standing("plain text", HYBRID) is Standing.UNCLEAR


def test_candidates_of_which_none_is_fine_are_at_least_below_the_level() -> None:
    found = standing(hashlib.sha1(b"x").hexdigest(), HYBRID, Use.DIGEST, Use.MAC)
    assert found is Standing.BELOW  # SHA-1 is weak, HMAC-SHA-1 retired


def test_post_quantum_forms_by_their_category() -> None:
    ml_dsa_65 = b"\xfe" + os.urandom(3307) + b"\xfe"
    assert standing(ml_dsa_65, NIST) is Standing.FINE
    assert standing(ml_dsa_65, CNSA) is Standing.BELOW
    ml_kem_512 = b"\xfe" + os.urandom(766) + b"\xfe"
    assert standing(ml_kem_512, HYBRID) is Standing.BELOW


def test_a_policy_of_another_product_asks_for_the_weakest_it_lists() -> None:
    level = level_of_algorithms("theirs", {"kem": ("ML-KEM-1024", "ML-KEM-768"), "hash": ("Argon2id",), "sig": ()})
    assert level == Level("theirs", {"kem": 3})


@pytest.mark.parametrize("policy", POLICIES, ids=LEVELS)
def test_what_a_policy_migrates_to_is_fine_under_it(policy: Policy) -> None:
    level = level_of(policy)
    for role, labels in policy.algorithms.items():
        weakest = level_of_algorithms("x", {role: labels}).floor.get(role)
        assert weakest is None or weakest >= level.floor[role], (role, labels)


def test_a_report_is_held_against_another_policy_without_reading_again() -> None:
    tally = Tally()
    for number in range(3):
        tally.add(narrow(detect(hashlib.sha256(b"%d" % number).hexdigest()), frozenset({Use.DIGEST}), None))
    column = Column(None, "t", "digest", "TEXT")
    report = report_of(column, tally, total=3, method=Method.ALL, level=HYBRID, lineage=Lineage())
    assert list(report.standings) == [Standing.FINE]
    other = rated(report, CNSA)
    assert (list(other.standings), other.safe and other.safe.value) == ([Standing.BELOW], 0.0)
    assert rated(other, HYBRID) == report
