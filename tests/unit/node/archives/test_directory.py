"""How many entries a zip file claims to have, seen before they are read."""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from joule.errors import InvalidRequestError
from joule.node.archives import directory
from joule.node.archives.directory import ENTRIES_MAX, LISTED_BYTES_MAX, has_too_many_entries
from joule.node.archives.reader import ArchiveReader
from tests.unit.node.archives.joule_1_0 import Archive

if TYPE_CHECKING:
    from pathlib import Path

LARGE = 70_000
"""More than the record of a small file can tell."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("large") / "a.zip"
    with zipfile.ZipFile(file, "w") as made:
        for number in range(LARGE):
            made.writestr(zipfile.ZipInfo(f"modules/{number}"), b"")
    return file


def end(count: int, size: int, comment: bytes = b"") -> bytes:
    """Give the end of a zip file that claims this."""
    counts = min(count, 0xFFFF), min(count, 0xFFFF)
    record = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *counts, size, 0, len(comment))
    return record + comment


def long_end(count: int, size: int, at: int) -> bytes:
    """Give what lies before it in a large file, where ``at`` bytes are before that."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 0)
    return record + struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)


@pytest.mark.parametrize("comment", [b"", b"a comment", b"PK\5\6"])
def test_entries_are_counted_before_they_are_read(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comment: bytes
) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(large.read_bytes())
    with zipfile.ZipFile(file, "a") as made:
        made.comment = comment
    assert not has_too_many_entries(file)
    monkeypatch.setattr(directory, "ENTRIES_MAX", LARGE - 1)
    assert has_too_many_entries(file) is (b"PK" not in comment)  # which Python cannot open either


def test_what_has_too_many_entries_is_not_opened(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object) -> None:
        pytest.fail("its entries are read")

    monkeypatch.setattr(zipfile.ZipFile, "__init__", opened)
    monkeypatch.setattr(directory, "ENTRIES_MAX", LARGE - 1)
    with pytest.raises(InvalidRequestError) as raised:
        ArchiveReader(large).open()
    assert raised.value.text == (
        "invalid joule archive: it has too many entries, or two of one name"
    )


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        (b"", False),
        (b"PK\5\6", False),
        (b"no zip file at all" * 10_000, False),
        (end(0xFFFF, 0), False),
        (end(3, LISTED_BYTES_MAX), False),
        (end(3, LISTED_BYTES_MAX + 1), True),
        (end(3, LISTED_BYTES_MAX + 1, b"comment"), True),
        (end(3, 0xFFFFFFFF), False),  # it is in the other record, or nowhere
        (long_end(ENTRIES_MAX, 0, 0) + end(ENTRIES_MAX, 0xFFFFFFFF), False),
        (long_end(ENTRIES_MAX + 1, 0, 0) + end(3, 0), True),
        (long_end(3, LISTED_BYTES_MAX + 1, 0) + end(3, 0), True),
        (b"x" * 99 + long_end(ENTRIES_MAX + 1, 0, 0) + end(3, 0), True),
        (
            long_end(ENTRIES_MAX + 1, 0, 0)[:56] + b"more" + long_end(3, 0, 0)[56:] + end(3, 0),
            True,
        ),
        (long_end(ENTRIES_MAX + 1, 0, 1 << 60)[56:] + end(3, 0), False),
    ],
)
def test_what_is_claimed_is_looked_at_and_nothing_else(
    tmp_path: Path, text: bytes, is_refused: bool
) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(text)
    assert has_too_many_entries(file) is is_refused


def test_a_file_that_is_not_there_is_for_others_to_tell(tmp_path: Path) -> None:
    assert not has_too_many_entries(tmp_path / "none.zip")


def test_an_archive_is_no_such_file(tmp_path: Path) -> None:
    assert not has_too_many_entries(Archive().data([(1, 1.0, 2.0)]).save(tmp_path / "a.zip"))
