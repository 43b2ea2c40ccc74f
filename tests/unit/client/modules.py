"""Modules that tests start as processes: ``python -m tests.unit.client.modules <name> ...``."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from joule.client import BaseModule, CompositeModule, FilterModule, ReaderModule
from joule.client.builtins.file_reader import FileReader
from joule.client.pacing import ticks
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from joule.models.pipes import Pipe


class Counter(ReaderModule):
    """Writes rows 1, 2, 3 and a break, then waits to be stopped."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--value", type=float, default=0.0)

    async def run(self, parsed_args: argparse.Namespace, output: Pipe) -> None:
        for timestamp in (1, 2, 3):
            await output.write([[timestamp, parsed_args.value]])
        await output.close_interval()
        async for _ in ticks(self, 0.01):
            pass
        await output.write([[4, parsed_args.value]])


class Stubborn(ReaderModule):
    """Never looks whether it should stop."""

    STOP_TIMEOUT = 0.5

    async def run(self, parsed_args: argparse.Namespace, output: Pipe) -> None:
        await output.write([[1, 1]])
        await asyncio.Event().wait()


class Doubler(FilterModule):
    """Reads for ever, as many modules do, without looking whether it should stop."""

    async def run(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        source, target = inputs["input"], outputs["output"]
        assert source.stream is not None
        sys.stdout.write(f"{source.stream.name} {source.stream.elements[0].name}\n")
        while True:
            data: Any = await source.read()
            data["data"] *= 2
            source.consume(len(data))
            if len(data):
                await target.write(data)
            if source.end_of_interval:
                await target.close_interval()


class Misconfigured(ReaderModule):
    """Finds something wrong."""

    async def run(self, parsed_args: argparse.Namespace, output: Pipe) -> None:
        raise ConfigurationError("the port is not there")


class Faulty(ReaderModule):
    """Has a bug."""

    async def run(self, parsed_args: argparse.Namespace, output: Pipe) -> None:
        raise RuntimeError("a bug")


class Pair(CompositeModule):
    """Two doublers side by side."""

    async def setup(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> Sequence[Any]:
        return [
            Doubler().run(parsed_args, {"input": inputs[a]}, {"output": outputs[b]})
            for a, b in (("a", "x"), ("b", "y"))
        ]


MODULES: dict[str, type[BaseModule]] = {
    kind.__name__: kind
    for kind in (Counter, Stubborn, Doubler, Misconfigured, Faulty, Pair, FileReader)
}

if __name__ == "__main__":
    MODULES[sys.argv.pop(1)]().start()
