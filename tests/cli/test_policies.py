"""Policies on the command line, and what they refuse."""

from __future__ import annotations

import json

import pytest

from pqcore.crypto.catalogue import find, migratable_to
from pqcore.migrations.base import Scope
from pqcore.migrations.options import suits
from pqcore.policies import POLICIES, ROLES, Policy
from tests.cli.conftest import DIGESTS, PASSWORDS, Cli


def test_ours_and_those_of_the_database_are_listed(cli: Cli) -> None:
    cli.execute("INSERT INTO encryption_policies (policy_name) VALUES ('house')")
    found = {policy["name"]: policy["of"] for policy in cli.json("policies", "list")}
    assert found == {**{policy.name: "pqconsole" for policy in POLICIES}, "house": "database"}
    assert "house" in cli.ok("policies", "show", "house")


def test_without_a_database_ours_are_shown_with_their_sources(bare: Cli) -> None:
    done = bare.run("policies", "show", "cnsa-2.0", "--json")
    assert done.returncode == 0
    shown = json.loads(done.stdout)
    assert shown["least_category"]["kem"] == 5
    assert shown["sources"][0]["date"] == "2022-09"
    assert "left out" in bare.run("policies", "list").stderr
    assert "no policy" in bare.run("policies", "show", "nope").stderr


@pytest.mark.parametrize("policy", POLICIES, ids=[policy.name for policy in POLICIES])
def test_every_policy_has_all_roles_and_says_on_whose_word(policy: Policy) -> None:
    assert set(policy.algorithms) == set(policy.floor) == set(ROLES)
    assert all(source.document and source.says for source in policy.sources)


@pytest.mark.parametrize("policy", POLICIES, ids=[policy.name for policy in POLICIES])
@pytest.mark.parametrize("mode", ["password", "digest", "blind-index", "nested-index"])
def test_every_policy_has_a_target_for_every_kind_of_hash(policy: Policy, mode: str) -> None:
    listed = [find(label) for label in policy.algorithms["hash"]]
    assert any(suits(algorithm.name, mode) for algorithm in listed if algorithm in migratable_to(Scope.HASHES))


def create(*words: str) -> tuple[str, ...]:
    return ("jobs", "create", "--scope", "hashes", "--selection", "-", *words)


def test_an_algorithm_that_its_policy_does_not_allow_is_refused_with_the_reason(cli: Cli) -> None:
    words = create("--algorithm", "SHA3-512", "--policy", "cnsa-2.0")
    said = cli.refused(2, *words, stdin=json.dumps(DIGESTS))
    assert "SHA3-512 fails the policy cnsa-2.0, which allows Argon2id" in said
    assert "SHA-384" in said


def test_an_algorithm_that_its_policy_allows_is_taken_with_it(cli: Cli) -> None:
    words = create("--algorithm", "SHA-512", "--policy", "cnsa-2.0")
    job = int(cli.ok(*words, stdin=json.dumps(DIGESTS)))
    columns = "target_algo_id IS NOT NULL, target_policy_id IS NOT NULL"
    assert cli.rows(f"SELECT {columns} FROM pq_migration_jobs WHERE id = {job}") == [(1, 1)]
    assert cli.run("jobs", "run", str(job)).returncode == 0
    assert all(value.startswith("sha-512:") for (value,) in cli.rows("SELECT checksum FROM files"))


def test_a_greater_cost_than_the_policy_asks_for_is_allowed(cli: Cli) -> None:
    words = create("--algorithm", "Argon2id/m=65536,t=3,p=1", "--policy", "cnsa-2.0")
    assert int(cli.ok(*words, stdin=json.dumps(PASSWORDS))) > 0


def test_a_policy_without_the_role_refuses_every_algorithm(cli: Cli) -> None:
    cli.execute("INSERT INTO encryption_policies (policy_name) VALUES ('house')")
    words = create("--algorithm", "Argon2id", "--policy", "house")
    assert "no algorithm for the role hash" in cli.refused(2, *words, stdin=json.dumps(PASSWORDS))


def test_neither_algorithm_nor_policy_is_refused(cli: Cli) -> None:
    assert "needs an algorithm or a policy" in cli.refused(2, *create(), stdin=json.dumps(DIGESTS))


def test_a_job_that_another_program_made_against_its_policy_fails_with_the_reason(cli: Cli) -> None:
    words = create("--algorithm", "SHA3-512")
    job = int(cli.ok(*words, stdin=json.dumps(DIGESTS)))
    cli.execute(
        "UPDATE pq_migration_jobs SET target_policy_id ="
        " (SELECT id FROM encryption_policies WHERE policy_name = 'cnsa-2.0') WHERE id = ?",
        job,
    )
    assert cli.run("jobs", "run", str(job)).returncode == 1
    ((error,),) = cli.rows(f"SELECT error FROM pq_migration_jobs WHERE id = {job}")
    assert "fails the policy cnsa-2.0" in error
