from __future__ import annotations

import asyncio

from joule.storage.nilmdb.gate import Gate


async def test_many_pass_together_one_passes_alone() -> None:
    gate, seen = Gate(), []

    async def alone() -> None:
        async with gate.alone():
            seen.append("alone")

    async def later() -> None:
        async with gate.shared():
            seen.append("later")

    async with asyncio.TaskGroup() as group, gate.shared(), gate.shared():
        group.create_task(alone())
        await asyncio.sleep(0)
        group.create_task(later())
        await asyncio.sleep(0)
        seen.append("together")
    assert seen == ["together", "alone", "later"]
    assert gate.generation == 1


async def test_a_repair_comes_before_all_others_until_it_succeeds() -> None:
    gate, seen = Gate(), []

    async def fail() -> None:
        raise OSError

    async def mend() -> None:
        seen.append("mended")

    gate.repair = fail
    for passing in (gate.shared, gate.alone):
        try:
            async with passing():
                seen.append("passed")
        except OSError:
            seen.append("failed")
    gate.repair = mend
    async with gate.shared():
        seen.append("passed")
    assert seen == ["failed", "failed", "mended", "passed"]
