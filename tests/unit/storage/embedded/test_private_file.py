"""Who may read the files of a store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from joule.storage.embedded import EmbeddedEngine

if TYPE_CHECKING:
    from pathlib import Path

NODE = 12345
"""The user of the node, who need not exist."""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
async def test_a_store_that_root_makes_belongs_to_the_owner_of_its_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, NODE, NODE)
    async with EmbeddedEngine(tmp_path / "joule.db") as engine:
        await engine.catalog.set_property("name", 1)
        found = {entry.name: entry.stat() for entry in os.scandir(tmp_path)}
    assert found.keys() == {"joule.db", "joule.db.lock", "joule.db-wal", "joule.db-shm"}
    assert {(each.st_uid, each.st_gid) for each in found.values()} == {(NODE, NODE)}


async def test_only_its_owner_reads_a_store(tmp_path: Path) -> None:
    async with EmbeddedEngine(tmp_path / "joule.db"):
        modes = {entry.name: entry.stat().st_mode & 0o777 for entry in os.scandir(tmp_path)}
    assert set(modes.values()) == {0o600}
