"""Archive metadata and import reports."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from joule.utilities import ImportLogger, LogMessage
from joule.utilities.archive_tools import read_metadata

if TYPE_CHECKING:
    from pathlib import Path


def archive(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
    return path


def test_metadata_is_read_from_an_archive(tmp_path: Path) -> None:
    metadata = {"magic": "joule-data-archive-bundle", "name": "exporter"}
    path = archive(tmp_path / "a.zip", {"metadata.json": json.dumps(metadata)})
    assert read_metadata(path) == metadata


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"metadata.json": "{bad"},
        {"metadata.json": "[]"},
        {"metadata.json": '{"magic": "something else"}'},
    ],
)
def test_other_zip_files_are_not_archives(tmp_path: Path, files: dict[str, str]) -> None:
    path = archive(tmp_path / "a.zip", files)
    with pytest.raises(ValueError, match=r"a\.zip is not a valid joule archive"):
        read_metadata(path)


def test_files_that_are_no_zip_are_not_archives(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    for name in ("text", "missing"):
        with pytest.raises(ValueError, match="not a valid joule archive"):
            read_metadata(tmp_path / name)


def test_a_report_without_warnings_and_errors_is_a_success() -> None:
    report = ImportLogger()
    report.info("imported")
    assert report.success
    assert report.has_info
    report.warning("left out")
    assert not report.success
    assert not report.has_errors
    report.error("failed")
    assert report.has_warnings
    assert report.has_errors


def test_a_report_travels_as_json() -> None:
    report = ImportLogger()
    report.error("no importer")
    report.set_metadata("label", "/dest", "data_stream")
    report.info("imported")
    copy = ImportLogger()
    copy.from_json(json.loads(json.dumps(report.to_json())))
    assert copy.to_json() == report.to_json()
    assert copy.info_messages == [LogMessage("label", "/dest", "imported", "data_stream")]
    assert copy.error_messages == [LogMessage(None, None, "no importer", None)]


def test_a_message_names_its_stream_where_there_is_one() -> None:
    assert str(LogMessage("label", "/dest", "text", None)) == "label=>/dest: text"
    assert str(LogMessage(None, None, "text", None)) == "text"
