"""Installing: only what is missing, nothing of others touched, any number of times, by any number of processes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

import pqcore
from pqcore.database import contract, install, schema_files
from pqcore.database.connect import Database, parse_url
from pqcore.database.ids import next_id, next_id_needed
from pqcore.database.schema_files import SchemaFiles
from pqcore.database.seed import AlgorithmRow, PolicyRow, PolicyUse, Seeded, seed
from pqcore.database.swap import Swap, SwapPlan
from pqcore.database.tables import COMPANIONS, events, jobs, meta
from pqcore.errors import SchemaError
from tests.database import catalogue

REPOSITORY = Path(__file__).parents[2]
JOBS = "pq_migration_jobs"


def init(database: Database) -> list[install.Step]:
    return install.apply(database, install.plan(database))


def run(database: Database, *statements: str) -> None:
    with database.write() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)


def objects(database: Database) -> dict[str, str]:
    with database.read() as conn:
        return catalogue.objects(conn)


def test_planning_changes_nothing_and_says_what_and_why(database: Database) -> None:
    steps = install.plan(database)
    assert objects(database) == {}
    assert len({step.name for step in steps}) == len(steps)
    assert all(step.sql and step.why for step in steps)
    assert install.check(database)[0].startswith("Missing in ")


def test_a_second_time_there_is_nothing_to_do(database: Database) -> None:
    assert init(database)
    before = objects(database)
    assert install.check(database) == []
    assert install.notes(database) == []
    assert install.plan(database) == []
    assert init(database) == []
    assert objects(database) == before


def test_the_data_set_has_an_id_that_stays(database: Database) -> None:
    with pytest.raises(SchemaError, match="no tables of pqconsole"):
        install.data_set_id(database)
    init(database)
    first = install.data_set_id(database)
    init(database)
    assert UUID(install.data_set_id(database)) == UUID(first)


def test_it_remembers_which_tables_it_made(database: Database) -> None:
    assert install.made_tables(database) == frozenset()
    run(database, "CREATE TABLE users (id BIGINT PRIMARY KEY)")
    init(database)
    assert install.made_tables(database) == {
        JOBS,
        "crypto_algorithms",
        "encryption_policies",
        "policy_algorithms",
    }


@pytest.mark.parametrize("done", [1, 7, 12, 14, 16])
def test_an_interrupted_init_is_completed_by_the_next(database: Database, done: int) -> None:
    """MySQL commits every DDL statement by itself, so a crash leaves the first few."""
    full = install.plan(database)
    install.apply(database, full[:done])
    init(database)
    assert install.check(database) == []
    assert install.notes(database) == []
    assert install.plan(database) == []
    expected = {s.name.split()[1] for s in full if s.name.startswith(("table", "view"))}
    assert expected <= {name.split()[-1] for name in objects(database)}


INIT = """
import sys
from pqcore.database import install
from pqcore.database.connect import Database
database = Database.open(sys.argv[1])
sys.stdin.readline()
print(len(install.apply(database, install.plan(database))))
"""


def test_several_processes_at_once(database: Database, database_url: str) -> None:
    paths = [str(Path(pqcore.__file__).parents[1])]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", INIT, database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(paths)},
        )
        for _ in range(3)
    ]
    for process in processes:  # all are at the line
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert sum(int(out) for out, _ in answers) >= len(COMPANIONS)
    assert install.check(database) == []
    assert install.plan(database) == []


# What another product made, in its own way: extra columns, other names, other types, views of its own.
VIEW = (
    "CREATE VIEW vw_pq_migration_jobs AS "
    "SELECT *, status = 'done' AS is_done, status = 'running' AS is_running, 1 AS x FROM pq_migration_jobs"
)
FOREIGN = {
    "postgresql": [
        "CREATE TABLE users (id BIGINT CONSTRAINT people PRIMARY KEY, mail TEXT NOT NULL, tenant UUID)",
        "CREATE TABLE crypto_algorithms (id INT PRIMARY KEY, class VARCHAR(9), name TEXT, variant TEXT, oid TEXT)",
        "CREATE TABLE encryption_policies (id BIGSERIAL PRIMARY KEY, policy_name TEXT UNIQUE)",
        "CREATE TABLE policy_algorithms (policy_id BIGINT, algo_id INT, role TEXT)",
        """CREATE TABLE pq_migration_jobs (id BIGSERIAL PRIMARY KEY, scope TEXT NOT NULL, target_policy_id BIGINT,
           target_algo_id BIGINT CONSTRAINT mine REFERENCES crypto_algorithms (id), selection JSONB,
           scheduled_at TIMESTAMPTZ(6), started_at TIMESTAMPTZ(6), finished_at TIMESTAMPTZ(6),
           status TEXT NOT NULL DEFAULT 'pending', processed_count BIGINT NOT NULL DEFAULT 0, error TEXT,
           created_by BIGINT, created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(), tenant UUID, note TEXT)""",
        VIEW,
    ],
    "mysql": [
        "CREATE TABLE users (id BIGINT PRIMARY KEY, mail VARCHAR(99) NOT NULL, tenant BINARY(16)) CHARSET latin1",
        "CREATE TABLE crypto_algorithms (id BIGINT UNSIGNED PRIMARY KEY, class VARCHAR(9), name TEXT, variant TEXT)",
        "CREATE TABLE encryption_policies (id BIGINT PRIMARY KEY AUTO_INCREMENT, policy_name VARCHAR(9) UNIQUE)",
        "CREATE TABLE policy_algorithms (policy_id BIGINT, algo_id BIGINT UNSIGNED, role VARCHAR(9))",
        """CREATE TABLE pq_migration_jobs (id BIGINT AUTO_INCREMENT PRIMARY KEY, scope VARCHAR(20) NOT NULL,
           target_policy_id BIGINT, target_algo_id BIGINT UNSIGNED, selection JSON, scheduled_at DATETIME(6),
           started_at DATETIME(6), finished_at DATETIME(6), status VARCHAR(20) NOT NULL DEFAULT 'pending',
           processed_count BIGINT NOT NULL DEFAULT 0, error TEXT, created_by BIGINT,
           created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), tenant BINARY(16), note TEXT,
           CONSTRAINT mine FOREIGN KEY (target_algo_id) REFERENCES crypto_algorithms (id))""",
        VIEW,
    ],
    "sqlite": [
        "CREATE TABLE users (id INTEGER PRIMARY KEY, mail TEXT NOT NULL, tenant BLOB)",
        "CREATE TABLE crypto_algorithms (id INT PRIMARY KEY, class TEXT, name TEXT, variant TEXT, oid TEXT)",
        "CREATE TABLE encryption_policies (id INTEGER PRIMARY KEY, policy_name TEXT UNIQUE)",
        "CREATE TABLE policy_algorithms (policy_id INT, algo_id INT, role TEXT)",
        """CREATE TABLE pq_migration_jobs (id INTEGER PRIMARY KEY, scope TEXT NOT NULL, target_policy_id BIGINT,
           target_algo_id BIGINT, selection TEXT, scheduled_at DATETIME, started_at DATETIME, finished_at DATETIME,
           status TEXT NOT NULL DEFAULT 'pending', processed_count BIGINT NOT NULL DEFAULT 0, error TEXT,
           created_by BIGINT, created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, tenant BLOB, note TEXT,
           CONSTRAINT mine FOREIGN KEY (target_algo_id) REFERENCES crypto_algorithms (id))""",
        VIEW,
    ],
}


def test_nothing_that_another_product_made_is_changed(database: Database) -> None:
    run(database, *FOREIGN[database.dialect.name])
    before = objects(database)
    done = init(database)
    after = objects(database)
    assert {name: after[name] for name in before} == before
    assert {name.split()[-1] for name in after.keys() - before.keys()} >= {t.name for t in COMPANIONS}
    assert not {step.name for step in done} & {f"table {JOBS}", f"view vw_{JOBS}", "index idx_pq_mig_status_sched"}
    assert install.check(database) == []
    assert install.plan(database) == []
    assert install.made_tables(database) == frozenset()
    # told, not mended
    assert any("idx_pq_mig_status_sched" in note for note in install.notes(database))
    assert any("fk_pq_mig_user" in note for note in install.notes(database))


def test_a_table_that_cannot_be_referred_to_gets_no_foreign_key(database: Database) -> None:
    kind = {"postgresql": "UUID PRIMARY KEY", "mysql": "INT UNSIGNED PRIMARY KEY", "sqlite": "TEXT"}
    run(database, f"CREATE TABLE users (id {kind[database.dialect.name]}, email VARCHAR(99))")
    init(database)
    assert install.check(database) == []
    assert install.plan(database) == []
    with database.read() as conn:
        assert set(catalogue.foreign_keys(conn, JOBS)) == {"fk_pq_mig_algo", "fk_pq_mig_policy"}
    (note,) = install.notes(database)
    assert "fk_pq_mig_user" in note
    assert "users.id" in note
    with database.write() as conn:
        conn.execute(sa.insert(jobs).values(scope="hashes", created_by=12))


def test_a_job_table_without_a_needed_column_is_refused_with_its_name(database: Database) -> None:
    run(database, f"CREATE TABLE {JOBS} (id BIGINT PRIMARY KEY, scope VARCHAR(20), status VARCHAR(20))")
    before = objects(database)
    with pytest.raises(SchemaError, match="processed_count"):
        install.plan(database)
    assert any("processed_count" in problem for problem in install.check(database))
    assert objects(database) == before


def test_missing_parts_are_found(database: Database) -> None:
    init(database)
    run(database, "DROP VIEW vw_pq_migration_jobs_metrics", "DROP TABLE pq_migration_workers")
    (problem,) = install.check(database)
    assert "vw_pq_migration_jobs_metrics" in problem
    assert "pq_migration_workers" in problem
    with pytest.raises(SchemaError) as caught:
        install.require(database)
    assert caught.value.remedy == "Run pqconsole init"
    assert [step.name for step in init(database)] == ["view vw_pq_migration_jobs_metrics", "table pq_migration_workers"]
    install.require(database)


# Versions


def test_tables_of_a_newer_pqconsole_are_left_alone(database: Database) -> None:
    init(database)
    with database.write() as conn:
        conn.execute(sa.update(meta).where(meta.c.name == "schema_version").values(value="999"))
    with pytest.raises(SchemaError, match="999"):
        install.plan(database)
    (problem,) = install.check(database)
    assert "Install a newer" in problem


def test_tables_of_version_1_get_what_version_2_added(database: Database) -> None:
    init(database)
    before = objects(database)
    run(
        database,
        "DROP TABLE pq_migration_throughput",
        "UPDATE pq_migration_meta SET value = '1' WHERE name = 'schema_version'",
    )
    missing, older = install.check(database)
    assert "pq_migration_throughput" in missing
    assert "of version 1" in older
    assert all(problem.endswith("Run pqconsole init.") for problem in (missing, older))
    assert [step.name for step in init(database)] == [
        "table pq_migration_throughput",
        "index idx_pq_mig_throughput_minute",
        "record schema_version",
    ]
    assert objects(database) == before
    assert install.plan(database) == []
    install.require(database)


def test_companion_tables_are_upgraded(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init(database)
    engine = schema_files.ENGINES[database.dialect.name]
    for path in (REPOSITORY / "schema").glob(f"*.{engine}.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / f"060_upgrade_3.{engine}.sql").write_text("-- more\nALTER TABLE pq_migration_workers ADD mood INT;\n")
    (tmp_path / f"060_upgrade_4.{engine}.sql").write_text("ALTER TABLE pq_migration_workers ADD too_new INT;\n")
    monkeypatch.setattr(install, "SCHEMA_VERSION", 3)
    files = SchemaFiles(database.dialect.name, tmp_path)
    steps = install.plan(database, files)
    assert [step.name for step in steps] == ["upgrade 3.1", "record schema_version"]
    assert "Run pqconsole init" in install.check(database)[0]
    install.apply(database, steps, files)
    assert install.plan(database, files) == []
    with database.read() as conn:
        assert list(catalogue.columns(conn, "pq_migration_workers"))[-1] == "mood"
        assert conn.scalar(sa.select(meta.c.value).where(meta.c.name == "schema_version")) == "3"


# Rights


def grants(engine: str, role: str) -> list[str]:
    text = (REPOSITORY / "docs" / "DATABASES.md").read_text()
    found = re.search(rf"<!-- grants: {engine} {role} -->\n```sql\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return [statement.strip() for statement in found[1].split(";") if statement.strip()]


def test_the_documented_rights_are_enough(database: Database, database_url: str) -> None:
    kind = database.dialect.name
    if kind == "sqlite":
        pytest.skip("SQLite knows no rights")
    url = parse_url(database_url)
    suffix = f"{url.database}"[-6:]
    accounts = {role: f"pq_{role}_{suffix}" for role in ("init", "run")}
    quoted = {role: f"'{name}'@'%%'" if kind == "mysql" else name for role, name in accounts.items()}

    def grant(role: str) -> None:
        with database.write() as conn:
            for statement in grants(kind, role):
                text = statement.replace(f"pq_{role}", quoted[role]).replace(" app.", f" {url.database}.")
                conn.exec_driver_sql(text)

    run(
        database,
        "CREATE TABLE users (id BIGINT PRIMARY KEY)",
        "CREATE TABLE documents (id INT PRIMARY KEY, k VARCHAR(9))",
    )
    run(database, "INSERT INTO documents VALUES (1, 'old'), (2, 'old')")
    password = "IDENTIFIED BY 'a long Secret 1!'" if kind == "mysql" else "LOGIN PASSWORD 'a long Secret 1!'"
    for name in quoted.values():
        run(database, f"CREATE USER {name} {password}")
    opened = {
        role: Database.open(url.set(username=name).render_as_string(hide_password=False), password="a long Secret 1!")
        for role, name in accounts.items()
    }
    try:
        grant("init")
        init(opened["init"])
        assert install.check(database) == []
        with opened["init"].write() as conn:
            if kind == "postgresql":  # the tables are that account's; it passes the rights on
                for statement in grants(kind, "run"):
                    if "documents" not in statement and "users," not in statement and "SCHEMA" not in statement:
                        conn.exec_driver_sql(statement.replace("pq_run", quoted["run"]))
        grant("run")
        daily_work(opened["run"])
    finally:
        for one in opened.values():
            one.close()
        if kind == "postgresql":
            run(database, *(f"DROP OWNED BY {name} CASCADE" for name in accounts.values()))
        run(database, *(f"DROP USER {name}" for name in quoted.values()))


def daily_work(database: Database) -> None:
    install.require(database)
    documents = sa.Table("documents", sa.MetaData(), autoload_with=database.engine)
    plan = SwapPlan(documents, ("id",), ("k",), ("k",))
    with database.write() as conn:
        conn.execute(sa.insert(jobs).values(scope="hashes"))
        conn.execute(sa.update(jobs).values(status="running"))
        moment = sa.func.now()
        conn.execute(sa.insert(events).values(at=moment, kind="x", message="m", actor="a", host="h"))
        conn.execute(sa.delete(events))
        swaps = [Swap((1,), ("old",), ("new",)), Swap((2,), ("other",), ("new",))]
        assert database.dialect.compare_and_swap(conn, plan, swaps) == [1]
        assert conn.exec_driver_sql("SELECT count(*) FROM vw_pq_migration_jobs_metrics").scalar() == 1
        conn.execute(database.dialect.lock_skip(sa.select(jobs.c.id))).all()


# Rows of the algorithm and policy tables

ALGORITHMS = [
    AlgorithmRow("kem", "ML-KEM-768", nist_level=3, params={"public_key": 1184}),
    AlgorithmRow("kem", "ML-KEM-768", "X25519", 3),
    AlgorithmRow("sig", "ML-DSA-65", nist_level=3),
]
POLICIES = [
    PolicyRow(
        "default", (PolicyUse("ML-KEM-768", "kem", "X25519"), PolicyUse("ML-DSA-65", "sig", priority=5)), notes="n"
    )
]


def test_seeding_adds_what_is_missing_and_keeps_what_is_there(database: Database) -> None:
    init(database)
    assert seed(database, ALGORITHMS[:1]) == Seeded(1, 0)
    run(database, "UPDATE crypto_algorithms SET status = 'deprecated'")
    assert seed(database, ALGORITHMS, POLICIES) == Seeded(2, 1)
    assert seed(database, ALGORITHMS, POLICIES) == Seeded(0, 0)
    with database.read() as conn:
        rows = catalogue.rows(
            conn, "SELECT class, name, variant, nist_level, status FROM crypto_algorithms ORDER BY id"
        )
        uses = catalogue.rows(
            conn,
            "SELECT p.policy_name, a.name, a.variant, u.role, u.priority FROM policy_algorithms u "
            "JOIN encryption_policies p ON p.id = u.policy_id JOIN crypto_algorithms a ON a.id = u.algo_id ORDER BY 5",
        )
    assert rows == [
        ("kem", "ML-KEM-768", "", 3, "deprecated"),
        ("kem", "ML-KEM-768", "X25519", 3, "active"),
        ("sig", "ML-DSA-65", "", 3, "active"),
    ]
    assert uses == [("default", "ML-KEM-768", "X25519", "kem", 0), ("default", "ML-DSA-65", "", "sig", 5)]


def test_seeding_tables_of_others_fills_only_their_columns(database: Database) -> None:
    run(database, *FOREIGN[database.dialect.name][:4])
    init(database)
    assert seed(database, ALGORITHMS, POLICIES) == Seeded(3, 1)
    assert seed(database, ALGORITHMS, POLICIES) == Seeded(0, 0)
    with database.read() as conn:
        ids = [row[0] for row in catalogue.rows(conn, "SELECT id FROM crypto_algorithms ORDER BY id")]
        assert ids == [1, 2, 3]  # that table numbers nothing itself
        assert len(catalogue.rows(conn, "SELECT * FROM policy_algorithms")) == 2


def test_a_policy_that_names_an_unknown_algorithm_is_refused_whole(database: Database) -> None:
    init(database)
    with pytest.raises(SchemaError, match="Nonsense-1"):
        seed(database, ALGORITHMS, [PolicyRow("p", (PolicyUse("Nonsense-1", "kem"),))])
    with database.read() as conn:
        assert catalogue.rows(conn, "SELECT count(*) FROM crypto_algorithms") == [(0,)]


def test_whether_a_table_numbers_its_rows(database: Database) -> None:
    own = {
        "postgresql": ["BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "BIGSERIAL PRIMARY KEY"],
        "mysql": ["BIGINT PRIMARY KEY AUTO_INCREMENT"],
        "sqlite": ["INTEGER PRIMARY KEY", "INTEGER NOT NULL PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT"],
    }[database.dialect.name]
    for number, (kind, needed) in enumerate(
        [*((kind, False) for kind in own), ("BIGINT PRIMARY KEY", True), ("INT PRIMARY KEY", True)]
    ):
        run(database, f"CREATE TABLE t{number} (id {kind}, v INT)")
        table = sa.Table(f"t{number}", sa.MetaData(), autoload_with=database.engine)
        assert next_id_needed(table, database.dialect.name) is needed, kind
        with database.write() as conn:
            assert next_id(conn, table) == 1
            values = {"id": next_id(conn, table)} if needed else {}
            conn.execute(table.insert().values(v=1, **values))
            assert next_id(conn, table) == 2


# Files


def test_every_file_of_the_document_is_there_for_each_database() -> None:
    steps = [
        schema_files.REFERENCED,
        schema_files.TABLE,
        schema_files.INDEXES,
        schema_files.FOREIGN_KEYS,
        schema_files.VIEWS,
        schema_files.VIEWS_JOINS,
        schema_files.COMPANIONS,
    ]
    names = {path.name for path in (REPOSITORY / "schema").iterdir()}
    assert names == {f"{step}.{engine}.sql" for step in steps for engine in ("mysql", "postgres", "sqlite")}


def test_statements_are_cut_at_semicolons_that_end_a_line() -> None:
    statements = schema_files.parse(
        "-- a; b\nCREATE TABLE a (\n  -- c\n  x TEXT DEFAULT ';'\n);\n\nUPDATE a SET x = 1;"
    )
    assert [(s.kind, s.name) for s in statements] == [("table", "a"), ("other", "")]
    assert statements[0].sql == "CREATE TABLE a (\n  x TEXT DEFAULT ';'\n)"


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"001_table\.sqlite\.sql"):
        SchemaFiles("sqlite", tmp_path).statements(schema_files.TABLE)


def test_names_of_the_contract_are_those_of_the_descriptions() -> None:
    assert tuple(table.name for table in COMPANIONS) == contract.COMPANION_NAMES
    assert all(name.startswith("pq_migration_") for name in contract.COMPANION_NAMES)
