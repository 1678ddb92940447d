"""A real streaming standby of the PostgreSQL server of the tests."""

from __future__ import annotations

from tests.support.servers import PostgreSQLServer, _find


class Standby(PostgreSQLServer):
    """Follows a primary an hour behind, until its setting ``recovery_min_apply_delay`` is changed."""

    name = "standby"

    def __init__(self, primary_port: int) -> None:
        super().__init__()
        self._primary_port = primary_port

    def create(self) -> None:
        program = _find("pg_basebackup", "/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin")
        source = f"host=127.0.0.1 port={self._primary_port} user=postgres"
        self.run(program, "-D", str(self.home / "data"), "-R", "-X", "stream", "-c", "fast", "-N", "-d", source)
        self._postgres = str(_find("postgres", "/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin"))
        with (self.home / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write("recovery_min_apply_delay = '1h'\nwal_receiver_status_interval = '1s'\n")
