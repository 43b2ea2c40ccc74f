"""Which column of a file goes into which element of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import numpy as np

from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joule.models.layout import Rows


def pairs(_: click.Context, option: click.Parameter, texts: Sequence[str]) -> dict[str, str]:
    """Give what was typed as ``ELEMENT=COLUMN``."""
    split = [text.partition("=") for text in texts]
    for element, equals, column in split:
        if not (element and equals and column):
            raise click.ClickException(f"specify {option.opts[-1]} as ELEMENT=COLUMN")
    return {element: column for element, _, column in split}


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The columns of a file to take, in the order of the stream's elements; None for all."""

    columns: tuple[int, ...] | None

    @classmethod
    def choose(
        cls, columns: Sequence[str], elements: Sequence[str], given: Mapping[str, str]
    ) -> ColumnMap:
        """Choose columns for elements: as ``given``, else by name, else by position.

        Names count when they are the same ones in another order, or when any were given. Raises
        ``ClickException`` for a column that is not there.
        """
        if not given and (sorted(columns) != sorted(elements) or list(columns) == list(elements)):
            return cls(None)
        unknown = [element for element in given if element not in elements]
        if unknown:
            raise click.ClickException(f"the stream has no element [{unknown[0]}]")
        names = [given.get(element, element) for element in elements]
        for element, name in zip(elements, names, strict=True):
            if name not in columns:
                raise click.ClickException(
                    f"the data file has no column [{name}] for element [{element}]"
                )
        return cls(tuple(columns.index(name) for name in names))

    def layout(self, layout: Layout) -> Layout:
        """Give the layout that rows of ``layout`` have then."""
        return layout if self.columns is None else Layout(layout.datatype, len(self.columns))

    def apply(self, rows: Rows) -> Rows:
        """Give the rows with these columns."""
        if self.columns is None:
            return rows
        values = rows["data"][:, list(self.columns)]
        mapped: Rows = np.empty(len(rows), Layout(values.dtype.name, values.shape[1]).dtype)
        mapped["timestamp"] = rows["timestamp"]
        mapped["data"] = values
        return mapped
