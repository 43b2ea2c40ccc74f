"""``joule admin``: what is done on the machine that a node runs on."""

from __future__ import annotations

from joule.cli.lazy import Entry, lazy_group

group = lazy_group(
    "admin",
    "Manage the node on this machine.",
    {
        "authorize": Entry(
            "joule.cli.authorize:authorize", "Give yourself access to the node of this machine."
        ),
    },
)
