"""``joule data export``: stored rows into a file, breaks and all."""

from __future__ import annotations

import click

from joule.cli.data.columns import element_list
from joule.cli.data.formats import FORMATS
from joule.cli.data.read import Request, run
from joule.cli.options import bounds


@click.command("export")
@click.argument("stream")
@click.argument("file", type=click.Path(dir_okay=False))
@bounds
@click.option("-i", "--elements", callback=element_list, help="Columns to save, like 0,2.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="Default: as the name of the file ends; HDF5 if it says nothing.",
)
def export(
    stream: str,
    file: str,
    start: int | None,
    end: int | None,
    elements: tuple[int, ...] | None,
    kind: str | None,
) -> None:
    """Save the data of STREAM to FILE, which joule data ingest can read if it is HDF5 or CSV.

    The same as joule data read -m -f FILE STREAM.
    """
    run(
        Request(
            stream=stream,
            start=start,
            end=end,
            live=False,
            max_rows=None,
            show_bounds=False,
            mark_intervals=True,
            elements=elements,
            file=file,
            format=kind,
        )
    )
