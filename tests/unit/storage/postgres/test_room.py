from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from joule.storage.interfaces import Volume
from joule.storage.postgres import room

if TYPE_CHECKING:
    from pathlib import Path

    from joule.storage.postgres import PostgresEngine


async def test_the_database_has_a_size_and_an_address_without_a_password(
    engine: PostgresEngine,
) -> None:
    usage = await engine.usage()
    assert usage.size_bytes > 1_000_000
    assert usage.path == str(engine._server.address)
    assert usage.fault is None


async def test_a_server_that_is_away_is_a_fault(engine: PostgresEngine) -> None:
    await engine._server.close()
    usage = await engine.usage()
    assert usage.size_bytes == -1
    assert "cannot connect to postgresql://" in str(usage.fault)


def test_the_volume_is_that_of_the_folder(tmp_path: Path) -> None:
    volume = room._volume(str(tmp_path), 5)
    total, used, _ = shutil.disk_usage(tmp_path)
    assert sum(volume) == pytest.approx(total - 5, rel=0.01)
    assert volume.other == pytest.approx(used, rel=0.01)
    assert room._volume(str(tmp_path / "elsewhere"), 5) == Volume(-1, -1, -1)


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("db.example", False)],
)
async def test_only_a_server_on_this_machine_is_looked_at(
    engine: PostgresEngine, host: str, is_here: bool
) -> None:
    assert room._is_here(replace(engine._server.address, host=host)) is is_here
