"""Copies of a store in use, and another store in the place of one."""

from __future__ import annotations

import asyncio
import shutil
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import StorageError, StorageFullError, StorageInUseError
from joule.models.intervals import ALL_TIME
from joule.models.layout import joined
from joule.storage.embedded import EmbeddedEngine, database
from joule.storage.embedded.checking import check_store
from joule.storage.embedded.copying import copy_store, held, replace_store
from joule.storage.embedded.snapshot import snapshot
from joule.testing.engine_contract.checks import make_rows, read_runs

from .stores import INTS, fill, findings

if TYPE_CHECKING:
    from pathlib import Path

    from joule.models.layout import Rows


async def all_rows(engine: EmbeddedEngine) -> Rows:
    runs, _ = await read_runs(engine.samples, INTS, ALL_TIME)
    return joined(runs)


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def test_a_copy_is_one_file_for_its_owner_with_everything_in_it(
    path: Path, tmp_path: Path
) -> None:
    await fill(path)
    target = tmp_path / "copies" / "copy.db"
    target.parent.mkdir()
    steps: list[tuple[int, int]] = []
    async with EmbeddedEngine(path):
        copy_store(path, target, lambda *step: steps.append(step))
    assert names(target.parent) == {"copy.db"}
    assert target.stat().st_mode & 0o777 == 0o600
    assert steps[-1] == (target.stat().st_size, target.stat().st_size)
    assert findings(target) == []
    assert check_store(target, print) == check_store(path, print)


async def test_a_copy_has_what_was_committed_when_it_began_and_nothing_later(
    path: Path, tmp_path: Path
) -> None:
    """A writer commits all the time, so a copy that began again at each change never ended."""
    await fill(path)
    target = tmp_path / "copy.db"
    async with EmbeddedEngine(path) as engine:
        engine.samples.append(INTS, make_rows(INTS.layout, np.arange(10_000, 400_000)))
        await engine.samples.commit()
        expected = await engine.samples.info(INTS)
        never = threading.Event()

        def linger(_done: int, _all: int) -> None:
            never.wait(0.02)

        copying = asyncio.ensure_future(asyncio.to_thread(copy_store, path, target, linger))
        at = 400_000
        while not copying.done():
            engine.samples.append(INTS, make_rows(INTS.layout, np.arange(at, at + 500)))
            await engine.samples.commit()
            await engine.maintain()
            at += 500
        await copying
        assert at > 401_000
        now = await all_rows(engine)
    assert findings(target) == []
    async with EmbeddedEngine(target) as copy:
        found = await copy.samples.info(INTS)
        assert expected.rows <= found.rows < len(now)
        rows = await all_rows(copy)
        assert rows.tobytes() == now[: len(rows)].tobytes()


async def test_upkeep_does_not_wait_for_a_copy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 60_000)
    await fill(path)
    async with EmbeddedEngine(path) as engine, asyncio.timeout(20):
        engine.samples.append(INTS, make_rows(INTS.layout, np.arange(9000, 9010)))
        await engine.samples.commit()
        with snapshot(path):
            engine.samples.append(INTS, make_rows(INTS.layout, np.arange(9010, 9020)))
            await engine.samples.commit()
            await engine.maintain()
        await engine.maintain()
        assert path.with_name("joule.db-wal").stat().st_size == 0


async def test_a_copy_that_fails_leaves_the_target_as_it_was(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path)
    target = tmp_path / "copy.db"
    target.write_text("precious")
    before = names(tmp_path)

    def fail(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_store(path, target, fail)
    with pytest.raises(StorageError, match="there is no store"):
        copy_store(tmp_path / "none.db", target)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(StorageFullError, match=r"copy\.db needs \d+ bytes, .* has room for 1000"):
        copy_store(path, target)
    assert target.read_text() == "precious"
    assert names(tmp_path) == before
    with pytest.raises(StorageError, match="is the store itself"):
        copy_store(path, path)


async def test_another_store_takes_the_place_and_the_old_one_is_kept(
    path: Path, tmp_path: Path
) -> None:
    await fill(path)
    copy_store(path, tmp_path / "new.db")
    async with EmbeddedEngine(path) as engine:
        engine.samples.append(INTS, make_rows(INTS.layout, np.arange(9000, 9010)))
    with held(path):
        aside = replace_store(path, tmp_path / "new.db")
    assert aside is not None
    assert names(tmp_path) == {"joule.db", "joule.db.lock", aside.name}
    for file, rows in ((path, 5020), (aside, 5030)):
        assert findings(file) == []
        async with EmbeddedEngine(file) as engine:
            assert (await engine.samples.info(INTS)).rows == rows


def test_the_log_of_a_damaged_store_goes_aside_with_it_and_never_to_the_new_one(
    path: Path, tmp_path: Path
) -> None:
    asyncio.run(fill(path))
    copy_store(path, tmp_path / "new.db")
    log = tmp_path / "joule.db-wal"
    path.write_bytes(b"damaged" * 1000)
    log.write_bytes(b"log")
    aside = replace_store(path, tmp_path / "new.db")
    assert aside is not None
    assert aside.read_bytes() == b"damaged" * 1000
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"log"
    assert not log.exists()
    assert findings(path) == []


async def test_a_store_in_use_cannot_be_held(path: Path) -> None:
    async with EmbeddedEngine(path):
        with pytest.raises(StorageInUseError, match="in use by another process"), held(path):
            pass
    with held(path):
        pass
