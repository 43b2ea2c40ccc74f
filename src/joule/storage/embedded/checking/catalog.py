"""The catalog: every row against its checksum, every reference against what it refers to."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from joule.models.layout import Layout
from joule.storage.embedded import doomed
from joule.storage.embedded.catalog_tables import summed_columns
from joule.storage.embedded.row_sums import load_sums, row_sum
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from joule.storage.embedded.checking.findings import Report

Record: TypeAlias = dict[str, Any]
Tables: TypeAlias = dict[str, dict[Any, Record]]

PLACE = "catalog"


@dataclass
class Known:
    """What the catalog says about streams; ``doomed`` ones are deleted and to be removed."""

    paths: dict[tuple[Kind, int], str] = field(default_factory=dict)
    layouts: dict[int, Layout] = field(default_factory=dict)
    doomed: set[tuple[str, int]] = field(default_factory=set)

    def name(self, kind: Kind, id_: int) -> str:
        """Give the path of a stream, or what can be said of one that has none."""
        return self.paths.get((kind, id_), f"{kind.value} {id_}")

    def is_stray(self, kind: Kind, id_: int) -> bool:
        """Whether something is stored for a stream that nobody knows."""
        return (kind, id_) not in self.paths and (kind.value, id_) not in self.doomed


def check_catalog(connection: apsw.Connection, report: Report) -> Known:
    """Check all records and give what the rest of the check needs to know."""
    known = Known()
    tables: Tables = defaultdict(dict)
    with report.guard(PLACE):
        _check_sums(connection, report, tables)
    with report.guard(PLACE):
        _check_folders(tables["folder"], report)
    with report.guard(PLACE):
        _check_sequences(tables, report)
    for kind in (Kind.DATA_STREAM, Kind.EVENT_STREAM):
        for id_, record in tables[kind.value].items():
            known.paths[kind, id_] = _path(tables["folder"], record)
            if record["folder_id"] not in tables["folder"]:
                report.add(known.name(kind, id_), f"is in folder {record['folder_id']}: none such")
    with report.guard(PLACE):
        _check_elements(tables, known, report)
    with report.guard(PLACE):
        known.doomed = set(connection.execute("SELECT kind, id FROM doomed"))
    return known


def _check_sums(connection: apsw.Connection, report: Report, tables: Tables) -> None:
    """Read all tables, and compare each row with its checksum."""
    sums = load_sums(connection)
    for table, columns in summed_columns().items():
        with report.guard(f"{PLACE}, table {table}"):
            for row in _rows(connection, table, columns):
                tables[table][row[0]] = dict(zip(columns, row, strict=True))
                if sums.pop((table, row[0]), None) != row_sum(table, row):
                    report.add(PLACE, f"{table} {row[0]!r} does not match its checksum")
    for kind, id_ in connection.execute("SELECT kind, id FROM doomed"):
        row = (kind, id_)
        if sums.pop((doomed.TABLE, doomed.sum_key(*row)), None) != row_sum(doomed.TABLE, row):
            report.add(PLACE, f"the mark of deleted {kind} {id_} does not match its checksum")
        if id_ in tables[kind]:
            report.add(PLACE, f"{kind} {id_} is there and marked as deleted")
    for table, key in sums:
        report.add(PLACE, f"{table} {key!r} is missing")


def _rows(connection: apsw.Connection, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    names = ", ".join(f'"{name}"' for name in columns)
    yield from connection.execute(f"SELECT {names} FROM {table}")


def _check_folders(folders: dict[Any, Record], report: Report) -> None:
    roots = [id_ for id_, record in folders.items() if record["parent_id"] is None]
    if len(roots) > 1:
        report.add(PLACE, f"{len(roots)} root folders instead of one")
    for id_, record in folders.items():
        if record["parent_id"] is not None and record["parent_id"] not in folders:
            report.add(PLACE, f"folder {id_} is in folder {record['parent_id']}: none such")
        elif _parts(folders, id_) is None:
            report.add(PLACE, f"folder {id_} is inside itself")
    places = Counter((record["parent_id"], record["name"]) for record in folders.values())
    for (parent, name), count in places.items():
        if count > 1:
            report.add(PLACE, f"folder {parent} has {count} folders named [{name}]")


def _parts(folders: dict[Any, Record], id_: Any) -> list[str] | None:
    """Give the names on the way to a folder, None when the way has no end."""
    names: list[str] = []
    while id_ in folders and folders[id_]["parent_id"] is not None:
        if len(names) > len(folders):
            return None
        names.insert(0, str(folders[id_]["name"]))
        id_ = folders[id_]["parent_id"]
    return names


def _path(folders: dict[Any, Record], record: Record) -> str:
    parts = _parts(folders, record["folder_id"])
    return "/" + "/".join([*(parts or ["?"] * (parts is None)), str(record["name"])])


def _check_sequences(tables: Tables, report: Report) -> None:
    for kind in Kind:
        highest = max(tables[kind.value], default=0)
        sequence = tables["id_sequence"].get(kind.value, {"next_id": 1})
        if sequence["next_id"] <= highest:
            report.add(PLACE, f"{kind.value} ids begin again at {sequence['next_id']}")
    for name, record in tables["property"].items():
        with report.guard(f"{PLACE}, property {name}"):
            json.loads(record["value"])


def _check_elements(tables: Tables, known: Known, report: Report) -> None:
    """Check what belongs to data streams; note their layouts."""
    indices: dict[int, list[int]] = defaultdict(list)
    for id_, element in tables["element"].items():
        indices[element["stream_id"]].append(element["index"])
        if element["stream_id"] not in tables["data_stream"]:
            report.add(PLACE, f"element {id_} is of stream {element['stream_id']}: none such")
    for id_, record in tables["data_stream"].items():
        name = known.name(Kind.DATA_STREAM, id_)
        if not indices[id_] or sorted(indices[id_]) != list(range(len(indices[id_]))):
            report.add(name, f"has elements {sorted(indices[id_])}")
            continue
        with report.guard(name):
            known.layouts[id_] = Layout.parse(f"{record['datatype']}_{len(indices[id_])}")
    for id_, note in tables["annotation"].items():
        if note["stream_id"] not in tables["data_stream"]:
            report.add(PLACE, f"annotation {id_} is of stream {note['stream_id']}: none such")
