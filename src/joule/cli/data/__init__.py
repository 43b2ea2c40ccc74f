"""``joule data``: the rows of data streams. One file per command."""

from __future__ import annotations

from joule.cli.lazy import Entry, lazy_group

group = lazy_group(
    "data",
    "Read, write and remove data.",
    {
        "read": Entry("joule.cli.data.read:read", "Print data or save it to a file."),
        "copy": Entry("joule.cli.data.copy:copy", "Copy data to another stream or node."),
        "intervals": Entry("joule.cli.data.intervals:intervals", "List unbroken runs of data."),
        "consolidate": Entry("joule.cli.data.intervals:consolidate", "Join intervals."),
        "delete": Entry("joule.cli.data.delete:delete", "Remove data.", ("remove",)),
        "ingest": Entry("joule.cli.data.ingest:ingest", "Store data from an HDF5 or CSV file."),
        "export": Entry("joule.cli.data.export:export", "Save data to a file."),
        "merge": Entry("joule.cli.data.merge:merge", "Join streams side by side."),
        "filter": Entry("joule.cli.data.filter:group", "Store a smoothed copy of a stream."),
    },
)
