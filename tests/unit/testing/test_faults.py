from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import numpy as np
import pytest

from joule.testing.faults import Call, Device, Fault, FaultyFiles, Survivors

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(3)


def left_by(
    folder: Path, calls: list[Call], survivors: Survivors, sector: int = 4
) -> dict[str, bytes]:
    device = Device()
    device.run(calls)
    device.lose_power(folder, survivors, RANDOM, sector)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


SYNCED = [Call("write", "/d/f", 0, b"abcdefgh"), Call("sync", "/d/f")]
LATER = [Call("write", "/d/f", 2, b"123456"), Call("truncate", "/d/f", 6)]


def test_what_was_synced_survives_and_the_rest_as_chosen(tmp_path: Path) -> None:
    assert left_by(tmp_path, SYNCED + LATER, Survivors.NOTHING) == {"f": b"abcdefgh"}
    assert left_by(tmp_path, SYNCED + LATER, Survivors.EVERYTHING) == {"f": b"ab1234"}
    prefixes = {left_by(tmp_path, SYNCED + LATER, Survivors.PREFIX)["f"] for _ in range(60)}
    assert prefixes == {b"abcdefgh", b"ab123456", b"ab1234"}


def test_any_sectors_of_a_write_may_survive(tmp_path: Path) -> None:
    calls = [*SYNCED, LATER[0]]
    found = {left_by(tmp_path, calls, Survivors.ANY_SECTORS)["f"] for _ in range(90)}
    assert found == {b"abcdefgh", b"ab12efgh", b"abcd3456", b"ab123456"}


def test_a_forgotten_sync_leaves_its_writes_to_chance_until_the_next(tmp_path: Path) -> None:
    forgotten = [SYNCED[0], SYNCED[1]._replace(fault=Fault.FORGET)]
    assert left_by(tmp_path, forgotten, Survivors.NOTHING) == {}
    assert left_by(tmp_path, [*forgotten, SYNCED[1]], Survivors.NOTHING) == {"f": b"abcdefgh"}


@pytest.mark.parametrize(
    ("fault", "then_synced"),
    [
        (Fault.REORDER, b"ab123456"),
        (Fault.FORGET, b"abcdefgh"),
        (Fault.FAIL, b"abcdefgh"),
        (Fault.TEAR, b"ab123fgh"),
    ],
)
def test_faults_of_a_write_are_on_the_device(
    tmp_path: Path, fault: Fault, then_synced: bytes
) -> None:
    calls = [*SYNCED, LATER[0]._replace(fault=fault)]
    before = b"ab123fgh" if fault is Fault.TEAR else b"abcdefgh"
    assert left_by(tmp_path, calls, Survivors.EVERYTHING) == {"f": before}
    assert left_by(tmp_path, [*calls, SYNCED[1]], Survivors.NOTHING) == {"f": then_synced}


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.FULL, Fault.TEAR])
def test_every_call_of_a_transaction_can_be_made_to_fail(tmp_path: Path, fault: Fault) -> None:
    def transaction(files: FaultyFiles, path: Path) -> None:
        connection = apsw.Connection(str(path), vfs=files.name)
        try:
            connection.execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        finally:
            connection.close()
            files.unregister()

    whole = FaultyFiles()
    transaction(whole, tmp_path / "whole")
    assert {call.kind for call in whole.calls} >= {"write", "sync", "delete"}
    for number in range(len(whole.calls)):
        files = FaultyFiles({number: fault})
        seen: list[Call] = []
        files.on_fault = seen.append
        with pytest.raises((apsw.IOError, apsw.FullError), match="the device failed to"):
            transaction(files, tmp_path / f"{fault.name}{number}")
        assert [call.fault for call in seen] == [fault]
