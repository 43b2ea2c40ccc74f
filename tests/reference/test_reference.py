"""The client library against the facts of the published API reference."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.reference.check import faults
from tests.reference.facts import NO_DEFAULT, Parameter, load, methods, methods_in_text

ROOT = Path(__file__).parents[2]


def test_every_name_signature_default_and_error_of_the_reference_is_here() -> None:
    assert faults() == []


def test_the_check_sees_what_is_missing_or_different() -> None:
    class Poor:
        def folder_get(self, path: str) -> None:
            """Call its parameter something else."""

        def module_list(self, statistics: bool = True) -> None:
            """Have another default."""

        def data_stream_get(self, stream: str, folder: str) -> None:
            """Ask for more."""

        def folder_root(self) -> None:
            pass

    found = faults(Poor)
    assert "Node.folder_get: parameter 1 is not called folder" in found
    assert "Node.module_list: statistics is not False by default" in found
    assert "Node.data_stream_get: folder is not documented and must be given" in found
    assert "Node.folder_root has no docstring" in found
    assert "Node.data_read is missing" in found


def test_our_facts_are_those_of_the_published_text() -> None:
    """Runs where the text of the reference is at hand; the rest does not need it."""
    beside = ROOT.parent / "shared" / "spec" / "api-reference.rst"
    path = Path(os.environ.get("JOULE_API_REFERENCE", beside))
    if not path.is_file():
        pytest.skip("the text of the API reference is not here (JOULE_API_REFERENCE)")
    facts = load()
    text = path.read_text()
    assert methods(facts) == methods_in_text(text, facts["misprints"])
    wanted = {method.error for method in methods(facts).values() if method.error}
    assert [error for error in wanted if f"joule.errors.ApiError: {error}" not in text] == []
    assert [name for name in facts["errors"] if f"joule.errors.{name}" not in text] == []
    assert [path for path in facts["attributes"] if path not in text] == []


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        (".. function:: Node.a() -> x\n\n", ()),
        (".. function:: Node.a(b: Union[A, str],\n   c=None) -> x:\n\n", ("b", ("c", None))),
        (".. function:: Node.a(b: 10, c: Optional[int] = True)\n\n", (("b", 10), ("c", True))),
    ],
)
def test_the_text_of_a_signature_is_understood(text: str, parameters: Any) -> None:
    expected = [
        Parameter(item, NO_DEFAULT) if isinstance(item, str) else Parameter(*item)
        for item in parameters
    ]
    (found,) = methods_in_text(text, {}).values()
    assert list(found.parameters) == expected
