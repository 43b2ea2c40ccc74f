"""A file layer for SQLite whose calls can go wrong, and a device that can lose its power.

:class:`FaultyFiles` numbers every write, truncation, sync and deletion, keeps them in ``calls`` and
lets each go wrong as its ``plan`` says. :class:`Device` is driven with such calls and tells what
is left of the files when the power fails: what was synced, and of the rest what chance keeps.

::

    files = FaultyFiles({17: Fault.TEAR})
    async with EmbeddedEngine(path, vfs=files.name) as engine: ...
    device = Device()
    device.run(files.calls[:40])
    device.lose_power(folder, Survivors.ANY_SECTORS, random)
"""

from __future__ import annotations

import uuid
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy as np

SECTOR = 512
LARGE_SECTOR = 4096


class Fault(Enum):
    """What goes wrong with a call."""

    FAIL = auto()
    """Nothing is done, an error of the device is reported."""
    FULL = auto()
    """Nothing is done, the device is reported to be full."""
    TEAR = auto()
    """The first half of a write is done, or all of another call; an error is reported."""
    FORGET = auto()
    """It is reported as done, and files show it; the device never gets it."""
    REORDER = auto()
    """Reported as done, and files show it; until the next sync it is the last on its way."""


REPORTED = (Fault.FAIL, Fault.FULL, Fault.TEAR)
"""Faults that the caller learns of; of the others only a power cut shows something."""


class Call(NamedTuple):
    """One thing done to a file, and what went wrong with it.

    ``kind`` is ``write`` (offset, data), ``truncate`` (to offset), ``sync`` or ``delete`` (offset 1
    when its folder is synced).
    """

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""
    fault: Fault | None = None


class FaultyFiles(apsw.VFS):
    """SQLite's own file layer, with every change numbered and noted in ``calls``.

    ``plan`` gives the fault of a call by its number, the index in ``calls``. While ``fails`` names
    a kind of call (``write``, ``sync`` ...), all calls of that kind fail as well. ``on_fault`` is
    called, on the thread of the store, right after a fault was carried out.
    """

    def __init__(self, plan: Mapping[int, Fault] | None = None) -> None:
        self.name = f"faulty-{uuid.uuid4().hex}"
        self.plan = dict(plan or {})
        self.calls: list[Call] = []
        self.fails: str | None = None
        self.on_fault: Callable[[Call], None] | None = None
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        """Open a file; SQLite's interface, as all methods with such names."""
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """Delete a file, for good when ``syncdir`` is set."""
        delete = super().xDelete
        call = Call("delete", filename, offset=int(syncdir))
        self.carry_out(call, lambda: delete(filename, syncdir))

    def carry_out(
        self, call: Call, work: Callable[[], None], part: Callable[[], None] | None = None
    ) -> None:
        """Do ``work`` unless it is the turn of a fault; ``part`` is what is done when torn."""
        fault = self.plan.get(len(self.calls))
        if fault is None and call.kind == self.fails:
            fault = Fault.FAIL
        self.calls.append(call._replace(fault=fault))
        if fault is Fault.TEAR:
            (part or work)()
        elif fault not in REPORTED:
            work()
        if fault is None:
            return
        if self.on_fault is not None:
            self.on_fault(self.calls[-1])
        if fault in REPORTED:
            raise _error(fault, call)


def _error(fault: Fault, call: Call) -> apsw.Error:
    kind = apsw.FullError if fault is Fault.FULL else apsw.IOError
    return kind(f"the device failed to {call.kind}")


class _File(apsw.VFSFile):
    def __init__(self, files: FaultyFiles, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._files = files
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, data: bytes, offset: int) -> None:
        write = super().xWrite
        self._files.carry_out(
            Call("write", self._path, offset, bytes(data)),
            lambda: write(data, offset),
            lambda: write(_first_half(data), offset),
        )

    def xTruncate(self, size: int) -> None:
        truncate = super().xTruncate
        self._files.carry_out(Call("truncate", self._path, size), lambda: truncate(size))

    def xSync(self, flags: int) -> None:
        sync = super().xSync
        self._files.carry_out(Call("sync", self._path), lambda: sync(flags))


def _first_half(data: bytes) -> bytes:
    return bytes(data[: max(1, len(data) // 2)])


class Survivors(Enum):
    """What a power cut leaves of that which was not synced."""

    NOTHING = auto()
    EVERYTHING = auto()
    PREFIX = auto()
    """Whole calls up to some moment; the calls of all files in their order."""
    ANY_SECTORS = auto()
    """Any sectors of the writes, and any of the other calls."""


class Device:
    """What is on a disk, for sure and perhaps, after some calls; ``images`` are there before."""

    def __init__(self, images: Mapping[str, bytes] | None = None) -> None:
        self._synced = {path: bytearray(image) for path, image in (images or {}).items()}
        self._waiting: list[Call] = []

    def run(self, calls: Iterable[Call]) -> None:
        """Take the next calls."""
        for call in calls:
            if call.fault in (Fault.FAIL, Fault.FULL, Fault.FORGET):
                continue
            if call.kind == "sync":
                self._sync(call.path)
            elif call.kind == "delete" and call.offset:
                self._waiting = [w for w in self._waiting if w.path != call.path]
                self._synced.pop(call.path, None)
            elif call.fault is Fault.TEAR and call.kind == "write":
                self._waiting.append(call._replace(data=_first_half(call.data)))
            else:
                self._waiting.append(call)

    def lose_power(
        self,
        folder: Path,
        survivors: Survivors,
        random: np.random.Generator,
        sector: int = SECTOR,
    ) -> None:
        """Write to ``folder`` the files as they are found when the power is back."""
        images = {path: bytearray(image) for path, image in self._synced.items()}
        for call in self._surviving(survivors, random, sector):
            _apply(images, call)
        for path, image in images.items():
            (folder / Path(path).name).write_bytes(image)

    def _sync(self, path: str) -> None:
        self._synced.setdefault(path, bytearray())
        for call in self._waiting:
            if call.path == path:
                _apply(self._synced, call)
        self._waiting = [call for call in self._waiting if call.path != path]

    def _surviving(
        self, survivors: Survivors, random: np.random.Generator, sector: int
    ) -> Iterator[Call]:
        kept = [call for call in self._waiting if call.fault is not Fault.REORDER]
        if survivors is Survivors.NOTHING:
            return
        if survivors is Survivors.PREFIX:
            kept = kept[: int(random.integers(len(kept) + 1))]
        for call in kept:
            if survivors is not Survivors.ANY_SECTORS:
                yield call
            else:
                yield from (part for part in _sectors(call, sector) if random.random() < 0.5)


def _sectors(call: Call, sector: int) -> Iterator[Call]:
    """Cut a write where sectors of the device begin; other calls are one piece."""
    if call.kind != "write":
        yield call
        return
    start, end = call.offset, call.offset + len(call.data)
    while start < end:
        stop = min((start // sector + 1) * sector, end)
        data = call.data[start - call.offset : stop - call.offset]
        yield call._replace(offset=start, data=data)
        start = stop


def _apply(images: dict[str, bytearray], call: Call) -> None:
    if call.kind == "delete":
        images.pop(call.path, None)
        return
    image = images.setdefault(call.path, bytearray())
    end = call.offset + len(call.data)
    image.extend(bytes(max(0, end - len(image))))
    if call.kind == "write":
        image[call.offset : end] = call.data
    else:
        del image[call.offset :]
