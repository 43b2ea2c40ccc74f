"""The serial port; the only file that knows the library for it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import serial

from joule.client.builtins.serial_reader.lines import Lines
from joule.client.sources.source import Row, Source, SourceLostError
from joule.errors import ConfigurationError
from joule.models.pipes import DescriptorReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from joule.client.builtins.serial_reader.line_format import LineFormat
    from joule.client.sources.complaints import Complaints

_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Settings:
    """How the line is set, in the words of pyserial."""

    baudrate: int = 9600
    bytesize: int = 8
    parity: str = "N"
    stopbits: float = 1
    rtscts: bool = False
    xonxoff: bool = False


class SerialLine(Source):
    """Lines of text from a port that nobody else may use meanwhile."""

    def __init__(
        self, port: str, settings: Settings, line_format: LineFormat, complaints: Complaints
    ) -> None:
        self.name = f"port [{port}]"
        self._port = port
        self._settings = settings
        self._format = line_format
        self._complaints = complaints

    async def rows(self) -> AsyncGenerator[Sequence[Row], None]:
        """Open the port and give the rows of its lines until it is unplugged."""
        lines = Lines(self._complaints)
        try:
            with self._open() as reader:
                while data := await reader.read(_READ_BYTES):
                    rows = self._parse(lines.push(bytes(data)))
                    if rows:
                        yield rows
        except OSError as error:
            raise SourceLostError(error.strerror or str(error)) from error
        raise SourceLostError("was unplugged")

    @contextmanager
    def _open(self) -> Iterator[DescriptorReader]:
        try:
            settings = asdict(self._settings)
            # With this a read has at least one byte: none would look like the end.
            port = serial.Serial(self._port, exclusive=True, inter_byte_timeout=0, **settings)
        except ValueError as error:
            raise ConfigurationError(f"{self.name}: {error}") from error
        with port:
            reader = DescriptorReader(os.dup(port.fileno()))
            try:
                yield reader
            finally:
                reader.close()

    def _parse(self, lines: Sequence[str]) -> list[Row]:
        rows: list[Row] = []
        for line in lines:
            try:
                rows.append(self._format.row(line))
            except ValueError as error:
                self._complaints.warn("line [%.60s] is left out: %s", line, error)
        return rows
