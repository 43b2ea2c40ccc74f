"""Where older modules import the factories of byte streams from."""

from __future__ import annotations

import warnings

from joule.models.pipes.byte_streams import reader_factory, writer_factory

__all__ = ["reader_factory", "writer_factory"]

warnings.warn(
    "joule.models.pipes.factories is an older name, its functions are in joule.models.pipes",
    DeprecationWarning,
    stacklevel=2,
)
