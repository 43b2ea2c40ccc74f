"""How rows and breaks become bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from joule.errors import ApiError, PipeError
from joule.models.pipes import LocalPipe, OutputPipe, compute_dtype

LAYOUT = "float64_1"


class Sink:
    """Keeps what is written."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.pieces: list[bytes] = []
        self.fault = fault
        self.closed = False

    def write(self, data: bytes, /) -> None:
        self.pieces.append(data)

    async def drain(self) -> None:
        if self.fault is not None:
            raise self.fault

    def close(self) -> None:
        self.closed = True

    async def wait_closed(self) -> None:
        assert self.closed

    @property
    def times(self) -> list[int]:
        data: Any = np.frombuffer(b"".join(self.pieces), dtype=compute_dtype(LAYOUT))
        return [int(timestamp) for timestamp in data["timestamp"]]


def rows(*timestamps: int) -> Any:
    out = np.zeros(len(timestamps), dtype=compute_dtype(LAYOUT))
    out["timestamp"] = timestamps
    out["data"] = 1
    return out


async def test_a_break_is_a_row_of_zeros() -> None:
    sink = Sink()
    pipe = OutputPipe("out", layout=LAYOUT, writer=sink)
    await pipe.write(rows(1))
    await pipe.close_interval()
    await pipe.write(rows(2))
    assert sink.pieces[1] == bytes(16)
    assert sink.times == [1, 0, 2]


async def test_a_break_is_marked_even_before_the_first_row() -> None:
    sink = Sink()
    await OutputPipe("out", layout=LAYOUT, writer=sink).close_interval()
    assert sink.times == [0]


async def test_breaks_put_before_the_writer_is_open_are_sent_first() -> None:
    sink = Sink()

    async def factory() -> Sink:
        return sink

    pipe = OutputPipe("out", layout=LAYOUT, writer_factory=factory)
    pipe.close_interval_nowait()
    assert sink.pieces == []
    await pipe.write(rows(1))
    assert sink.times == [0, 1]
    await pipe.close()
    pipe.close_interval_nowait()
    assert sink.times == [0, 1]


async def test_closing_an_unused_pipe_ends_the_byte_stream() -> None:
    sink = Sink()

    async def factory() -> Sink:
        return sink

    await OutputPipe("out", layout=LAYOUT, writer_factory=factory).close()
    assert sink.closed


async def test_rows_that_are_not_contiguous_are_written_in_order() -> None:
    sink = Sink()
    await OutputPipe("out", layout=LAYOUT, writer=sink).write(rows(1, 2, 3, 4)[::2])
    assert sink.times == [1, 3]


async def test_what_the_writer_gets_does_not_change_later() -> None:
    sink = Sink()
    data = rows(1)
    await OutputPipe("out", layout=LAYOUT, writer=sink).write(data)
    data["timestamp"] = 9
    assert sink.times == [1]


async def test_errors_of_the_writer_surface_from_the_write_and_from_closing() -> None:
    sink = Sink(ApiError("already exists", 400))
    pipe = OutputPipe("out", layout=LAYOUT, writer=sink)
    with pytest.raises(ApiError, match="already exists"):
        await pipe.write(rows(1))
    with pytest.raises(ApiError, match="already exists"):
        await pipe.close()
    assert sink.closed
    assert pipe.closed


async def test_an_error_while_closing_does_not_keep_the_rest_from_closing() -> None:
    called: list[int] = []

    async def callback() -> None:
        called.append(1)

    sink = Sink(OSError("gone"))
    pipe = OutputPipe("out", layout=LAYOUT, writer=sink, close_cb=callback)
    listener = LocalPipe(LAYOUT)
    pipe.subscribe(listener)
    with pytest.raises(OSError, match="gone"):
        await pipe.close()
    assert listener.closed
    assert called == [1]


async def test_a_failed_pipe_sends_nothing_more_when_it_is_closed() -> None:
    sink = Sink()
    pipe = OutputPipe("out", layout=LAYOUT, writer=sink)
    pipe.enable_cache(10)
    await pipe.write(rows(1))
    pipe.fail()
    await pipe.close()
    assert sink.pieces == []
    assert sink.closed


async def test_it_refuses_to_be_read() -> None:
    pipe = OutputPipe("out", layout=LAYOUT, writer=Sink())
    for action in (pipe.read, pipe.read_all):
        with pytest.raises(PipeError, match="cannot read from an output pipe"):
            await action()
    for check in (pipe.is_empty, pipe.not_empty):
        with pytest.raises(PipeError, match="cannot check output pipes for empty condition"):
            await check()
    with pytest.raises(PipeError, match="cannot consume from an output pipe"):
        pipe.consume(1)
    with pytest.raises(PipeError, match="cannot consume from an output pipe"):
        pipe.consume_all()
    with pytest.raises(PipeError, match="cannot read from an output pipe"):
        pipe.reread_last()
    with pytest.raises(PipeError, match="layout cannot be changed"):
        pipe.change_layout("int16_1")
    await pipe.close()


async def test_without_a_writer_it_cannot_be_written() -> None:
    with pytest.raises(PipeError, match="has no writer"):
        await OutputPipe("out", layout=LAYOUT).write(rows(1))
