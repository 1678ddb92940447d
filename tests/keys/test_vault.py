"""Vault's transit engine as a place of old keys: it opens values itself, and what is wrong is said in one sentence."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import pickle
import socket
import ssl
import sys
import threading
import traceback
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from pqcore.crypto.catalogue import find
from pqcore.errors import ConfigurationError, ExitCode, KeyServiceUnavailable, KeyStoreError, StateConflict
from pqcore.formats.context import Context
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import NotAuthentic
from pqcore.formats.legacy_wrap import LegacyWrap, WrapParameters, unwrap, wrap
from pqcore.formats.wrapped_key import open_wrapped_key
from pqcore.keys.combined import CombinedKeyProvider
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.keys.provider import Key, KeyProvider, KeyState
from pqcore.keys.sealing import Cost
from pqcore.keys.sources import vault_token
from pqcore.keys.vault import VaultKeyProvider
from pqcore.keys.vault_http import VaultClient
from pqcore.keys.vault_settings import VaultSettings
from pqcore.migrations.base import Migrated, Scope, Skipped, outcomes
from pqcore.migrations.build import build
from pqcore.settings import load
from tests.cli.conftest import Cli, sentences
from tests.keys.vault_server import TOKEN, Transit, serving
from tests.migrations.records import FIELD, reason, row

DATA_KEY = bytes(range(32))


@lru_cache
def private(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def transit() -> Transit:
    return Transit(rsa={"orders": [private(1), private(2)]}, aes={"wraps": [bytes(32)]})


@pytest.fixture
def address(transit: Transit) -> Iterator[str]:
    with serving(transit) as address:
        yield address


@pytest.fixture
def vault(address: str) -> VaultKeyProvider:
    return opened(VaultSettings(address))


def opened(settings: VaultSettings, token: str = TOKEN, paused: list[float] | None = None) -> VaultKeyProvider:
    pauses = [] if paused is None else paused
    return VaultKeyProvider(settings, lambda: token, VaultClient(settings, lambda: token, pauses.append))


def wrapped(key: Key, form: LegacyWrap = LegacyWrap.RSA_OAEP_SHA256, label: bytes = b"") -> bytes:
    """A value that the owner of the public key made, far from Vault."""
    local = Key(key.info, public=key.public)
    return wrap(form, DATA_KEY, local, WrapParameters(label=label))


def test_it_is_a_key_provider_and_lists_what_vault_has(vault: VaultKeyProvider) -> None:
    provider: KeyProvider = vault
    infos = provider.list()
    assert [(i.id, i.algorithm, i.origin, i.has_secret) for i in infos] == [
        ("orders:1", "RSA-2048", "vault", True),
        ("orders:2", "RSA-2048", "vault", True),
        ("wraps:1", "AES-256", "vault", True),
    ]
    assert infos[0].created_at == dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert infos[0].fingerprint != infos[1].fingerprint
    assert provider.info("orders").id == "orders:2"


def test_vault_opens_old_values_and_keeps_the_secret(vault: VaultKeyProvider, transit: Transit) -> None:
    for ref in ("orders:1", "orders:2", "orders"):
        key = vault.get(ref)
        assert key.secret is None
        assert unwrap(LegacyWrap.RSA_OAEP_SHA256, wrapped(key), key) == DATA_KEY
    assert {path for method, path in transit.requests if method == "POST"} == {"/v1/transit/decrypt/orders"}
    with pytest.raises(NotAuthentic, match="does not open the value under its key orders:1") as raised:
        unwrap(LegacyWrap.RSA_OAEP_SHA256, wrapped(vault.get("orders:2")), vault.get("orders:1"))
    assert "vault:v1" not in str(raised.value), "Vault's own words quote the value"


@pytest.mark.parametrize("aad", [b"", b"tenant 7"])
def test_vault_opens_what_aes_gcm_wrapped(vault: VaultKeyProvider, transit: Transit, aad: bytes) -> None:
    box = bytes(range(12)) + AESGCM(transit.aes["wraps"][0]).encrypt(bytes(range(12)), DATA_KEY, aad or None)
    key, parameters = vault.get("wraps"), WrapParameters(aad=aad)
    assert unwrap(LegacyWrap.AES_GCM, box, key, parameters) == DATA_KEY
    with pytest.raises(NotAuthentic, match="does not open the value under its key wraps:1"):
        unwrap(LegacyWrap.AES_GCM, box, key, WrapParameters(aad=b"another"))
    assert not any("export" in path for _, path in transit.requests)


@pytest.mark.parametrize("cipher", [AESGCM, ChaCha20Poly1305])
@pytest.mark.parametrize("aad", [b"", b"tenant 7"])
def test_vault_opens_its_own_values_whatever_their_version_and_cipher(
    transit: Transit, address: str, tmp_path: Path, cipher: type[AESGCM] | type[ChaCha20Poly1305], aad: bytes
) -> None:
    transit.aes["wraps"] = [bytes(32), bytes([1]) * 32]
    transit.chacha = {"wraps"} if cipher is ChaCha20Poly1305 else set()
    keys = combined(opened(VaultSettings(address)), tmp_path)
    options = {"format": "Vault", "old_key": "wraps", "new_key": "kem"} | ({"aad": aad.decode()} if aad else {})
    job = built(keys, options)
    for version, secret in enumerate(transit.aes["wraps"], 1):
        box = bytes(range(12)) + cipher(secret).encrypt(bytes(range(12)), DATA_KEY, aad or None)
        old = row(f"vault:v{version}:{encode(box, Encoding.BASE64)!s}")
        outcome = job.migrate(old)
        assert isinstance(outcome, Migrated)
        place = Context("d", "documents", FIELD, old.key)
        assert open_wrapped_key(outcome.values[FIELD], keys, place) == DATA_KEY
    assert reason(job.migrate(row(f"vault:v1:{encode(box, Encoding.BASE64)!s}"))) == "unverifiable"
    assert not any("export" in path for _, path in transit.requests)


def test_other_forms_need_a_key_that_may_leave(vault: VaultKeyProvider, transit: Transit, address: str) -> None:
    key = vault.get("orders:1")
    old = wrapped(key, LegacyWrap.RSA_OAEP_SHA1), wrapped(key, label=b"tenant")
    with pytest.raises(KeyStoreError, match="orders:1 does not leave Vault"):
        unwrap(LegacyWrap.RSA_OAEP_SHA1, old[0], key)
    transit.exportable |= {"orders", "wraps"}
    vault = opened(VaultSettings(address))
    assert unwrap(LegacyWrap.RSA_OAEP_SHA1, old[0], vault.get("orders:1")) == DATA_KEY
    labelled = WrapParameters(label=b"tenant")
    assert unwrap(LegacyWrap.RSA_OAEP_SHA256, old[1], vault.get("orders:1"), labelled) == DATA_KEY
    kek = MemoryKeyProvider()
    kek.import_key("kek", bytes(32), algorithm="AES-256")
    assert unwrap(LegacyWrap.AES_KW, wrap(LegacyWrap.AES_KW, DATA_KEY, kek.get("kek")), vault.get("wraps")) == DATA_KEY


def test_versions_that_vault_has_archived_are_named(vault: VaultKeyProvider, transit: Transit) -> None:
    transit.oldest["orders"] = 2
    assert [info.id for info in vault.list()] == ["orders:2", "wraps:1"]
    with pytest.raises(KeyStoreError, match="no longer uses version 1") as raised:
        vault.get("orders:1")
    assert "min_decryption_version" in raised.value.remedy


def test_vault_makes_and_retires_its_own_keys(vault: VaultKeyProvider) -> None:
    for refused in (
        lambda: vault.generate("orders", "RSA-2048"),
        lambda: vault.import_key("orders", b"x"),
        lambda: vault.change_state("orders:1", KeyState.RETIRED),
    ):
        with pytest.raises(StateConflict, match="orders is kept by Vault"):
            refused()


@pytest.mark.parametrize(
    ("answers", "kind", "message"),
    [
        ([(403, b'{"errors": ["permission denied"]}')], KeyStoreError, "does not let this token read the key orders"),
        ([(404, b'{"errors": []}')], KeyStoreError, "There is no key orders in Vault"),
        ([(503, b'{"errors": ["Vault is sealed"]}')], KeyServiceUnavailable, "is sealed"),
        ([(473, b"{}")], KeyServiceUnavailable, "is a standby"),
        ([(500, b"oops")] * 4, KeyServiceUnavailable, "answers with HTTP status 500"),
        ([(429, b"{}")] * 4, KeyServiceUnavailable, "answers with HTTP status 429"),
        ([(405, b'{"errors": []}')], KeyStoreError, r"refuses to read the key orders \(HTTP status 405\)"),
        ([(307, b'{"errors": []}')], KeyStoreError, r"\(HTTP status 307\)"),
        ([(200, b"<html>")], KeyStoreError, "is not Vault"),
        ([(200, b"[" * 100_000)], KeyStoreError, "is not Vault"),
        ([(200, b'{"data": {"type": "managed_key", "keys": {}}}')], KeyStoreError, "is of the type managed_key"),
        ([(200, b'{"data": {"type": "rsa-2048", "keys": {"x": 1}}}')], KeyStoreError, "cannot be read"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    transit: Transit, address: str, answers: list[tuple[int, bytes]], kind: type[KeyStoreError], message: str
) -> None:
    transit.answers = list(answers)
    with pytest.raises(kind, match=message) as raised:
        opened(VaultSettings(address)).get("orders")
    assert raised.value.remedy
    assert raised.value.exit_code is ExitCode.KEYS
    assert TOKEN not in "".join(traceback.format_exception(raised.value))
    assert transit.answers == [], "each was asked for, and nothing more"


def test_a_hiccup_is_tried_again_a_few_times(transit: Transit, address: str) -> None:
    paused: list[float] = []
    transit.answers = [(500, b""), (502, b"<html>"), (412, b"{}")]
    assert opened(VaultSettings(address), paused=paused).get("orders").id == "orders:2"
    assert paused == [0.2, 0.4, 0.8]


def test_a_vault_that_is_away_or_silent_is_said(transit: Transit, address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(KeyServiceUnavailable, match=r"cannot be reached: .*refused"):
        opened(VaultSettings(nobody)).list()
    transit.hang = threading.Event()
    with pytest.raises(KeyServiceUnavailable, match=r"gave no answer in 0\.05 seconds"):
        opened(VaultSettings(address, seconds=0.05)).list()
    transit.hang.set()


def test_a_namespace_is_sent(transit: Transit, address: str) -> None:
    transit.namespace = "team-a"
    assert opened(VaultSettings(address, namespace="team-a")).get("orders").id == "orders:2"
    assert opened(VaultSettings(address)).list() == []


def test_a_wrong_token_is_refused_and_never_shown(address: str) -> None:
    with pytest.raises(KeyStoreError, match="does not let this token list keys"):
        opened(VaultSettings(address), token="hvs.wrong").unlock()
    with pytest.raises(KeyStoreError, match="The token for Vault is not one") as raised:
        opened(VaultSettings(address), token="evil\r\nX-Injected: 1").unlock()
    assert "evil" not in str(raised.value)


def test_the_token_comes_from_variable_file_or_command(tmp_path: Path, address: str) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    command = (sys.executable, "-c", f"print({TOKEN!r})")
    for settings, env in (
        (VaultSettings(address), {"VAULT_TOKEN": TOKEN}),
        (VaultSettings(address, token_file=str(file)), {}),
        (VaultSettings(address, token_command=command), {}),
    ):
        assert vault_token(settings, env)() == TOKEN
        assert TOKEN not in repr(settings)
    file.chmod(0o644)
    with pytest.raises(KeyStoreError, match="open to other users"):
        vault_token(VaultSettings(address, token_file=str(file)), {})()
    with pytest.raises(KeyStoreError, match="Vault needs a token"):
        vault_token(VaultSettings(address), {})()


@pytest.mark.parametrize(
    "address",
    ["vault.example", "http://vault.example:8200", "https://", "https://u:p@h", "https://h:x", "https://h/v1"],
)
def test_an_address_that_would_leak_or_fail_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="Vault's address"):
        VaultSettings(address)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "vault.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_only_a_trusted_certificate_gets_the_token(transit: Transit, certificate: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    with serving(transit, lambda plain: server.wrap_socket(plain, server_side=True)) as address:
        assert opened(VaultSettings(address, ca_file=str(certificate))).get("orders").id == "orders:2"
        transit.requests.clear()
        with pytest.raises(KeyStoreError, match=r"certificate of Vault at .* is not trusted"):
            opened(VaultSettings(address)).get("orders")
        assert transit.requests == []


def combined(vault: VaultKeyProvider, tmp_path: Path) -> CombinedKeyProvider:
    keyring = FileKeyProvider(tmp_path / "keys" / "keyring.json", lambda: "x", cost=Cost(64, 1))
    keyring.generate("kem", "ML-KEM-768")
    return CombinedKeyProvider(keyring, vault)


def test_the_keyring_and_vault_are_one_provider(vault: VaultKeyProvider, transit: Transit, tmp_path: Path) -> None:
    keys: KeyProvider = combined(vault, tmp_path)
    assert [info.id for info in keys.list()] == ["kem:1", "orders:1", "orders:2", "wraps:1"]
    assert (keys.get("kem").info.origin, keys.get("orders").info.origin) == ("generated", "vault")
    with pytest.raises(KeyStoreError, match="Vault has a key orders already"):
        keys.generate("orders", "RSA-2048")
    assert keys.generate("kem", "ML-KEM-768").id == "kem:2"
    assert keys.change_state("kem:1", KeyState.RETIRED).state is KeyState.RETIRED
    with pytest.raises(KeyStoreError, match="There is no key order") as raised:
        keys.get("order")
    assert raised.value.remedy
    there = pickle.loads(pickle.dumps(keys.handover()))()
    assert there.get("orders:1").public == keys.get("orders:1").public
    transit.answers = [(503, b"{}")] * 9
    assert keys.get("kem").id == "kem:2", "what the keyring has needs no Vault"


def migration(keys: KeyProvider) -> Any:
    return built(keys, {"format": "RSA-OAEP-SHA256", "old_key": "orders", "new_key": "kem"})


def built(keys: KeyProvider, options: dict[str, Any]) -> Any:
    return build(
        Scope.WRAPPERS, find("ML-KEM-768"), table="documents", field=FIELD, options=options, keys=keys, data_set="d"
    )


def test_old_wraps_of_vault_become_ours_and_an_outage_is_no_dead_letter(
    vault: VaultKeyProvider, transit: Transit, tmp_path: Path
) -> None:
    keys = combined(vault, tmp_path)
    job = migration(keys)
    old = row(encode(wrapped(keys.get("orders")), Encoding.BASE64))
    outcome = job.migrate(old)
    assert isinstance(outcome, Migrated)
    place = Context("d", "documents", FIELD, old.key)
    assert open_wrapped_key(outcome.values[FIELD], keys, place) == DATA_KEY
    transit.answers = [(503, b"{}")]
    with pytest.raises(KeyServiceUnavailable, match="is sealed"):
        job.migrate(old)


def posts(transit: Transit) -> int:
    return sum(method == "POST" for method, _ in transit.requests)


def rows_of(key: Key, count: int, broken: set[int]) -> list[Any]:
    values = [wrapped(key) for _ in range(count)]
    texts = [encode(bytes(256) if n in broken else value, Encoding.BASE64) for n, value in enumerate(values)]
    return [row(text, (n,)) for n, text in enumerate(texts)]


def test_a_page_of_old_values_is_opened_in_a_few_requests(
    vault: VaultKeyProvider, transit: Transit, tmp_path: Path
) -> None:
    keys = combined(vault, tmp_path)
    job, records = migration(keys), rows_of(keys.get("orders"), 230, broken={3, 101, 102})
    records[7] = row(None, (7,))
    records[8] = row("!", (8,))
    transit.requests.clear()
    found = list(outcomes(job, records))
    assert posts(transit) == 3 + 3, "one for each hundred rows, and one for each value that does not open"
    for record, outcome in zip(records, found, strict=True):
        if record.key[0] in (3, 101, 102):
            assert reason(outcome) == "unverifiable"
        elif record.key[0] in (7, 8):
            assert isinstance(outcome, Skipped) if record.key[0] == 7 else reason(outcome) == "unparseable"
        else:
            assert isinstance(outcome, Migrated)
            place = Context("d", "documents", FIELD, record.key)
            assert open_wrapped_key(outcome.values[FIELD], keys, place) == DATA_KEY


def test_rows_are_asked_for_as_they_are_wanted(vault: VaultKeyProvider, transit: Transit, tmp_path: Path) -> None:
    keys = combined(vault, tmp_path)
    records = rows_of(keys.get("orders"), 101, broken=set())
    transit.requests.clear()
    found = outcomes(migration(keys), records)
    assert posts(transit) == 0
    assert isinstance(next(found), Migrated)
    assert posts(transit) == 1
    transit.answers = [(503, b"{}")]
    assert sum(isinstance(next(found), Migrated) for _ in range(99)) == 99
    with pytest.raises(KeyServiceUnavailable, match="is sealed"):
        next(found)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"batch_results": []},
        {"batch_results": "x"},
        {"batch_results": [{"plaintext": "", "reference": "0"}, {"plaintext": "%", "reference": "1"}]},
        {"batch_results": [{"plaintext": "eA==", "reference": "1"}, {"plaintext": "eQ==", "reference": "0"}]},
        {"batch_results": [None, {"error": "no"}]},
    ],
)
def test_what_comes_not_whole_out_of_a_batch_is_asked_for_one_by_one(
    vault: VaultKeyProvider, transit: Transit, answer: dict[str, Any] | None
) -> None:
    key = vault.get("orders")
    assert key.remote is not None
    asked = [(LegacyWrap.RSA_OAEP_SHA256, wrapped(key), WrapParameters()) for _ in range(2)]
    transit.requests.clear()
    if answer is None:
        transit.batches = False
    else:
        transit.answers = [(200, json.dumps({"data": answer}).encode())]
    assert key.remote.open_all(asked) == [DATA_KEY, DATA_KEY]
    assert posts(transit) == 3


def test_forms_that_vault_does_not_know_are_opened_beside_those_it_knows(
    transit: Transit, address: str, tmp_path: Path
) -> None:
    transit.exportable.add("orders")
    key = opened(VaultSettings(address)).get("orders")
    assert key.remote is not None
    known, other = LegacyWrap.RSA_OAEP_SHA256, LegacyWrap.RSA_OAEP_SHA1
    asked = [(form, wrapped(key, form), WrapParameters()) for form in (known, other, known)]
    asked.append((other, bytes(256), WrapParameters()))
    *found, last = key.remote.open_all(asked)
    assert found == [DATA_KEY] * 3
    assert isinstance(last, NotAuthentic)


def test_a_profile_names_vault(transit: Transit, address: str, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[profiles.own]\n[profiles.own.vault]\naddress = "{address}"\ntoken_file = "token"\n')
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    cli = Cli(tmp_path, {"PQCONSOLE_CONFIG": str(config), "PQCONSOLE_PROFILE": "own"})
    assert [key["id"] for key in cli.json("keys", "list")] == ["orders:1", "orders:2", "wraps:1"]
    assert cli.json("keys", "show", "orders")["origin"] == "vault"
    assert cli.ok("keys", "export", "orders:1", "--public").startswith("-----BEGIN PUBLIC KEY-----")
    assert "3 versions of keys" in cli.run("doctor").stdout
    assert {"vault": address}.items() <= {each["name"]: each["value"] for each in cli.json("profile", "show")}.items()
    transit.answers = [(503, b"{}")]
    (line,) = sentences(tmp_path, 5, cli.run("keys", "list"))
    assert "is sealed. Unseal it" in line
    assert TOKEN not in json.dumps(cli.json("keys", "list"))


def test_a_vault_table_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    for table, message in (
        ('mount = "transit"', "It has to be a table with an address"),
        ('address = "https://h"\ntoken = "hvs.x"', "nothing else than address"),
        ('address = "http://vault.example"', "not https"),
    ):
        config.write_text(f"[profiles.own.vault]\n{table}\n")
        with pytest.raises(ConfigurationError, match=message) as raised:
            load(profile="own", env={"PQCONSOLE_CONFIG": str(config)})
        assert "hvs.x" not in str(raised.value)
