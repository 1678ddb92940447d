"""Flags, then environment, then profile, then default; and which of them it was."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.errors import ConfigurationError, ExitCode
from pqcore.settings import Origin, Settings, load, shown_url

Loader = Callable[..., Settings]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture
def loaded(home: Path, config: Path) -> Loader:
    """Settings from a configuration text, environment variables and flags."""

    def load_it(text: str = "", env: dict[str, str] | None = None, **flags: object) -> Settings:
        config.write_text(text)
        config.chmod(0o600)
        full = {"PQCONSOLE_CONFIG": str(config), "PQCONSOLE_HOME": str(home), **(env or {})}
        return load(env=full, **flags)  # type: ignore[arg-type]

    return load_it


STAGING = """
default_profile = "staging"
[profiles.staging]
url = "postgresql://ops@db.example/app"
keyring = "keys/staging.json"
read_only = true
operator = 7
threads = 3
passphrase_command = ["pass", "show", "staging keyring"]
password_command = "pass show 'staging database'"
production = true
label = "STAGING"
colour = "red"
[profiles.staging.connect_args]
sslmode = "verify-full"
[profiles.other]
url = "sqlite:////srv/other.sqlite"
"""


def test_without_anything_it_is_sqlite_in_the_data_directory(loaded: Loader, home: Path) -> None:
    settings = loaded()
    assert settings.url == f"sqlite:///{home}/pqconsole.sqlite"
    assert settings.keyring == home / "keys" / "keyring.json"
    assert settings.profile is None
    assert not settings.read_only
    assert 1 <= settings.threads <= 8
    assert settings.origins["url"] is Origin.DEFAULT


def test_a_profile_gives_every_value(loaded: Loader, config: Path) -> None:
    settings = loaded(STAGING)
    assert settings.profile == "staging"
    assert settings.url == "postgresql://ops@db.example/app"
    assert settings.keyring == config.parent / "keys" / "staging.json"
    assert settings.read_only
    assert (settings.operator, settings.threads) == (7, 3)
    assert settings.passphrase_command == ("pass", "show", "staging keyring")
    assert settings.password_command == ("pass", "show", "staging database")
    assert settings.connect_args == {"sslmode": "verify-full"}
    assert (settings.production, settings.label, settings.colour) == (True, "STAGING", "red")
    assert settings.origins["threads"] is Origin.PROFILE


def test_the_order_is_flag_environment_profile(loaded: Loader) -> None:
    env = {"PQCONSOLE_URL": "sqlite:////env", "PQCONSOLE_THREADS": "5", "PQCONSOLE_READ_ONLY": "0"}
    by_env = loaded(STAGING, env)
    assert (by_env.url, by_env.threads, by_env.read_only) == ("sqlite:////env", 5, False)
    assert by_env.origins["url"] is Origin.ENV
    by_flag = loaded(STAGING, env, url="sqlite:////flag", threads=9, read_only=True)
    assert (by_flag.url, by_flag.threads, by_flag.read_only) == ("sqlite:////flag", 9, True)
    assert by_flag.origins["url"] is Origin.FLAG


def test_a_profile_asked_for_by_name_means_its_own_database(loaded: Loader) -> None:
    settings = loaded(STAGING, {"PQCONSOLE_URL": "sqlite:////env"}, profile="other")
    assert settings.url == "sqlite:////srv/other.sqlite"


def test_a_database_password_never_follows_another_url(loaded: Loader) -> None:
    settings = loaded(STAGING, url="postgresql://elsewhere/app")
    assert settings.password_command is None
    assert settings.connect_args == {}
    assert settings.operator is None
    assert not settings.production
    assert settings.read_only  # what makes it safer stays


@pytest.mark.parametrize(
    ("text", "named", "remedy"),
    [
        ("[profiles.x]\nurll = 'a'", "profiles.x.urll", "Did you mean url"),
        ("profile = 'x'", "profile", "Did you mean profiles"),
        ("[profiles.x]\nthreads = 0", "profiles.x.threads", "from 1 to 64"),
        ("[profiles.x]\nthreads = true", "profiles.x.threads", "from 1 to 64"),
        ("[profiles.x]\nread_only = 'yes'", "profiles.x.read_only", "true or false"),
        ("[profiles.x]\ncolour = 'puce'", "profiles.x.colour", "one of red"),
        ("[profiles.x]\npassphrase_command = []", "profiles.x.passphrase_command", "a command line"),
        ('[profiles.x]\npassword_command = "a \'b"', "profiles.x.password_command", "a command line"),
        ("profiles = 3", "profiles", "[profiles.NAME]"),
        ("[profiles.x", "not valid TOML", "Correct the file"),
        ("default_profile = 'y'\n[profiles.x]", "no profile y", "[profiles.y]"),
    ],
)
def test_a_wrong_file_is_named_with_key_and_remedy(
    loaded: Loader, config: Path, text: str, named: str, remedy: str
) -> None:
    flags = {} if "default_profile" in text else {"profile": "x"}
    with pytest.raises(ConfigurationError) as raised:
        loaded(text, **flags)
    assert str(config) in raised.value.message
    assert named in raised.value.message
    assert remedy in raised.value.remedy
    assert raised.value.exit_code is ExitCode.CONFIGURATION


def test_wrong_variables_and_flags_are_named(loaded: Loader) -> None:
    with pytest.raises(ConfigurationError, match="PQCONSOLE_THREADS"):
        loaded(env={"PQCONSOLE_THREADS": "many"})
    with pytest.raises(ConfigurationError, match="PQCONSOLE_READ_ONLY"):
        loaded(env={"PQCONSOLE_READ_ONLY": "perhaps"})
    with pytest.raises(ConfigurationError, match="--threads"):
        loaded(threads=1000)


def test_a_named_configuration_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PQCONSOLE_CONFIG"):
        load(env={"PQCONSOLE_CONFIG": str(tmp_path / "absent.toml")})


def test_a_file_with_a_password_has_to_be_private(loaded: Loader, config: Path, home: Path) -> None:
    text = "[profiles.x]\nurl = 'mysql://ops:hunter2@db/app'"
    assert loaded(text, profile="x").url.startswith("mysql://")
    config.chmod(0o644)
    with pytest.raises(ConfigurationError) as raised:
        load(profile="x", env={"PQCONSOLE_CONFIG": str(config), "PQCONSOLE_HOME": str(home)})
    assert "chmod 600" in raised.value.remedy
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ops:hunter2@db:5432/app?sslmode=require", "postgresql://ops:***@db:5432/app?sslmode=require"),
        ("postgresql://ops@db/app", "postgresql://ops@db/app"),
        ("mysql://ops:hun@ter2@db/app", "mysql://ops:***@db/app"),
        ("mysql://ops:hunter?2@db/app", "mysql://ops:***@db/app"),
        ("mysql://ops:hunter/2@db/app", "mysql://ops:***@db/app"),
        ("postgresql:///app?user=ops&password=hunter2", "postgresql:///app?user=ops&password=***"),
        ("sqlite:////srv/a:b@c.sqlite", "sqlite:////srv/a:b@c.sqlite"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@given(st.text(st.characters(codec="utf-8"), min_size=3).map(lambda text: f"§{text}§"))
def test_no_password_survives_whatever_it_is_made_of(password: str) -> None:
    assert "§" not in shown_url(f"postgresql://ops:{password}@db.example/app")


def test_settings_do_not_print_the_password(loaded: Loader) -> None:
    settings = loaded(url="mysql://ops:hunter2@db/app")
    assert "hunter2" not in repr(settings)
    assert settings.shown_url == "mysql://ops:***@db/app"


KEYS = """
[keys]
pause = "P"
quit = ["q", "Q"]
[profiles.night.keys]
pause = "z"
"""


def test_keys_of_the_profile_add_to_those_of_the_file(loaded: Loader) -> None:
    assert loaded().keys == {}
    assert loaded().origins["keys"] is Origin.DEFAULT
    assert loaded(KEYS).keys == {"pause": ("P",), "quit": ("q", "Q")}
    settings = loaded(KEYS, profile="night")
    assert settings.keys == {"pause": ("z",), "quit": ("q", "Q")}
    assert settings.origins["keys"] is Origin.PROFILE


@pytest.mark.parametrize("text", ["keys = 3", "[keys]\npause = 7", "[keys]\npause = []", '[keys]\npause = ["p", 1]'])
def test_keys_that_are_no_table_of_keys_say_what_to_write(loaded: Loader, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"keys cannot be used\. It has to be a table of actions"):
        loaded(text)
