"""The loops in C; buffers that do not fit each other raise ``ValueError``."""

from joule.kernels.results import Array, Bytes, Readable

def shuffle(records: Readable, record_bytes: int, planes: Bytes, /) -> None: ...
def unshuffle(planes: Readable, record_bytes: int, records: Bytes, /) -> None: ...
def group(
    rows: Readable,
    datatype: str,
    width: int,
    starts: Array,
    times: Array,
    minimum: Array,
    maximum: Array,
    total: Array,
    /,
) -> None: ...
def check(rows: Readable, datatype: str, width: int, /) -> tuple[int, int]: ...
