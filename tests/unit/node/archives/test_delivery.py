"""One archive on its way to a target: into a folder that others fill, too, and to odd addresses."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from joule.node.archives.delivery import DeliveryError, deliver
from tests.unit.node.archives.support import EXPORTER

if TYPE_CHECKING:
    from pathlib import Path

NAME = "ww-data_2026_01_02-03-04-05.zip"


def archive(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    file = folder / NAME
    file.write_bytes(content)
    return file


@pytest.fixture
def out(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def found(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


async def test_archives_of_one_name_that_are_copied_at_once_are_all_there(
    tmp_path: Path, out: Path
) -> None:
    contents = [bytes([number]) * 3_000_000 for number in range(8)]
    files = [archive(tmp_path / f"e{n}", content) for n, content in enumerate(contents)]
    conf = replace(EXPORTER, folder=out)
    await asyncio.gather(*(deliver(conf, "folder", file, "") for file in files))
    assert sorted(found(out).values()) == contents


async def test_a_copy_that_has_another_name_is_not_made_again(tmp_path: Path, out: Path) -> None:
    (out / NAME).write_bytes(b"another")
    file = archive(tmp_path / "e", b"mine")
    for _ in range(2):
        await deliver(replace(EXPORTER, folder=out), "folder", file, "")
    assert sorted(found(out).values()) == [b"another", b"mine"]


async def test_who_is_cancelled_does_not_leave_a_copy_at_work(tmp_path: Path, out: Path) -> None:
    slow = tmp_path / "e" / NAME
    slow.parent.mkdir()
    os.mkfifo(slow)  # gives its content when the test says so
    copying = asyncio.create_task(deliver(replace(EXPORTER, folder=out), "folder", slow, ""))
    sink = await asyncio.to_thread(os.open, slow, os.O_WRONLY)  # returns when it is being read
    copying.cancel()
    done, _ = await asyncio.wait([copying], timeout=0.2)
    os.close(sink)
    with pytest.raises(asyncio.CancelledError):
        await copying
    assert not done
    assert found(out) == {NAME: b""}


@pytest.mark.parametrize("url", ["http://.", f"http://{'a' * 64}", "http://[::1", "http://a:99999"])
async def test_an_address_that_cannot_be_is_a_fault_like_others(tmp_path: Path, url: str) -> None:
    file = archive(tmp_path / "e", b"")
    with pytest.raises(DeliveryError, match="Invalid node URL"):
        await deliver(replace(EXPORTER, url=url), "node", file, "")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "127.0.0.1:99999", "."])
async def test_the_password_of_a_node_is_not_told(tmp_path: Path, host: str) -> None:
    file = archive(tmp_path / "e", b"")
    with pytest.raises(DeliveryError) as caught:
        await deliver(replace(EXPORTER, url=f"http://me:secret@{host}"), "node", file, "")
    assert f"http://me@{host}" in str(caught.value)
    assert "secret" not in str(caught.value)
