"""Files that hold secrets: who may read them, one writer at a time, and writes that survive a crash."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from pqcore.errors import KeyStoreError

BACKUPS = 5
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_UNFINISHED = re.compile(r"\..*\.[0-9a-f]{16}\.tmp")


def check_above(path: Path) -> None:
    """Refuse a place whose parents let other users put something else there.

    Raises:
        KeyStoreError: a parent may be written by everybody (and is not sticky, as /tmp is), or a link on the way is
            someone else's.
    """
    for folder in {*path.absolute().parents, *path.resolve().parents}:
        try:
            if (link := folder.lstat()) and stat.S_ISLNK(link.st_mode) and link.st_uid not in (0, os.geteuid()):
                raise KeyStoreError(f"{folder} is a symbolic link of another user", "Name the folder itself")
            mode = folder.stat().st_mode
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _refused(folder, error) from error
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise KeyStoreError(
                f"{folder} may be written by everybody, so what is in {path} may be put there by anybody",
                f"Run chmod o-w {shlex.quote(str(folder))}, or keep the keys elsewhere",
            )


@contextlib.contextmanager
def open_folder(path: Path, *, create: bool = False) -> Iterator[int]:
    """A descriptor of a directory that belongs to this user alone (0700).

    Raises:
        FileNotFoundError: it does not exist and ``create`` is False.
        KeyStoreError: it is a link, belongs to someone else, or is open to others.
    """
    if create:
        _make(path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _refused(path, error) from error
    try:
        _check(os.fstat(fd), path, "700")
        yield fd
    finally:
        os.close(fd)


def read_private(path: Path, folder: int | None = None, *, limit: int) -> tuple[bytes, tuple[int, ...]]:
    """Content of a regular file of this user that nobody else may touch (0600), and its identity.

    The identity changes with every rewrite and every change of owner or mode.

    Raises:
        FileNotFoundError: it does not exist.
        KeyStoreError: it is a link or no regular file, belongs to someone else, is open to others, or too large.
    """
    try:
        # O_NONBLOCK: a named pipe in its place must not hang us.
        fd = os.open(
            path.name if folder is not None else path,
            os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
            dir_fd=folder,
        )
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _refused(path, error) from error
    with os.fdopen(fd, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise KeyStoreError(f"{path} is not a regular file", "Put a regular file in its place")
        _check(status, path, "600")
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise KeyStoreError(f"{path} is larger than {limit} bytes", "Check that this is the right file")
    return content, _identity(status)


def identity(name: str, folder: int) -> tuple[int, ...]:
    """Identity of a file, as ``read_private`` gives it; FileNotFoundError where it is not there."""
    return _identity(os.stat(name, dir_fd=folder, follow_symlinks=False))


@contextlib.contextmanager
def locked(name: str, folder: int) -> Iterator[None]:
    """Hold the lock file ``name``: one holder among all processes and threads; waits for its turn."""
    fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def replace_private(name: str, content: bytes, folder: int, *, previous: bytes | None) -> None:
    """Write a file so that a crash leaves the old or the new one, whole and on disk.

    ``previous``, where given, is kept as ``name.1`` first; older backups move to ``.2`` and on, up to ``BACKUPS``. The
    caller holds the lock.
    """
    _remove_unfinished(name, folder)
    if previous is not None:
        for number in range(BACKUPS - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"{name}.{number}", f"{name}.{number + 1}", src_dir_fd=folder, dst_dir_fd=folder)
        _write(f"{name}.1", previous, folder)
    _write(name, content, folder)


def _remove_unfinished(name: str, folder: int) -> None:
    """What a writer that was killed has left; the lock says that there is no other writer now."""
    for found in os.listdir(folder):
        if _UNFINISHED.fullmatch(found) and found.startswith(f".{name}."):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(found, dir_fd=folder)


def _write(name: str, content: bytes, folder: int) -> None:
    temporary = f".{name}.{os.urandom(8).hex()}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _make(path: Path) -> None:
    try:
        for missing in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise KeyStoreError(f"The folder {path} cannot be made: {error.strerror}", "Choose another keyring") from error


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode, status.st_uid)


def _check(status: os.stat_result, path: Path, mode: str) -> None:
    if status.st_uid != os.geteuid():
        raise KeyStoreError(f"{path} belongs to another user", "Use a keyring of your own, or run as its owner")
    if status.st_mode & _OTHERS:
        raise KeyStoreError(f"{path} is open to other users", f"Run chmod {mode} {shlex.quote(str(path))}")


def _refused(path: Path, error: OSError) -> KeyStoreError:
    if error.errno == errno.ELOOP or path.is_symlink():
        return KeyStoreError(f"{path} is a symbolic link", "Name the file or folder itself")
    if error.errno == errno.ENOTDIR:
        return KeyStoreError(f"{path} is not in a folder", "Name a file inside a folder of its own")
    return KeyStoreError(f"{path} cannot be opened: {error.strerror}", "Check its owner and permissions")
