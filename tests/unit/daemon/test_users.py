from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from joule.daemon.users import POLL_S, UsersFile
from joule.node import LocalNode
from joule.storage.memory import MemoryEngine
from joule.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEYS = [letter * 32 for letter in "abcd"]


class Follower:
    """A users file, the node that follows it, and the hands of its clock."""

    def __init__(self, file: Path, node: LocalNode, clock: FakeClock) -> None:
        self.file = file
        self.node = node
        self.clock = clock
        self._writes = 0

    async def write(self, *lines: str) -> None:
        """Write the file and let the node look at it."""
        self.file.write_text("\n".join(lines))
        self._writes += 1
        os.utime(self.file, ns=(self._writes, self._writes))
        await self.look()

    async def look(self) -> None:
        """Let the node look at the file once, which takes a thread."""
        looked = asyncio.Event()
        self.clock.call_later(POLL_S, looked.set)
        while not (looked.is_set() and self.clock.waiting):
            await self.clock.advance(POLL_S if self.clock.waiting > 1 else 0)
            await asyncio.sleep(0.001)

    @property
    def names(self) -> list[str]:
        return [master.name for master in self.node.access.list()]

    def owner(self, key: str) -> str | None:
        owner = self.node.access.authorise(key)
        return None if owner is None else owner.name


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[Follower]:
    clock = FakeClock()
    async with MemoryEngine() as engine, await LocalNode.open(engine, "n", clock=clock) as node:
        file = tmp_path / "users.conf"
        file.touch()
        task = asyncio.create_task(UsersFile(file, node.access, clock).run())
        yield Follower(file, node, clock)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def test_users_are_added_and_get_new_keys(users: Follower) -> None:
    await users.write(f"alice, {KEYS[0]}", f"bob, {KEYS[1]}")
    assert [users.owner(key) for key in KEYS[:2]] == ["alice", "bob"]
    await users.write(f"alice, {KEYS[2]}")
    assert [users.owner(key) for key in KEYS[:3]] == [None, "bob", "alice"]
    assert [master.grantor_id for master in users.node.access.list()] == [None, None]


async def test_removing_a_line_removes_nobody_and_deleting_does(users: Follower) -> None:
    await users.node.access.add("JOULE_NODE", "alice", KEYS[3])
    await users.write(
        *(f"{name}, {key}" for name, key in zip(("alice", "bob", "carl"), KEYS[:3], strict=True))
    )
    await users.write("")
    assert users.names == ["alice", "alice", "bob", "carl"]
    await users.write("DELETE alice", "DELETE LIKE b_%")
    assert users.names == ["carl"]


async def test_a_key_of_somebody_else_is_refused_with_a_line_in_the_log(
    users: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    await users.write(f"alice, {KEYS[0]}", f"bob, {KEYS[0]}", "nonsense", f"carl, {KEYS[1]}")
    assert users.names == ["alice", "carl"]
    text = caplog.text
    assert "this API key belongs to somebody else" in text
    assert "line 3: invalid syntax" in text
    assert not any(key in text for key in KEYS)


async def test_the_scope_of_a_user_who_gets_a_new_key_stays(users: Follower) -> None:
    await users.node.access.add_user("alice", KEYS[0], scope="read")
    await users.write(f"alice, {KEYS[1]}")
    assert [master.scope for master in users.node.access.list()] == ["read"]


async def test_a_file_that_comes_back_is_read_again(
    users: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    await users.write(f"alice, {KEYS[0]}")
    users.file.unlink()
    await users.look()
    await users.look()
    assert caplog.text.count("does not exist") == 1
    assert users.names == ["alice"]
    await users.write(f"bob, {KEYS[1]}")
    assert users.names == ["alice", "bob"]


async def test_a_file_that_cannot_be_read_is_logged(
    users: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    users.file.write_bytes(b"\xff\xfe")
    await users.look()
    assert "it is not UTF-8 text" in caplog.text
    await users.write(f"alice, {KEYS[0]}")
    assert users.names == ["alice"]
