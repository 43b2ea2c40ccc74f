"""Rows on the wire: what the head of an answer says of the packed rows in its body.

The body itself is framed as everywhere, see :mod:`joule.models.framing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYOUT_HEADER = "joule-layout"
"""Layout of the rows."""

DECIMATION_HEADER = "joule-decimation"
"""Decimation level of the rows, ``1`` for raw ones."""


def row_headers(layout: Layout, level: int) -> dict[str, str]:
    """Give the headers of an answer with rows."""
    kind = {"Content-Type": "application/octet-stream"}
    return {LAYOUT_HEADER: str(layout), DECIMATION_HEADER: str(level), **kind}


def layout_and_level(headers: Mapping[str, str]) -> tuple[Layout, int]:
    """Read the headers of an answer with rows; ``ValueError`` when it is none."""
    layout, level = headers.get(LAYOUT_HEADER, ""), headers.get(DECIMATION_HEADER, "")
    try:
        return Layout.parse(layout), int(level)
    except ValueError as error:
        raise ValueError(f"layout [{layout}], level [{level}]") from error
