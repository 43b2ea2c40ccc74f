"""Archives as Joule 1.0 makes them, put together from what is known of the format alone.

Shares no code with the package: the rows are packed by ``struct``, the names written out.
"""

from __future__ import annotations

import ast
import json
import struct
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MODEL = {
    "id": 77,
    "name": "Volts",
    "description": "",
    "datatype": "float32",
    "layout": "float32_2",
    "keep_us": -1,
    "is_configured": True,
    "is_source": False,
    "is_destination": True,
    "locked": True,
    "active": True,
    "decimate": True,
    "updated_at": "2024-01-02T03:04:05+00:00",
    "elements": [
        {
            "id": 5 + index,
            "index": index,
            "name": name,
            "units": "V",
            "plottable": True,
            "display_type": "CONTINUOUS",
            "offset": 0.0,
            "scale_factor": 1.0,
            "default_max": None,
            "default_min": None,
        }
        for index, name in enumerate("xy")
    ],
}
EVENT_MODEL = {
    "id": 9,
    "name": "trips",
    "description": "",
    "event_fields": {"kind": "string"},
    "chunk_duration_us": 0,
    "keep_us": -1,
    "updated_at": "2024-01-02T03:04:05+00:00",
}

Row = tuple[int, float, float]


def npy(rows: Sequence[Row], count: int | None = None) -> bytes:
    """A ``.npy`` file, version 1.0, that says it has ``count`` rows."""
    header = repr(
        {
            "descr": [("timestamp", "<i8"), ("data", "<f4", (2,))],
            "fortran_order": False,
            "shape": (len(rows) if count is None else count,),
        }
    )
    text = header.encode() + b" " * (63 - (len(header) + 10) % 64) + b"\n"
    body = b"".join(struct.pack("<qff", *row) for row in rows)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def rows_of(data: bytes) -> list[Row]:
    """The rows in a ``.npy`` file of two float32."""
    (length,) = struct.unpack_from("<H", data, 8)
    header = ast.literal_eval(data[10 : 10 + length].decode())
    assert header["descr"] == [("timestamp", "<i8"), ("data", "<f4", (2,))]
    found = list(struct.iter_unpack("<qff", data[10 + length :]))
    assert header["shape"] == (len(found),)
    return found


def event(start: int, end: int | None, id_: int, **content: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "event_stream_id": 9,
        "start_time": start,
        "end_time": end,
        "content": content,
    }


class Archive:
    """The files of an archive, by name; a test may change them before it is saved."""

    def __init__(self, name: str = "daily", node: str = "siteA") -> None:
        self.files: dict[str, bytes] = {}
        self.about: dict[str, Any] = {
            "name": name,
            "node": node,
            "created_at": 1_700_000_000_000_000,
            "version": "1.0.0",
            "magic": "joule-data-archive-bundle",
            "data_streams": [],
            "event_streams": [],
        }

    def data(self, *intervals: Sequence[Row], label: str = "volts") -> Archive:
        """Add a data stream; each interval is a block, and all but the last are closed."""
        index = len(self.about["data_streams"])
        self._describe("data", index, label, MODEL)
        for number, rows in enumerate(intervals):
            last = rows[-1][0]
            self.files[f"data/{index}/data/{last}.dat"] = npy(rows)
            if number < len(intervals) - 1:
                self.files[f"data/{index}/data/{last + 1}_interval_break.dat"] = b" "
        self.about["data_streams"].append(
            {
                "source_label": label,
                "stream_path": "/meter/Volts",
                "stream_layout": "float32_2",
                "start_ts": intervals[0][0][0],
                "end_ts": intervals[-1][-1][0],
                "row_count": sum(map(len, intervals)),
                "interval_count": len(intervals),
            }
        )
        return self

    def events(self, *blocks: list[dict[str, Any]], label: str = "trips") -> Archive:
        """Add an event stream, each block a file."""
        index = len(self.about["event_streams"])
        self._describe("events", index, label, EVENT_MODEL)
        for block in blocks:
            name = f"events/{index}/data/{block[-1]['start_time']}.json"
            self.files[name] = json.dumps(block).encode()
        starts = [each["start_time"] for block in blocks for each in block]
        self.about["event_streams"].append(
            {
                "source_label": label,
                "stream_path": "/meter/trips",
                "event_fields": EVENT_MODEL["event_fields"],
                "start_ts": min(starts, default=None),
                "end_ts": max(starts, default=None),
                "event_count": len(starts),
            }
        )
        return self

    def _describe(self, kind: str, index: int, label: str, model: dict[str, Any]) -> None:
        text = {"source_label": label, "stream_path": "/meter/x", "stream_model": model}
        self.files[f"{kind}/{index}/metadata.json"] = json.dumps(text).encode()

    def save(self, file: Path) -> Path:
        """Write it, with the folders as entries of their own."""
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for folder in ("data/", "events/", "modules/", "modules/0/"):
                archive.writestr(folder, b"")
            archive.writestr("metadata.json", json.dumps(self.about))
            for name, data in self.files.items():
                archive.writestr(name, data)
        return file
