"""Run the benchmarks: ``make bench``, ``make bench ARGS=--full``.

The quick run takes less than a minute. Figures go to the screen and, with ``--full`` or
``--keep``, to ``bench/results``.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import client, engine, memory, tick
from bench.figures import Figure, as_table, conditions, keep

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rows: int
    client_rows: int
    rounds: int
    ticks: int
    blocks: int


QUICK = Size(rows=2_000_000, client_rows=3_000_000, rounds=3, ticks=120, blocks=48)
FULL = Size(rows=10_000_000, client_rows=10_000_000, rounds=5, ticks=600, blocks=160)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--full", action="store_true", help="more rows and rounds: some minutes")
    parser.add_argument("--keep", action="store_true", help="keep the figures of a quick run too")
    parser.add_argument("--folder", type=Path, help="device to measure (default: temporary files)")
    options = parser.parse_args()
    about = conditions(full=options.full)
    figures = asyncio.run(measure(FULL if options.full else QUICK, options.folder))
    print(as_table(figures))
    if options.full or options.keep:
        path = keep(RESULTS, figures, about)
        print(f"kept as bench/results/{path.name}")


async def measure(size: Size, parent: Path | None) -> list[Figure]:
    """Run everything, one after the other, in folders that are removed."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        figures += await engine.run(folder, size.rows, size.rounds)
        figures += await tick.run(folder, size.ticks)
        figures += await memory.run(folder, size.blocks)
    with tempfile.TemporaryDirectory(dir=parent) as name:
        figures += await client.run(Path(name), size.client_rows, size.rounds)
    return figures


if __name__ == "__main__":
    main()
