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
        "ingest": Entry("joule.cli.ingest:ingest", "Store files in the node of this machine."),
        "initialize": Entry("joule.cli.initialize:initialize", "Set up a node on this machine."),
        "migrate": Entry(
            "joule.cli.migrate:migrate", "Move everything a node has stored to another database."
        ),
        "reload": Entry("joule.cli.reload:reload", "Let the node read its configuration again."),
        "restore": Entry("joule.cli.backup:restore", "Put a backup in the node's place."),
        "upgrade": Entry(
            "joule.cli.upgrade:upgrade", "Part with Joule 1.0: keep no key in clear text."
        ),
    },
)
