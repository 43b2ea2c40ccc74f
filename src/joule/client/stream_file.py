"""The text of a data stream file, for readers that know which elements they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.streams import Element


def stream_file(
    path: str, elements: Sequence[Element], *, keep: str = "1w", description: str = ""
) -> str:
    """Give the text of the file for a float32 stream at ``path`` with these elements."""
    folder, _, name = path.rpartition("/")
    lines = ["[Main]", f"name = {name}", f"path = {folder or '/'}", "datatype = float32"]
    lines.append(f"keep = {keep}")
    if description:
        lines.append(f"description = {_literal(description)}")
    for number, element in enumerate(elements, start=1):
        lines += ["", f"[Element{number}]", f"name = {_literal(element.name)}"]
        lines += [f"units = {_literal(element.units)}"] if element.units is not None else []
    return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    return text.replace("%", "%%")
