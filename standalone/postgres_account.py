"""PostgreSQL refuses to run as root: the account it runs under instead, and that account's way to the files."""

from __future__ import annotations

import logging
import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CANDIDATES: Final = ("postgres", "nobody")
_SEARCH: Final = stat.S_IXOTH
_READ: Final = stat.S_IROTH

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server; all None: the account that runs us."""

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None

    def make_directory(self, path: Path) -> None:
        """Make a directory that belongs to this account alone."""
        path.mkdir(mode=0o700)
        self.take(path)

    def take(self, path: Path) -> None:
        """Give a file or directory to this account."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


def account_for_server(*, package: Path, directory: Path) -> Account:
    """Our own account, or for root the system's account for databases (else `nobody`).

    That account is let through to the server's `package` and to the `directory` of its data: search permission on the
    directories above, read permission on the package's files.
    """
    if os.geteuid() != 0:
        return Account()
    entry = _first_known(_CANDIDATES)
    for path in (package, directory):
        _open_way_to(path)
    _make_readable(package)
    return Account(entry.pw_uid, entry.pw_gid, ())


def _first_known(names: Iterable[str]) -> pwd.struct_passwd:
    for name in names:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LookupError(f"Running as root needs one of these system accounts: {', '.join(_CANDIDATES)}.")


def _open_way_to(path: Path) -> None:
    for directory in (path, *path.parents):
        if not directory.stat().st_mode & _SEARCH:
            logger.warning("letting other accounts pass through %s, so that PostgreSQL reaches its files", directory)
            _allow(directory, _SEARCH)


def _make_readable(tree: Path) -> None:
    # A package installed under a strict umask is readable by its owner only.
    for directory, _, files in os.walk(tree):
        _allow(Path(directory), _SEARCH | _READ)
        for name in files:
            path = Path(directory, name)
            executable = path.stat().st_mode & stat.S_IXUSR
            _allow(path, _READ | (_SEARCH if executable else 0))


def _allow(path: Path, permissions: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & permissions != permissions:
        path.chmod(mode | permissions)
