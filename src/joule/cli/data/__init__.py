"""``joule data``: the rows of data streams. One file per command."""

from __future__ import annotations

from joule.cli.lazy import Entry, lazy_group

group = lazy_group(
    "data",
    "Read, write and remove data.",
    {
        "read": Entry("joule.cli.data.read:read", "Print data or save it to a file."),
        "ingest": Entry("joule.cli.data.ingest:ingest", "Store data from an HDF5 file."),
        "intervals": Entry("joule.cli.data.intervals:intervals", "List unbroken runs of data."),
        "consolidate": Entry("joule.cli.data.intervals:consolidate", "Join intervals."),
        "delete": Entry("joule.cli.data.delete:delete", "Remove data.", ("remove",)),
    },
)
