"""Data streams, their elements and what is known about their data."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from joule.errors import ConfigurationError
from joule.models.base import DATATYPES, KEEP_ALL, Saved, name_fault
from joule.models.events import EventStream

if TYPE_CHECKING:
    from datetime import datetime

    from joule.models.layout import Layout

DISPLAY_TYPES = ("discrete", "continuous", "event")


@dataclass(eq=False, repr=False)
class Element(Saved):
    """One column of a data stream.

    ``offset`` and ``scale_factor`` only concern the display, ``(x - offset) * scale_factor``;
    stored values are never scaled. ``default_min`` and ``default_max`` are the limits of a plot,
    None for automatic.
    """

    name: str = ""
    units: str | None = ""
    plottable: bool | None = True
    display_type: str = "continuous"
    _: KW_ONLY
    offset: float = 0.0
    scale_factor: float = 1.0
    default_max: float | None = None
    default_min: float | None = None
    index: int = 0

    def __repr__(self) -> str:
        return (
            f"<joule.api.Element id={self._id} index={self.index}, name={self.name!r} "
            f"units={self.units} plottable={self.plottable} display_type={self.display_type!r}>"
        )

    def check(self) -> None:
        """Raise ``ConfigurationError`` with the broken rule unless the element can be stored."""
        if not isinstance(self.name, str) or not self.name:
            raise ConfigurationError("missing name")
        if str(self.display_type).lower() not in DISPLAY_TYPES:
            raise ConfigurationError(
                f"invalid display_type [{self.display_type}], "
                "choose from [discrete, continuous, event]"
            )
        if (
            self.default_min is not None
            and self.default_max is not None
            and self.default_max <= self.default_min
        ):
            raise ConfigurationError("[default_max] must be > [default_min]")


@dataclass(eq=False, repr=False)
class DataStream(Saved):
    """Rows of one datatype: an integer UNIX microsecond timestamp and one value per element.

    ``keep_us`` is -1 to keep everything, 0 to store nothing, else microseconds of history. The
    status flags are set by the node and ignored in what a client sends.
    """

    name: str = ""
    description: str | None = ""
    datatype: str = "float32"
    keep_us: int = KEEP_ALL
    elements: list[Element] = field(default_factory=list)
    _: KW_ONLY
    decimate: bool = True
    is_configured: bool = False
    is_source: bool = False
    is_destination: bool = False
    updated_at: datetime | None = None

    def __post_init__(self) -> None:
        self.elements = list(self.elements or [])

    def __repr__(self) -> str:
        return (
            f"<joule.api.DataStream id={self._id} name={self.name!r} "
            f"description={self.description!r} datatype={self.datatype!r} "
            f"is_configured={self.is_configured} is_source={self.is_source} "
            f"is_destination={self.is_destination} locked={self.locked} decimate={self.decimate}>"
        )

    @property
    def layout(self) -> str:
        """The layout text, for example ``float32_2``."""
        return f"{self.datatype}_{len(self.elements)}"

    @property
    def rows_layout(self) -> Layout:
        """The layout as a value, with its dtype."""
        from joule.models.layout import Layout  # numpy, which who looks at metadata does not need

        return Layout(self.datatype, len(self.elements))

    @property
    def active(self) -> bool:
        """Whether a module or a writer uses it now."""
        return self.is_source or self.is_destination

    @property
    def locked(self) -> bool:
        """Whether it may not be changed, moved or deleted: active or configured by a file."""
        return self.active or self.is_configured

    def check(self) -> None:
        """Raise ``ConfigurationError`` with the broken rule unless the stream can be stored."""
        fault = name_fault(self.name)
        if fault is not None:
            raise ConfigurationError(fault)
        if self.datatype not in DATATYPES:
            raise ConfigurationError(
                f"invalid datatype [{self.datatype}], "
                "choose from [float64, float32, int64, int32, int16]"
            )
        if type(self.keep_us) is not int or not -1 <= self.keep_us < 2**63:
            raise ConfigurationError("invalid keep_us, must be -1 (KEEP_ALL) or >= 0")
        if not self.elements:
            raise ConfigurationError("stream must have at least one element")
        for element in self.elements:
            element.check()
        if len({element.name for element in self.elements}) != len(self.elements):
            raise ConfigurationError("element names must be unique")


@dataclass(frozen=True, slots=True, repr=False)
class DataStreamInfo:
    """What is stored of a data stream.

    ``start`` and ``end`` are the timestamps of the first and the last row in UNIX us (``end`` is
    not exclusive), None when there are no rows; ``bytes`` is the room taken on disk and
    ``total_time`` is ``end - start`` in us.
    """

    start: int | None = None
    end: int | None = None
    rows: int = 0
    bytes: int = 0
    total_time: int = 0

    def __repr__(self) -> str:
        return (
            f"<joule.api.DataStreamInfo start={self.start} end={self.end} "
            f"rows={self.rows}, total_time={self.total_time}>"
        )


Stream: TypeAlias = DataStream | EventStream
"""A stream of either kind."""

StreamKind = TypeVar("StreamKind", DataStream, EventStream)
"""One kind of stream, the same throughout a function."""
