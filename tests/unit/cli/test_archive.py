"""Archives at the command line; the node here only says what it was told to say."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from joule.errors import InvalidRequestError, NodeConnectionError
from joule.utilities import ImportLogger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.unit.cli.fake_node import FakeNode

    Run = Callable[..., Result]

START = 1_700_000_000_000_000

DATA = {
    "source_label": "volts",
    "stream_path": "/a/Volts",
    "stream_layout": "float32_2",
    "start_ts": START,
    "end_ts": START + 100_000_000,
    "row_count": 10,
    "interval_count": 2,
}
EVENTS = {
    "source_label": "trips",
    "stream_path": "/a/trips",
    "event_fields": {"kind": "string", "level": "numeric"},
    "start_ts": START,
    "end_ts": START + 200_000_000,
    "event_count": 3,
}


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def archive(file: Path, **changes: Any) -> Path:
    about = {
        "name": "daily",
        "node": "siteA",
        "created_at": START,
        "version": "1.0.0",
        "magic": "joule-data-archive-bundle",
        "data_streams": [DATA],
        "event_streams": [EVENTS],
    }
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("metadata.json", json.dumps({**about, **changes}))
    return file


class Importer:
    """Gives the node's answers to uploads, by the name of the file."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}
        self.refusals: dict[str, Exception] = {}
        self.seen: list[str] = []
        self.gone: set[str] = set()
        """Files that somebody removes meanwhile."""

    async def archive_upload(self, path: Path) -> ImportLogger:
        self.seen.append(path.name)
        self._lose(path)
        if path.name in self.refusals:
            raise self.refusals[path.name]
        report = ImportLogger()
        report.set_metadata("volts", "/mirror/Volts", "data_stream")
        report.info("importing 10 rows of data into /mirror/Volts")
        if path.name in self.faults:
            report.error(self.faults[path.name])
        return report

    def _lose(self, path: Path) -> None:
        if path.name in self.gone:
            path.unlink()


@pytest.fixture
def importer(node: FakeNode) -> Importer:
    made = Importer()
    node.archive_upload = made.archive_upload  # type: ignore[attr-defined]
    return made


# ------------------------------------------------------------------ inspect


def test_what_is_in_an_archive_is_shown_without_a_node(run: Run, tmp_path: Path) -> None:
    result = run("archive", "inspect", "-v", str(archive(tmp_path / "a.zip")))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "========= Source ===========",
        "Node:\tsiteA",
        "Label:\tdaily",
        "Date:\tTue, 14 Nov 2023 22:13:20",
        "",
        "========= Contents ========",
        "Start:\tTue, 14 Nov 2023 22:13:20",
        "End:\tTue, 14 Nov 2023 22:16:40",
        "1 data streams, 1 event streams",
        "-------- Data Stream -------",
        "Label:     volts",
        "Path:      /a/Volts",
        "Layout:    float32_2",
        "Rows:      10",
        "Intervals: 2",
        "-------- Event Stream ------",
        "Label:     trips",
        "Path:      /a/trips",
        "Events:    3",
        "Fields:    kind,level",
        "",
    ]


def test_streams_without_fields_or_data_say_so(run: Run, tmp_path: Path) -> None:
    plain = archive(tmp_path / "a.zip", event_streams=[{**EVENTS, "event_fields": {}}])
    assert "Fields:    --none--" in run("archive", "inspect", "-v", str(plain)).stdout
    empty = archive(
        tmp_path / "b.zip",
        data_streams=[{**DATA, "start_ts": None, "end_ts": None}],
        event_streams=[],
    )
    assert run("archive", "inspect", str(empty)).stdout.endswith("--no stream data--\n\n")


