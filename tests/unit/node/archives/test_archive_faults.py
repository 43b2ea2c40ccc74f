"""Files that are no archives, or bad ones: refused as a whole, before anything is changed."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from joule.errors import InvalidRequestError
from joule.node.archives import reader
from tests.unit.node.archives.joule_1_0 import EVENT_MODEL, MODEL, Archive, Row, event, npy
from tests.unit.node.archives.support import pieces, taken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from joule.node import LocalNode
    from joule.node.archives import Importers

ROWS: list[Row] = [(time, 1.0, 2.0) for time in range(1, 11)]
BLOCK = "data/0/data/10.dat"
EVENTS = "events/0/data/1.json"


def sound() -> Archive:
    return Archive().data(ROWS).events([event(1, 2, 1, kind="a")])


async def refused(importers: Importers, file: Path) -> str:
    with pytest.raises(InvalidRequestError) as raised:
        await taken(importers, file)
    return raised.value.text


async def test_what_is_sound_is_taken(importers: Importers, tmp_path: Path) -> None:
    """Or the tests below would prove nothing."""
    assert (await taken(importers, sound().save(tmp_path / "a.zip"))).success


# ------------------------------------------------------------------ no archive at all


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no zip file at all" * 1000])
async def test_other_bytes_are_no_archive(
    data: bytes, importers: Importers, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        await importers.take(pieces(data))
    assert raised.value.text == "invalid joule archive"
    assert list((tmp_path / "importer_data").iterdir()) == []


@pytest.mark.parametrize(
    "about", ["{", "[]", '{"magic": "other"}', "{}", "[" * 100_000, '{"magic": "\\ud800"}']
)
async def test_other_zip_files_are_no_archives(
    about: str, importers: Importers, tmp_path: Path
) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("metadata.json", about)
    assert await refused(importers, file) == "invalid joule archive"


async def test_a_zip_file_without_a_description_is_no_archive(
    importers: Importers, tmp_path: Path
) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("sub/metadata.json", "{}")
    assert await refused(importers, file) == "invalid joule archive"


async def test_a_description_in_a_rare_compression_is_not_read(
    importers: Importers, tmp_path: Path
) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as made:
        made.writestr("metadata.json", json.dumps(Archive().about))
    assert await refused(importers, file) == "invalid joule archive"


# ------------------------------------------------------------------ files in it


def put(name: str, data: bytes) -> Callable[[Archive], None]:
    def change(archive: Archive) -> None:
        archive.files[name] = data

    return change


def drop(name: str) -> Callable[[Archive], None]:
    def change(archive: Archive) -> None:
        del archive.files[name]

    return change


def model(kind: str, base: dict[str, Any], **changes: Any) -> Callable[[Archive], None]:
    """Change the stream of a description; None takes the key out."""
    stream = {key: value for key, value in {**base, **changes}.items() if value is not None}
    label = "volts" if kind == "data" else "trips"
    text = json.dumps({"source_label": label, "stream_path": "/x", "stream_model": stream})
    return put(f"{kind}/0/metadata.json", text.encode())


WRONG: dict[str, Callable[[Archive], None]] = {
    "a path out of the archive": put("../evil", b""),
    "a path out of a stream": put("data/0/data/../../../evil", b""),
    "an absolute path": put("/etc/passwd", b""),
    "a path as on Windows": put("data\\0\\data\\1.dat", b""),
    "a file that is of no use": put("data/0/readme.txt", b""),
    "a file at the top": put("readme.txt", b""),
    "a block without a time": put("data/0/data/x.dat", npy(ROWS)),
    "events in a data stream": put("data/0/data/1.json", b"[]"),
    "rows in an event stream": put("events/0/data/1.dat", npy(ROWS)),
    "a stream without description": drop("data/0/metadata.json"),
    "a description that is no JSON": put("data/0/metadata.json", b"{"),
    "a description that is no object": put("data/0/metadata.json", b"[]"),
    "a description without label": put("data/0/metadata.json", b'{"stream_model": {}}'),
    "a description without stream": put("data/0/metadata.json", b'{"source_label": "volts"}'),
    "a stream without elements": model("data", MODEL, elements=None),
    "a stream of a strange datatype": model("data", MODEL, datatype="complex64"),
    "an event stream without name": model("events", EVENT_MODEL, name=None),
    "rows of another layout": model("data", MODEL, datatype="float64"),
    "rows that are no npy file": put(BLOCK, b"rows"),
    "an empty block": put(BLOCK, b""),
    "a block that is cut off": put(BLOCK, npy(ROWS)[:-1]),
    "a block that is too long": put(BLOCK, npy(ROWS) + b"x"),
    "a block that says it has more rows": put(BLOCK, npy(ROWS, 10**12)),
    "a block that says it has fewer rows": put(BLOCK, npy(ROWS, -1)),
    "rows of Python objects": put(BLOCK, npy(ROWS).replace(b"<i8", b"|O8")),
    "a header that is code": put(BLOCK, npy(ROWS).replace(b"False", b"print")),
    "an unknown version of npy": put(BLOCK, npy(ROWS).replace(b"NUMPY\x01", b"NUMPY\x09")),
    "rows whose times fall": put(BLOCK, npy(ROWS[::-1])),
    "rows whose times stand still": put(BLOCK, npy([ROWS[0]] * 2)),
    "blocks that overlap": put("data/0/data/20.dat", npy(ROWS)),
    "a row at the end of time": put(BLOCK, npy([(2**63 - 1, 1.0, 1.0)])),
    "events that are no JSON": put(EVENTS, b"["),
    "events that are no list": put(EVENTS, b"{}"),
    "an event that is no object": put(EVENTS, b"[1]"),
    "an event without start": put(EVENTS, b'[{"end_time": 1, "content": {}}]'),
    "content that is no object": put(
        EVENTS, json.dumps([{**event(1, 2, 3), "content": 1}]).encode()
    ),
    "half a character": put(EVENTS, json.dumps([event(1, 2, 3, a="\ud800")]).encode()),
    "a number that is none": put(EVENTS, json.dumps([event(1, 2, 3, a=float("nan"))]).encode()),
    "a number without bound": put(
        EVENTS, json.dumps([event(1, 2, 3)]).replace("{}", '{"a":1e999}').encode()
    ),
    "lists without end": put(EVENTS, b"[" * 100_000),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
async def test_a_bad_archive_is_refused_and_changes_nothing(
    change: Callable[[Archive], None], importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    archive = sound()
    change(archive)
    text = await refused(importers, archive.save(tmp_path / "a.zip"))
    assert text.startswith("invalid joule archive: ")
    assert not hub.catalog.data_streams()
    assert not hub.catalog.event_streams()
    assert list((tmp_path / "importer_data").iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
async def test_a_damaged_byte_is_noticed(
    share: float, importers: Importers, hub: LocalNode, tmp_path: Path
) -> None:
    file = tmp_path / "a.zip"
    archive = Archive()
    archive.data([(t, (t * 7919) % 1000 / 7, (t * 104729) % 997 / 3) for t in range(1, 2000)])
    archive.save(file)
    with zipfile.ZipFile(file) as opened:
        block = opened.getinfo("data/0/data/1999.dat")
    data = bytearray(file.read_bytes())
    place = block.header_offset + 60 + int(share * (block.compress_size - 60))
    data[place] ^= 0x55
    file.write_bytes(data)
    assert (await refused(importers, file)).startswith("invalid joule archive: ")
    assert not hub.catalog.data_streams()


async def test_a_file_that_is_cut_off_is_no_archive(importers: Importers, tmp_path: Path) -> None:
    file = sound().save(tmp_path / "a.zip")
    file.write_bytes(file.read_bytes()[:-10])
    assert await refused(importers, file) == "invalid joule archive"


# ------------------------------------------------------------------ bombs


async def test_two_files_of_one_name_are_refused(importers: Importers, tmp_path: Path) -> None:
    file = sound().save(tmp_path / "a.zip")
    with (
        zipfile.ZipFile(file, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr(BLOCK, npy(ROWS))
    assert "two of one name" in await refused(importers, file)


async def test_entries_that_share_their_bytes_are_refused(
    importers: Importers, tmp_path: Path
) -> None:
    """The way to a file of some kilobytes that is terabytes long."""
    file = tmp_path / "a.zip"
    archive = Archive().data(ROWS)
    archive.files[BLOCK] = npy([(t, 0.0, 0.0) for t in range(1, 10_000)])
    archive.save(file)
    with zipfile.ZipFile(file, "a") as opened:
        block = opened.getinfo(BLOCK)
        for number in range(20, 60):
            other = zipfile.ZipInfo(f"data/0/data/{number}.dat")
            for name in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(other, name, getattr(block, name))
            opened.filelist.append(other)
            opened.NameToInfo[other.filename] = other
        opened._didModify = True  # type: ignore[attr-defined]
    assert "overlap" in await refused(importers, file)


@pytest.mark.parametrize("name", [EVENTS, "data/0/metadata.json"])
async def test_json_that_is_too_long_is_refused_before_it_is_in_memory(
    name: str, importers: Importers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "JSON_BYTES_MAX", 10_000)
    archive = sound()
    archive.files[name] = b" " * 20_000 + archive.files[name]
    assert (await refused(importers, archive.save(tmp_path / "a.zip"))).startswith("invalid joule")


async def test_rare_compressions_are_refused(importers: Importers, tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    archive = sound().save(file)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_BZIP2) as opened:
        opened.writestr("data/0/data/20.dat", npy([(20, 0.0, 0.0)]))
    assert "another compression" in await refused(importers, file)
