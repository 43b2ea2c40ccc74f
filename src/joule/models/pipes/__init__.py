"""Pipes: how modules read and write data streams.

Packed rows of one layout with breaks between intervals. :class:`LocalPipe` connects two parts of
one process, :class:`InputPipe` and :class:`OutputPipe` are the ends of a byte stream.
"""

from __future__ import annotations

import warnings
from typing import Any

from joule.errors import EmptyPipeError, PipeError
from joule.models.layout import compute_dtype, find_interval_token, interval_token
from joule.models.pipes.byte_streams import (
    ByteReader,
    ByteWriter,
    DescriptorReader,
    DescriptorWriter,
    reader_factory,
    writer_factory,
)
from joule.models.pipes.input_pipe import InputPipe
from joule.models.pipes.local_pipe import LocalPipe
from joule.models.pipes.output_pipe import OutputPipe
from joule.models.pipes.pipe import Pipe

__all__ = [
    "ByteReader",
    "ByteWriter",
    "DescriptorReader",
    "DescriptorWriter",
    "EmptyPipeError",
    "InputPipe",
    "LocalPipe",
    "OutputPipe",
    "Pipe",
    "PipeError",
    "compute_dtype",
    "find_interval_token",
    "interval_token",
    "reader_factory",
    "writer_factory",
]


def __getattr__(name: str) -> Any:
    if name == "EmptyPipe":
        warnings.warn(
            "EmptyPipe is an older name of joule.errors.EmptyPipeError",
            DeprecationWarning,
            stacklevel=2,
        )
        return EmptyPipeError
    raise AttributeError(f"module 'joule.models.pipes' has no attribute {name!r}")