@pytest.mark.parametrize("changes", [{"magic": "other"}, {"data_streams": None}])
def test_what_is_no_archive_is_not_inspected(
    changes: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    file = archive(tmp_path / "a.zip", **changes)
    result = run("archive", "inspect", str(file))
    assert result.exit_code == 1
    assert result.stderr == f"Error: {file} is not a valid joule archive\n"


def test_a_file_that_is_not_there_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    for command in ("inspect", "upload"):
        result = run("archive", command, str(tmp_path / "no.zip"))
        assert result.exit_code == 2
        assert "does not exist" in result.stderr


# ------------------------------------------------------------------ upload


def test_one_archive_is_uploaded(run: Run, tmp_path: Path, importer: Importer) -> None:
    file = archive(tmp_path / "a.zip")
    result = run("archive", "upload", str(file))
    assert result.exit_code == 0
    assert result.stdout == (
        f"\nUploading...\nOK\n\nUploaded the following archive(s):\n\n{file}\t[OK]\n"
    )
    shown = run("archive", "upload", "-v", str(file)).stdout
    assert (
        "\t=== INFO ===\n\tvolts=>/mirror/Volts: importing 10 rows of data into /mirror/Volts"
        in shown
    )
    assert file.exists()


def test_a_folder_is_uploaded_by_name_and_other_files_in_it_are_left_out(
    run: Run, tmp_path: Path, importer: Importer
) -> None:
    for name in ("b.zip", "a.zip"):
        archive(tmp_path / name)
    (tmp_path / "c.zip").write_text("no archive")
    (tmp_path / "d").mkdir()
    assert run("archive", "upload", str(tmp_path)).exit_code == 0
    assert importer.seen == ["a.zip", "b.zip"]


def test_faults_are_shown_and_end_with_status_1(
    run: Run, tmp_path: Path, importer: Importer
) -> None:
    for name in ("a.zip", "b.zip", "c.zip"):
        archive(tmp_path / name)
    importer.faults["a.zip"] = "data at 1 already exists in target"
    importer.refusals["b.zip"] = InvalidRequestError("invalid joule archive", 400)
    result = run("archive", "upload", "-f", str(tmp_path))
    assert result.exit_code == 1
    assert importer.seen == ["a.zip", "b.zip", "c.zip"]
    assert (
        f"{tmp_path}/a.zip:\n\t=== ERRORS ===\n"
        "\tvolts=>/mirror/Volts: data at 1 already exists in target\n"
        f"{tmp_path}/b.zip:\n\t=== ERRORS ===\n\tinvalid joule archive [400]\n"
        f"{tmp_path}/c.zip\t[OK]\n"
    ) in result.stdout
    assert "Error: 2 of 3 archives were not imported wholly" in result.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.zip", "b.zip"]


def test_an_archive_that_cannot_be_removed_does_not_keep_the_others_back(
    run: Run, tmp_path: Path, importer: Importer
) -> None:
    for name in ("a.zip", "b.zip"):
        archive(tmp_path / name)
    importer.gone.add("a.zip")
    result = run("archive", "upload", "-f", str(tmp_path))
    assert (result.exit_code, importer.seen) == (0, ["a.zip", "b.zip"])
    assert "a.zip] was imported and cannot be removed: No such file" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_upload_ends_at_the_first_fault_when_asked_to(
    run: Run, tmp_path: Path, importer: Importer
) -> None:
    for name in ("a.zip", "b.zip"):
        archive(tmp_path / name)
    importer.faults["a.zip"] = "data at 1 already exists in target"
    assert run("archive", "upload", "-e", str(tmp_path)).exit_code == 1
    assert importer.seen == ["a.zip"]


def test_a_node_that_does_not_answer_ends_the_upload(
    run: Run, tmp_path: Path, importer: Importer
) -> None:
    for name in ("a.zip", "b.zip"):
        archive(tmp_path / name)
    importer.refusals["a.zip"] = NodeConnectionError("Cannot contact node at [x]")
    result = run("archive", "upload", "-f", str(tmp_path))
    assert (result.exit_code, importer.seen) == (1, ["a.zip"])
    assert "Error: Cannot contact node at [x]" in result.stderr
    assert (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "this file does not look like a Joule archive"),
        ("", "no Joule archives found in this directory"),
    ],
)
def test_nothing_to_upload_is_said_before_any_contact(
    name: str, text: str, run: Run, tmp_path: Path, importer: Importer
) -> None:
    (tmp_path / "a.txt").write_text("x")
    result = run("archive", "upload", str(tmp_path / name))
    assert (result.exit_code, importer.seen) == (1, [])
    assert result.stderr == f"Error: {text}\n"
