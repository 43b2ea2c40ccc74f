"""``joule stream annotations``: the notes on a data stream."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import click

import joule
from joule.cli import output
from joule.cli.options import as_json, bounds
from joule.cli.session import on_node
from joule.wire.json_models import annotation_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joule.api import Annotation, Node


@click.command("annotations")
@click.argument("stream")
@bounds
@click.option("-c", "--csv", "as_csv", is_flag=True, help="Print CSV, times in microseconds.")
@click.option("--delete", is_flag=True, help="Remove them, without asking.")
@as_json
@on_node
async def list_annotations(
    node: Node,
    stream: str,
    start: int | None,
    end: int | None,
    as_csv: bool,
    delete: bool,
    as_json: bool,
) -> None:
    """List the annotations of STREAM that begin in the range, or remove them."""
    if delete:
        await node.data_stream_annotation_delete(stream, start, end)
        output.ok()
        return
    found = await node.annotation_get(stream, start, end)
    if as_json:
        output.document([annotation_to_json(annotation) for annotation in found])
    elif as_csv:
        for line in _csv(found):
            output.line(line)
    else:
        output.table(["Title", "Content", "Start", "End"], map(_row, found))


def _row(annotation: Annotation) -> tuple[str, str, str, str]:
    start, end = _human(annotation.start), _human(annotation.end)
    return annotation.title, annotation.content or "", start, end


def _human(timestamp: int | None) -> str:
    if timestamp is None:
        return output.DASH
    return joule.utilities.timestamp_to_human(timestamp).strip()


def _csv(found: Iterable[Annotation]) -> Iterable[str]:
    for annotation in found:
        values: list[object] = [annotation.title, annotation.content or "", annotation.start]
        if annotation.end is not None:
            values.append(annotation.end)
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(values)
        yield text.getvalue()
