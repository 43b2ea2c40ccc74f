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
        "backup": Entry("joule.cli.backup:backup", "Copy everything the node has stored."),
        "check": Entry("joule.cli.check:check", "Check everything the node has stored."),
        "erase": Entry("joule.cli.erase:erase", "Remove everything the node has stored."),
        "initialize": Entry("joule.cli.initialize:initialize", "Set up a node on this machine."),
        "reload": Entry("joule.cli.reload:reload", "Let the node read its configuration again."),
        "restore": Entry("joule.cli.backup:restore", "Put a backup in the node's place."),
    },
)
