"""How bytes become rows and breaks, and how much is taken in."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.errors import EmptyPipeError, PipeError
from joule.models.pipes import InputPipe, LocalPipe, Pipe, compute_dtype, interval_token

LAYOUT = "int16_2"
ROW_BYTES = 12
TOKEN = interval_token(LAYOUT).tobytes()


class Chunks:
    """Gives prepared pieces of a byte stream, whatever is asked for."""

    def __init__(self, *chunks: Any) -> None:
        self.chunks = list(chunks)
        self.asked: list[int] = []
        self.closed = False

    async def read(self, n: int, /) -> Any:
        self.asked.append(n)
        return self.chunks.pop(0) if self.chunks else b""

    def close(self) -> None:
        self.closed = True


def packed(*timestamps: int) -> bytes:
    out = np.zeros(len(timestamps), dtype=compute_dtype(LAYOUT))
    out["timestamp"] = timestamps
    out["data"] = np.outer(timestamps, [0, 1])
    return out.tobytes()


def pipe_of(*chunks: Any, buffer_size: int | None = None) -> InputPipe:
    return InputPipe("in", layout=LAYOUT, reader=Chunks(*chunks), buffer_size=buffer_size)


async def everything(pipe: Pipe) -> list[int | None]:
    """Timestamps in order, None for a break."""
    out: list[int | None] = []
    while await pipe.not_empty():
        data = await pipe.read()
        out += [int(timestamp) for timestamp in data["timestamp"]]
        pipe.consume(len(data))
        if pipe.end_of_interval:
            out.append(None)
    return out


@given(
    st.lists(st.one_of(st.none(), st.integers(1, 9)), max_size=30),
    st.lists(st.integers(0, 30 * ROW_BYTES), max_size=40),
)
async def test_the_cuts_in_the_byte_stream_do_not_matter(
    items: list[int | None], cuts: list[int]
) -> None:
    data = b"".join(TOKEN if item is None else packed(item) for item in items)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pipe = pipe_of(*(data[start:end] for start, end in pairwise(places)))
    assert await everything(pipe) == items


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_any_kind_of_bytes_will_do(kind: Any) -> None:
    data = await pipe_of(kind(packed(1, 2))).read()
    assert data["timestamp"].tolist() == [1, 2]
    assert data["data"].tolist() == [[0, 1], [0, 2]]


async def test_a_buffer_that_is_used_again_does_not_change_the_rows() -> None:
    buffer = bytearray(packed(1))
    pipe = pipe_of(buffer)
    await pipe.read()
    buffer[:] = packed(2)
    pipe.reread_last()
    assert (await pipe.read())["timestamp"].tolist() == [1]


async def test_a_row_of_zeros_within_other_rows_is_a_break_but_zero_values_are_not() -> None:
    zeros = np.zeros(1, dtype=compute_dtype(LAYOUT))
    zeros["timestamp"] = 5
    negative = np.zeros(1, dtype=compute_dtype(LAYOUT))
    negative["data"] = 1
    pipe = pipe_of(zeros.tobytes() + TOKEN + negative.tobytes())
    assert await everything(pipe) == [5, None, 0]


async def test_rows_in_one_piece_with_a_break_do_not_need_more_bytes() -> None:
    source = Chunks(packed(1) + TOKEN + packed(2))
    pipe = InputPipe("in", layout=LAYOUT, reader=source)
    await pipe.read()
    pipe.consume_all()
    assert (await pipe.read())["timestamp"].tolist() == [2]
    assert len(source.asked) == 1


async def test_a_full_pipe_gives_the_same_rows_and_reads_nothing() -> None:
    source = Chunks(packed(1, 2), packed(3))
    pipe = InputPipe("in", layout=LAYOUT, reader=source, buffer_size=2)
    for _ in range(3):
        assert (await pipe.read())["timestamp"].tolist() == [1, 2]
    assert source.asked == [2 * ROW_BYTES]
    pipe.consume(1)
    assert (await pipe.read())["timestamp"].tolist() == [2, 3]
    assert source.asked[1:] == [ROW_BYTES]


async def test_a_full_pipe_is_not_at_the_end_of_an_interval_for_ever() -> None:
    pipe = pipe_of(packed(1, 2), TOKEN, buffer_size=2)
    await pipe.read()
    await pipe.read()
    assert not pipe.end_of_interval
    pipe.consume(1)
    await pipe.read()
    assert pipe.end_of_interval


async def test_many_unconsumed_rows_are_held_by_default() -> None:
    block = packed(*range(1, 20_001))
    pipe = pipe_of(block, block, block)
    for count in (20_000, 40_000, 60_000):
        assert len(await pipe.read()) == count


async def test_what_is_asked_for_fits_into_the_room_that_is_left() -> None:
    source = Chunks(packed(1)[:5], packed(1)[5:])
    pipe = InputPipe("in", layout=LAYOUT, reader=source, buffer_size=3)
    await pipe.read()
    assert source.asked == [3 * ROW_BYTES, 3 * ROW_BYTES - 5]


async def test_half_a_row_at_the_end_is_dropped_and_noted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await everything(pipe_of(packed(1) + packed(2)[:7])) == [1]
    assert "ended within a row" in caplog.text


async def test_closing_releases_the_byte_stream_and_ends_reading() -> None:
    called: list[int] = []

    async def callback() -> None:
        called.append(1)

    source = Chunks(packed(1))
    pipe = InputPipe("in", layout=LAYOUT, reader=source, close_cb=callback)
    await pipe.close()
    await pipe.close()
    assert source.closed
    assert called == [1]
    with pytest.raises(PipeError, match="Cannot read from a closed pipe"):
        await pipe.read()


async def test_the_reader_is_opened_late() -> None:
    opened: list[Chunks] = []

    async def factory() -> Chunks:
        opened.append(Chunks(packed(1)))
        return opened[-1]

    pipe = InputPipe("in", layout=LAYOUT, reader_factory=factory)
    assert opened == []
    await pipe.read()
    with pytest.raises(PipeError):
        pipe.consume(2)
    await pipe.read()
    assert len(opened) == 1


async def test_the_layout_may_be_told_before_the_first_read() -> None:
    pipe = InputPipe("in", reader=Chunks(packed(1)))
    with pytest.raises(ValueError, match="pipe has no layout"):
        await pipe.read()
    pipe.layout = LAYOUT
    pipe.decimation_level = 4
    assert len(await pipe.read()) == 1
    assert pipe.decimated


async def test_an_error_of_the_byte_stream_comes_out_of_the_read() -> None:
    class Broken(Chunks):
        async def read(self, n: int, /) -> Any:
            raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await InputPipe("in", layout=LAYOUT, reader=Broken()).read()


async def test_without_a_reader_it_cannot_be_read() -> None:
    with pytest.raises(PipeError, match="has no reader"):
        await InputPipe("in", layout=LAYOUT).read()


async def test_reading_all_of_an_answer_without_rows() -> None:
    with pytest.raises(PipeError, match="No data in pipe"):
        await pipe_of().read_all()
    with pytest.raises(EmptyPipeError):
        await pipe_of().read()


async def test_it_refuses_to_be_written() -> None:
    pipe = pipe_of()
    with pytest.raises(PipeError, match="cannot write to an input pipe"):
        await pipe.write(packed(1))
    with pytest.raises(PipeError, match="cannot write to an input pipe"):
        await pipe.close_interval()
    with pytest.raises(PipeError, match="cannot control cache on input pipes"):
        pipe.enable_cache(1)
    with pytest.raises(PipeError, match="cannot control cache on input pipes"):
        await pipe.flush_cache()
    with pytest.raises(PipeError, match="cannot subscribe to an input pipe"):
        pipe.subscribe(LocalPipe(LAYOUT))
    with pytest.raises(PipeError, match="layout cannot be changed"):
        pipe.change_layout("int16_1")
    pipe.close_interval_nowait()
