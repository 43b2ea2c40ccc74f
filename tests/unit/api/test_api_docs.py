"""The examples of docs/python.md run, one after another, as a reader would type them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from joule.api import sync
from tests.unit.api.served import served_node

PAGE = Path(__file__).parents[3] / "docs" / "python.md"


def test_every_example_of_the_page_runs(capsys: Any) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) > 5
    names: dict[str, Any] = {}
    with served_node() as running:
        sync.save_node(sync.create_tcp_node(running.url, running.key))
        for number, example in enumerate(examples):
            exec(compile(example, f"{PAGE.name}, example {number + 1}", "exec"), names)
    printed = capsys.readouterr().out
    assert "3600 [[" in printed
    assert "{'load': 'kettle'}" in printed
    assert "stream does not exist [404]" in printed
