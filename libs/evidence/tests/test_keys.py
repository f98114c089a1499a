"""Private keys are made once and are nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.evidence.keys import private_key_from
from libs.evidence.notes import NotANote


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "log.key"
    key = private_key_from(file)
    assert file.stat().st_mode & 0o077 == 0
    assert private_key_from(file).private_bytes_raw() == key.private_bytes_raw()


def test_what_is_no_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.key").write_text("AAAA")
    with pytest.raises(NotANote):
        private_key_from(tmp_path / "log.key")
