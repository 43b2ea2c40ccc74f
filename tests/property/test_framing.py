from __future__ import annotations

import itertools
from typing import NamedTuple, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from joule.models.framing import RowDecoder, encode_block
from joule.models.layout import Layout, Rows
from joule.models.pipes import InputPipe

Record: TypeAlias = bytes | None
"""One packed row, None for an interval end."""

LAYOUTS = st.builds(
    Layout, st.sampled_from(["int16", "int32", "int64", "float32", "float64"]), st.integers(1, 5)
)
CUTS = st.lists(st.integers(0, 800), max_size=12)


class Block(NamedTuple):
    rows: Rows
    starts_interval: bool


@st.composite
def bodies(draw: st.DrawFn) -> tuple[Layout, bytes]:
    """Records with many zeros among them, whole and in part, and perhaps a cut one at the end."""
    layout = draw(LAYOUTS)
    size = layout.row_bytes
    record = st.one_of(
        st.just(bytes(size)),
        st.binary(min_size=size, max_size=size),
        st.integers(0, size - 1).map(lambda at: bytes(at) + b"\1" + bytes(size - at - 1)),
    )
    whole = b"".join(draw(st.lists(record, max_size=25)))
    return layout, whole + draw(st.binary(max_size=size - 1))


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut bytes at any places, also several times at the same one."""
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


def records(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data) - size + 1, size)]


def expected(layout: Layout, data: bytes) -> list[Record]:
    """The oracle: each record on its own, a token when all its numbers are zero."""
    return [
        None if all(number == 0 for number in _numbers(layout, record)) else record
        for record in records(data, layout.row_bytes)
    ]


def _numbers(layout: Layout, record: bytes) -> list[float]:
    ((timestamp, values),) = layout.view(record).tolist()
    return [timestamp, *values]


def decode(decoder: RowDecoder, pieces: list[bytes]) -> list[Record]:
    out: list[Record] = []
    for piece in pieces:
        for rows, ends_interval in decoder.feed(piece):
            out += records(rows.tobytes(), rows.dtype.itemsize)
            out += [None] if ends_interval else []
    return out


@given(bodies(), CUTS)
def test_any_split_of_the_bytes_gives_the_same_rows_and_breaks(
    body: tuple[Layout, bytes], cuts: list[int]
) -> None:
    layout, data = body
    decoder = RowDecoder(layout)
    assert decode(decoder, split(data, cuts)) == expected(layout, data)
    assert decoder.partial_bytes == len(data) % layout.row_bytes


@given(bodies(), st.lists(st.booleans(), max_size=25))
def test_encoded_blocks_are_decoded_to_their_rows_and_breaks(
    body: tuple[Layout, bytes], breaks: list[bool]
) -> None:
    layout, data = body
    rows = [record for record in expected(layout, data) if record]
    blocks = [
        Block(layout.view(row), starts)
        for row, starts in itertools.zip_longest(rows, breaks)
        if row
    ]
    parts = [bytes(part) for block in blocks for part in encode_block(block, layout)]
    wanted: list[Record] = []
    for block in blocks:
        wanted += [None, block.rows.tobytes()] if block.starts_interval else [block.rows.tobytes()]
    assert decode(RowDecoder(layout), parts) == wanted


class PiecewiseReader:
    """Gives the pieces one by one, as far as the pipe has asked for so many bytes."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._rest = b""
        self._pieces = iter([piece for piece in pieces if piece])

    async def read(self, n: int, /) -> bytes:
        piece = self._rest or next(self._pieces, b"")
        self._rest = piece[n:]
        return piece[:n]


@given(bodies(), CUTS, st.one_of(st.none(), st.integers(1, 4)))
async def test_a_pipe_gives_the_same_rows_and_breaks_however_they_arrive(
    body: tuple[Layout, bytes], cuts: list[int], buffer_size: int | None
) -> None:
    layout, data = body
    reader = PiecewiseReader(split(data, cuts))
    pipe = InputPipe(layout=str(layout), reader=reader, buffer_size=buffer_size)
    got: list[Record] = []
    while await pipe.not_empty():
        rows = await pipe.read()
        got += records(rows.tobytes(), layout.row_bytes)
        got += [None] if pipe.end_of_interval else []
        pipe.consume(len(rows))
    assert got == expected(layout, data)
