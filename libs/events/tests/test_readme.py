"""The example on the first page does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"


async def test_the_example_runs_and_gives_what_the_page_says() -> None:
    text = README.read_text()
    (source,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(source, str(README), "exec"), names)
    (claimed,) = re.findall(r"`asyncio\.run\(main\(\)\)` gives `(.*?)`", text)
    assert repr(await names["main"]()) == claimed


def test_every_module_is_on_the_page() -> None:
    text = README.read_text()
    modules = {path.stem for path in README.parent.glob("*.py")} - {"__init__"}
    assert {name for name in modules if f"`{name}`" not in text} == set()
