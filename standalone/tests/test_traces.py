"""A text is found however it is written; what is not there is not."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from standalone.traces import forms, traces

NAME = "欧阳明月"
WRITTEN = {
    "UTF-8": NAME.encode(),
    "UTF-16 LE": NAME.encode("utf-16-le"),
    "UTF-16 BE": NAME.encode("utf-16-be"),
    "GB 18030": NAME.encode("gb18030"),
    "JSON escapes": json.dumps({"name": NAME}).encode(),
    "percent escapes": quote(f"/who/{NAME}").encode(),
    "hexadecimal": b"\\x" + NAME.encode().hex().encode(),
    "hexadecimal, capitals": NAME.encode().hex().upper().encode(),
    **{f"base64, shifted by {n}": base64.b64encode(b"{" * n + f"{NAME} and more".encode()) for n in range(3)},
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_text_is_found_as_it_is_written(form: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\0" * 4099 + WRITTEN[form] + b"\xff" * 10)
    (tmp_path / "empty").touch()
    assert form in {trace.form for trace in traces(tmp_path, [NAME])}
    assert not list(traces(tmp_path, [NAME], leave_out=["deep"]))
    assert not list(traces(tmp_path, ["司马明月"]))


def test_every_form_is_tried() -> None:
    assert forms(NAME).keys() == WRITTEN.keys()
