"""A file layer for SQLite that can fail, and that remembers what a power cut would leave."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

SECTOR = 512


class Operation(NamedTuple):
    """One thing done to a file: ``write`` (offset, data), ``truncate``, ``sync`` or ``delete``."""

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""


class Files(apsw.VFS):
    """SQLite's own file layer, with every change noted in ``operations``.

    While ``fails`` names a kind of operation, such operations raise an error of the device.
    """

    def __init__(self) -> None:
        self.name = f"files-{uuid.uuid4().hex}"
        self.operations: list[Operation] = []
        self.fails: str | None = None
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> File:
        return File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.operations.append(Operation("delete", filename))
        if syncdir:
            self.operations.append(Operation("sync", filename))

    def did(self, operation: Operation) -> None:
        if operation.kind == self.fails:
            raise apsw.IOError(f"the device failed to {operation.kind}")
        self.operations.append(operation)


class File(apsw.VFSFile):
    def __init__(self, files: Files, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._files = files
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._files.did(Operation("write", self._path, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        self._files.did(Operation("truncate", self._path, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        self._files.did(Operation("sync", self._path))
        super().xSync(flags)


def after_power_cut(operations: list[Operation], folder: Path, random: np.random.Generator) -> None:
    """Write to ``folder`` what may be on the device when the power fails after these operations.

    What was synced is there; of later writes any sectors may be, in any combination.
    """
    images: dict[str, bytearray] = {}
    for path in {operation.path for operation in operations}:
        mine = [operation for operation in operations if operation.path == path]
        last_sync = max((i for i, op in enumerate(mine) if op.kind == "sync"), default=-1)
        image = bytearray()
        for index, operation in enumerate(mine):
            if index <= last_sync:
                image = _apply(image, operation)
            elif operation.kind == "write":
                for sector in _sectors(operation):
                    if random.random() < 0.5:
                        image = _apply(image, sector)
            elif random.random() < 0.5:
                image = _apply(image, operation)
        images[path] = image
    for path, image in images.items():
        (folder / path.rsplit("/", 1)[-1]).write_bytes(image)


def _sectors(operation: Operation) -> list[Operation]:
    data, offset = operation.data, operation.offset
    return [
        Operation("write", operation.path, offset + start, data[start : start + SECTOR])
        for start in range(0, len(data), SECTOR)
    ]


def _apply(image: bytearray, operation: Operation) -> bytearray:
    if operation.kind == "write":
        end = operation.offset + len(operation.data)
        image.extend(bytes(max(0, end - len(image))))
        image[operation.offset : end] = operation.data
    elif operation.kind == "truncate":
        del image[operation.offset :]
        image.extend(bytes(max(0, operation.offset - len(image))))
    elif operation.kind == "delete":
        image.clear()
    return image
