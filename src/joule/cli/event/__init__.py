"""``joule event``: event streams and their events. One file per kind of work."""

from __future__ import annotations

from joule.cli.lazy import Entry, lazy_group

group = lazy_group(
    "event",
    "Manage event streams.",
    {
        "list": Entry("joule.cli.event.manage:list_streams", "List event streams."),
        "info": Entry("joule.cli.event.manage:info", "Show what an event stream is and holds."),
        "move": Entry("joule.cli.event.manage:move", "Move an event stream into another folder."),
        "rename": Entry("joule.cli.event.manage:rename", "Change the name of an event stream."),
        "read": Entry("joule.cli.event.read:read", "Print events."),
        "copy": Entry("joule.cli.event.copy:copy", "Copy events to another stream."),
        "delete": Entry("joule.cli.event.read:delete", "Remove events.", ("remove",)),
    },
)
