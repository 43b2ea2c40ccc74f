"""Requests against the rules: a clear error each, and nothing stored is lost or changed."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest

from joule.api import DataStream, Element
from joule.errors import ApiError, PipeError
from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import Folder, TcpNode
    from tests.integration.daemon import Daemon

pytestmark = pytest.mark.slow

STREAM = "/bench/inner/volts"
LAYOUT = Layout("float32", 2)


def rows(timestamps: list[int], value: float = 1.0) -> Any:
    made = np.zeros(len(timestamps), LAYOUT.dtype)
    made["timestamp"] = timestamps
    made["data"] = value
    return made


async def prepare(node: TcpNode) -> None:
    stream = DataStream("volts", elements=[Element("x"), Element("y")])
    await node.data_stream_create(stream, "/bench/inner")
    pipe = await node.data_write(STREAM)
    await pipe.write(rows(list(range(1000, 2000, 10))))
    await pipe.close_interval()
    await pipe.write(rows(list(range(3000, 4000, 10)), 2.0))
    await pipe.close()


async def everything(node: TcpNode) -> tuple[Any, ...]:
    """All that the node stores, in a form that can be compared."""

    def tree(folder: Folder) -> Any:
        streams = sorted((s.name, s.layout, s.id) for s in folder.data_streams)
        return folder.name, folder.id, streams, [tree(child) for child in folder.children]

    stored = await node.data_read_array(STREAM, max_rows=10_000)
    return (
        tree(await node.folder_root()),
        stored.tobytes(),
        await node.data_intervals(STREAM),
        (await node.data_stream_info(STREAM)).rows,
    )


@pytest.fixture(scope="module")
def bench(shared: Daemon) -> Daemon:
    """The node with one stream of 200 rows in two intervals."""
    shared.ask(prepare)
    return shared


@pytest.fixture(autouse=True)
def unchanged(bench: Daemon) -> Iterator[None]:
    """Compare what is stored before and after each test."""
    before = bench.ask(everything)
    assert before[-1] == 200
    yield
    assert bench.ask(everything) == before


def send(
    daemon: Daemon, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, str]:
    raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    kind = {"Content-Type": "application/json"} if raw is not None else {}
    return daemon.request(method, path, raw, {"X-API-KEY": daemon.key, **kind, **headers})


UNKNOWN = "/no/such/thing"
DATA = f"/data?path={quote(STREAM)}"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", f"/folder.json?path={UNKNOWN}", None, 404, "folder does not exist"),
        ("GET", f"/stream.json?path={UNKNOWN}", None, 404, "stream does not exist"),
        ("GET", f"/data?path={UNKNOWN}", None, 404, "stream does not exist"),
        ("GET", "/module.json?name=nobody", None, 404, "module does not exist"),
        ("GET", "/stream.json", None, 400, "specify an id or a path"),
        ("GET", "/stream.json?id=abc", None, 400, "id"),
        ("GET", f"{DATA}&start=abc", None, 400, "parameter start must be an int"),
        ("GET", f"{DATA}&max-rows=0", None, 400, "[max-rows] must be > 0"),
        ("GET", f"{DATA}&max-rows=-5", None, 400, "[max-rows] must be > 0"),
        ("GET", f"{DATA}&start=20&end=10", None, 400, "[start] must be before [end]"),
        ("DELETE", f"{DATA}&start=2000&end=1000", None, 400, "[start] must be before [end]"),
        ("GET", f"{DATA}&subscribe=1", None, 400, "stream is not being produced"),
        ("POST", "/stream.json", b'{"stream": ', 400, "invalid json"),
        ("PUT", "/folder.json", b"nonsense", 400, "json"),
        ("POST", "/stream.json", {"dest_path": "/x"}, 400, "provide a stream"),
        (
            "PUT",
            "/folder/move.json",
            {"src_path": "/bench", "dest_path": "/bench/inner"},
            400,
            "cannot place a parent in a child folder",
        ),
        (
            "PUT",
            "/folder/move.json",
            {"src_path": "/bench", "dest_path": "/bench"},
            400,
            "cannot place a parent in a child folder",
        ),
        ("DELETE", "/folder.json?path=/", None, 400, "folder is locked"),
        ("DELETE", "/folder.json?path=/bench&recursive=0", None, 400, "specify [recursive]"),
        ("POST", f"{DATA}&merge-gap=-1", b"", 400, "merge-gap must be >= 0"),
    ],
)
def test_a_bad_request_is_refused_with_its_reason(
    bench: Daemon, method: str, path: str, body: object, status: int, text: str
) -> None:
    answer = send(bench, method, path, body)
    assert answer[0] == status, answer
    assert text in answer[1]
    assert "Traceback" not in answer[1]


@pytest.mark.parametrize("headers", [{}, {"X-API-KEY": "wrong"}, {"X-API-KEY": ""}])
def test_without_the_right_key_nothing_is_answered(bench: Daemon, headers: dict[str, str]) -> None:
    for method, path in [("GET", "/"), ("GET", "/folders.json"), ("DELETE", DATA)]:
        assert bench.request(method, path, None, headers)[0] == 403


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rows([5000, 5010, 5005]).tobytes(), "Non-monotonic timestamps in new data"),
        (rows([5000, 5000]).tobytes(), "Non-monotonic timestamps in new data"),
        (rows([5000, 5010], np.nan).tobytes(), "Invalid values (NaN) in new data"),
        (rows([990, 1010]).tobytes(), "already exists"),
        (rows([5000]).tobytes()[:-3], "row"),
    ],
    ids=["backwards", "twice", "nan", "stored before", "cut row"],
)
def test_rows_against_the_rules_are_refused(bench: Daemon, body: bytes, text: str) -> None:
    status, answer = send(bench, "POST", DATA, body)
    assert status == 400, answer
    assert text in answer


def test_a_sender_that_vanishes_in_the_middle_of_a_row_leaves_nothing_half(bench: Daemon) -> None:
    head = (
        f"POST {DATA} HTTP/1.1\r\nHost: node\r\nX-API-KEY: {bench.key}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", bench.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"7\r\n" + bytes(range(1, 8)) + b"\r\n")
    # The stream is free again as soon as the node has seen the sender go.
    status, answer = send(bench, "GET", f"/stream.json?path={quote(STREAM)}")
    assert status == 200, answer


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (DataStream("a/b", elements=[Element("x")]), "invalid name, '\\' not allowed"),
        (DataStream("", elements=[Element("x")]), "missing name"),
        (DataStream("none"), "stream must have at least one element"),
        (DataStream("odd", datatype="int8", elements=[Element("x")]), "invalid datatype [int8]"),
        (DataStream("two", elements=[Element("x"), Element("x")]), "element names must be unique"),
        (DataStream("volts", elements=[Element("x")]), "stream with the same name exists"),
    ],
    ids=lambda value: value.name if isinstance(value, DataStream) else "",
)
def test_a_stream_against_the_rules_is_not_created(
    bench: Daemon, stream: DataStream, text: str
) -> None:
    with pytest.raises(ApiError) as caught:
        bench.ask(lambda node: node.data_stream_create(stream, "/bench/inner"))
    assert text in str(caught.value)
    assert caught.value.status == 400


def test_an_argument_of_the_wrong_type_is_named_by_the_client(bench: Daemon) -> None:
    with pytest.raises(ApiError, match="Must be DataStream, Path, or ID"):
        bench.ask(lambda node: node.data_stream_get(3.5))  # type: ignore[arg-type]


def test_rows_of_another_width_are_refused_by_the_client(bench: Daemon) -> None:
    async def write(node: TcpNode) -> None:
        pipe = await node.data_write(STREAM)
        try:
            await pipe.write(np.array([[5000.0, 1.0, 2.0, 3.0]]))
        finally:
            await pipe.close()

    with pytest.raises(PipeError, match="wrong number of fields"):
        bench.ask(write)


def test_the_command_line_shows_the_same_errors(bench: Daemon) -> None:
    for words, text in [
        (("data", "read", UNKNOWN), "Error: stream does not exist [404]"),
        (("data", "read", "-s", "20", "-e", "10", STREAM), "[start] must be before [end]"),
        (("data", "read", "-r", "0", STREAM), "must be > 0"),
        (("folder", "move", "/bench", "/bench/inner"), "cannot place a parent in a child folder"),
        (("folder", "delete", "/bench"), "specify [recursive] or remove child folders first"),
        (("stream", "rename", STREAM, "a/b"), "invalid name"),
        (("data", "consolidate", "-m", "0", STREAM), "max_gap must be postive integer"),
    ]:
        result = bench.joule(*words)
        assert result.returncode == 1, words
        assert text in result.stderr, words
        assert "Traceback" not in result.stderr
