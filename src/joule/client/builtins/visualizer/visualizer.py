"""The newest values of any streams on a web page."""

from __future__ import annotations

import asyncio
import html
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from aiohttp import web

from joule.client.builtins.visualizer.readings import Reading, readings_of, update
from joule.client.filter_module import FilterModule
from joule.client.pacing import ticks
from joule.client.stream_query import stub_stream
from joule.models.streams import DataStream, Element

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from joule.models.pipes import Pipe

_HERE = Path(__file__).parent
_PAGE = _HERE / "page.html"
_ASSETS = _HERE / "assets"

_DESCRIPTION = """\
Show the newest values of all inputs on a web page, with their extremes since the last reset.

The module file needs [is_app = yes]. Without inputs the page shows random values.
"""


class Visualizer(FilterModule):
    """A web page with a row per element of each input."""

    def __init__(self) -> None:
        super().__init__()
        self._title = ""
        self._readings: list[Reading] = []

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the title."""
        parser.description = _DESCRIPTION
        parser.add_argument("--title", default="Data Visualizer", help="title of the page")

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Give the page, its data and its assets."""
        return [
            web.get("/", self._page),
            web.get("/data.json", self._data),
            web.post("/reset.json", self._reset),
            web.static("/assets", _ASSETS),
        ]

    async def setup(
        self,
        parsed_args: argparse.Namespace,
        app: web.Application | None,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Take the title; the values follow."""
        self._title = parsed_args.title

    async def run(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Follow all inputs until they end."""
        streams = [pipe.stream or stub_stream(name, pipe.layout) for name, pipe in inputs.items()]
        groups = readings_of(streams or [_mock_stream()])
        self._readings = [reading for group in groups for reading in group]
        if not inputs:
            await self._show_random_values()
            return
        async with asyncio.TaskGroup() as tasks:
            for pipe, group in zip(inputs.values(), groups, strict=True):
                tasks.create_task(_follow(pipe, group))

    async def _show_random_values(self) -> None:
        random = np.random.default_rng()
        async for _ in ticks(self, 1.0):
            update(self._readings, random.random((1, len(self._readings))))

    async def _page(self, _: web.Request) -> web.Response:
        page = await asyncio.to_thread(_PAGE.read_text, "utf-8")
        text = page.replace("{{ title }}", html.escape(self._title))
        return web.Response(text=text, content_type="text/html")

    async def _data(self, _: web.Request) -> web.Response:
        return web.json_response([reading.as_json() for reading in self._readings])

    async def _reset(self, request: web.Request) -> web.Response:
        for reading in self._readings:
            reading.reset()
        return await self._data(request)


async def _follow(pipe: Pipe, readings: Sequence[Reading]) -> None:
    """Keep the readings of one input up to date until it ends."""
    while await pipe.not_empty():
        rows = await pipe.read()
        pipe.consume(len(rows))
        if len(rows):
            update(readings, rows["data"])


def _mock_stream() -> DataStream:
    elements = [Element(name=f"Element {number}") for number in range(1, 5)]
    return DataStream(name="test", elements=elements)
