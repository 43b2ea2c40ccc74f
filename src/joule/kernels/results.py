"""What the kernels take and give, the same for both implementations."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Bytes: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
Readable: TypeAlias = "bytes | bytearray | memoryview | Bytes"


class Sums(NamedTuple):
    """``g`` groups of rows with ``n`` elements.

    ``time`` is ``(g,)`` int64, the sum of the timestamps counted from that of the first row;
    ``minimum`` and ``maximum`` are ``(g, n)`` in the dtype of the values; ``total`` is ``(g, n)``,
    int64 for integers and float64 for floats. Integer sums wrap around: whoever cannot rule that
    out looks at the extremes.
    """

    time: Array
    minimum: Array
    maximum: Array
    total: Array


class Findings(NamedTuple):
    """Indices of the first row at fault, None when there is none."""

    falling: int | None
    infinite: int | None
