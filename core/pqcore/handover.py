"""What a process is given to go on with the work of another one: the database, the keyring and the secrets to both.

It goes through an inherited descriptor, never through arguments or the environment, which other users of the host or
crash reports may see.
"""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pqcore import actor
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.errors import ConfigurationError
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.provider import KeyProvider
from pqcore.keys.sources import passphrase_source
from pqcore.settings import load
from pqcore.workspace import Workspace


def document_of(workspace: Workspace) -> dict[str, Any]:
    """The workspace as JSON knows it. It holds secrets. May ask for the passphrase, where there is a keyring.

    Raises:
        KeyStoreError: the keyring cannot be opened.
        ConfigurationError: the driver's arguments are such that they cannot be handed over.
    """
    settings = workspace.settings
    keys = workspace.keys.handover()
    document = {
        "url": settings.url,
        "password": workspace.db.engine.url.password,
        "keys": None if keys is None else base64.b64encode(pickle.dumps(keys)).decode("ascii"),
        "keyring": str(settings.keyring),
        "operator": settings.operator,
        "threads": settings.threads,
        "connect_args": dict(settings.connect_args),
        "data_dir": str(settings.data_dir),
    }
    try:
        json.dumps(document)
    except (TypeError, ValueError):
        message = "The profile's connect_args hold a value that cannot be handed over"
        raise ConfigurationError(message, "Write it as a text, or start pqconsole work by hand") from None
    return document


def open_handed(document: Mapping[str, Any]) -> Workspace:
    """Open what was handed over, by the process that started this one: it is trusted as that is.

    Raises:
        DatabaseError, KeyStoreError: it cannot be opened here.
    """
    settings = replace(
        load(url=document["url"], env={"PQCONSOLE_HOME": document["data_dir"]}),
        keyring=Path(document["keyring"]),
        operator=document["operator"],
        threads=document["threads"],
        connect_args=document["connect_args"],
    )
    password: str | None = document["password"]
    keys: KeyProvider
    if document["keys"] is None:
        keys = FileKeyProvider(settings.keyring, passphrase_source(settings, env={}))
    else:
        keys = pickle.loads(base64.b64decode(document["keys"]))()  # noqa: S301 - what multiprocessing does, too
    db = Database.open(settings.url, password=password, connect_args=settings.connect_args, existing=True)
    workspace = Workspace(settings, db, keys, actor.current(), password)
    try:
        install.require(db)
    except BaseException:
        workspace.close()
        raise
    return workspace
