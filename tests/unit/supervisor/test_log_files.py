from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest

from joule.supervisor.log import ModuleLog
from joule.supervisor.log_files import LogFile, LogKeeper
from tests.unit.supervisor.conftest import Bench, module

if TYPE_CHECKING:
    from pathlib import Path

    from joule.supervisor import Supervisor


def texts(first: int, count: int) -> list[str]:
    return [f"[T]: line {number}" for number in range(first, first + count)]


def test_lines_come_back_from_the_disk(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "m.log", 10)
    assert file.read() == []
    file.append(texts(0, 3))
    file.append(["[T]: caf\xe9 \\xff \x00\r"])
    assert LogFile(tmp_path / "m.log", 10).read() == [*texts(0, 3), "[T]: caf\xe9 \\xff \x00\r"]


@pytest.mark.parametrize("batch", [1, 3, 10, 25])
def test_a_disk_never_holds_more_than_twice_the_lines(tmp_path: Path, batch: int) -> None:
    file = LogFile(tmp_path / "m.log", 10)
    for first in range(0, 200, batch):
        file.append(texts(first, batch))
        held = sum(len(path.read_text().splitlines()) for path in tmp_path.iterdir())
        assert held <= 20
        if first:
            assert LogFile(tmp_path / "m.log", 10).read() == texts(0, first + batch)[-10:]


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_a_torn_last_line_costs_only_itself(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "m.log"
    LogFile(path, 10).append(texts(0, 3))
    path.write_bytes(path.read_bytes()[:-cut])
    file = LogFile(path, 10)
    assert file.read()[:2] == texts(0, 2)
    file.append(texts(7, 1))
    again = LogFile(path, 10).read()
    assert (again[:2], again[-1]) == (texts(0, 2), texts(7, 1)[0])


def test_bytes_that_are_no_text_are_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "m.log").write_bytes(b"\xff\xfe\x00\ngood\n")
    assert LogFile(tmp_path / "m.log", 10).read()[-1] == "good"


async def test_a_log_goes_on_where_an_earlier_one_ended(tmp_path: Path) -> None:
    for life in range(3):
        log, keeper = ModuleLog(4, clock=lambda: "T"), LogKeeper(tmp_path / "logs", 4)
        await keeper.keep("m", log)
        log.add(f"a{life}")
        log.add(f"b{life}")
        await keeper.write()
        await keeper.write()
    assert log.lines == ["[T]: a1", "[T]: b1", "[T]: a2", "[T]: b2"]
    assert (tmp_path / "logs" / "m.log").read_text().splitlines() == log.lines[2:]


async def test_lines_are_stored_in_batches_and_the_last_ones_at_the_end(tmp_path: Path) -> None:
    log, keeper = ModuleLog(100), LogKeeper(tmp_path, 100)
    await keeper.keep("m", log)
    running = asyncio.create_task(keeper.run())
    log.add("one")
    await asyncio.sleep(0.01)
    assert not (tmp_path / "m.log").exists()
    running.cancel()
    await asyncio.wait([running])
    assert (tmp_path / "m.log").read_text().endswith("one\n")


async def test_a_folder_that_cannot_be_written_is_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs").touch()
    log, keeper = ModuleLog(100), LogKeeper(tmp_path / "logs", 100)
    await keeper.keep("m", log)
    for _ in range(3):
        log.add("lost")
        await keeper.write()
    assert [r.getMessage()[:33] for r in caplog.records] == ["Cannot store the logs of the modu"]
    (tmp_path / "logs").unlink()
    log.add("kept")
    await keeper.write()
    assert "kept" in (tmp_path / "logs" / "m.log").read_text()


async def test_a_log_that_nobody_keeps_goes_a_month_after_its_last_line(tmp_path: Path) -> None:
    day_s, now = 24 * 3600, time.time()
    ages = {"kept.log": 90, "kept.log.old": 99, "gone.log": 31, "gone.log.old": 40}
    ages |= {"left.log": 29, "left.log.old": 35, "notes.txt": 99}
    for name, days in ages.items():
        (tmp_path / name).write_text("line\n")
        os.utime(tmp_path / name, (now - days * day_s, now - days * day_s))
    keeper = LogKeeper(tmp_path, 10)
    await keeper.keep("kept", ModuleLog(10))
    await keeper.tidy()
    left = {"kept.log", "kept.log.old", "left.log", "notes.txt"}
    assert set(os.listdir(tmp_path)) == left


async def test_a_log_stays_when_its_module_leaves_and_goes_when_it_is_old(bench: Bench) -> None:
    conf = module("m", "print('hello'); sleep()")
    object.__setattr__(conf, "file", bench.folder / "m.conf")
    log = bench.folder / "logs" / "m.log"
    async with bench.running(conf, log_dir=log.parent) as supervisor:
        while not supervisor.logs("m"):  # noqa: ASYNC110 - lines are not announced
            await asyncio.sleep(0.01)
        await supervisor.reload([])
        assert log.exists()
        os.utime(log, (0, 0))
        await supervisor.reload([])
        assert not log.exists()


def said(supervisor: Supervisor) -> int:
    return " ".join(supervisor.logs("m")).count("hello")


async def test_what_modules_print_survives_the_supervisor(bench: Bench) -> None:
    conf = module("m", "print('hello', os.getpid()); sleep()")
    object.__setattr__(conf, "file", bench.folder / "m.conf")
    for life in (1, 2):
        async with bench.running(conf, log_dir=bench.folder / "logs") as supervisor:
            while said(supervisor) < life:  # noqa: ASYNC110 - lines are not announced
                await asyncio.sleep(0.01)
        assert said(supervisor) == life


async def test_a_log_is_followed_from_its_first_line_on() -> None:
    log = ModuleLog(3, clock=lambda: "T")
    log.add("one")
    tail = log.tail()
    assert await anext(tail) == ["[T]: one"]
    waiting = asyncio.ensure_future(anext(tail))
    await asyncio.sleep(0)
    log.feed(b"two\nthree\n")
    assert await waiting == ["[T]: two", "[T]: three"]
    for number in range(10):
        log.add(str(number))
    assert await anext(tail) == ["[T]: 7", "[T]: 8", "[T]: 9"]
