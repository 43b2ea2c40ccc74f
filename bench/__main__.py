"""Run the benchmarks: ``make bench``, ``make bench ARGS=--full``, ``make bench ENGINE=postgres``.

The quick run takes less than a minute. Figures go to the screen and, with ``--full`` or
``--keep``, to ``bench/results``.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import client, engine, events, flat, memory, node, postgres, steady, tick
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
    million_rows: int
    events: int
    postgres_rows: int


QUICK = Size(
    rows=2_000_000,
    client_rows=3_000_000,
    rounds=3,
    ticks=120,
    blocks=48,
    million_rows=0,
    events=40_000,
    postgres_rows=800_000,
)
FULL = Size(
    rows=10_000_000,
    client_rows=10_000_000,
    rounds=5,
    ticks=600,
    blocks=160,
    million_rows=100,
    events=200_000,
    postgres_rows=4_000_000,
)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--full", action="store_true", help="more rows and rounds: some minutes")
    parser.add_argument("--keep", action="store_true", help="keep the figures of a quick run too")
    parser.add_argument(
        "--engine", choices=("embedded", "postgres"), default="embedded", help="which one"
    )
    parser.add_argument("--folder", type=Path, help="device to measure (default: temporary files)")
    run = parser.add_mutually_exclusive_group()
    run.add_argument("--steady", type=int, metavar="MINUTES", help="only 200 slow streams, so long")
    run.add_argument("--cycles", type=int, help="the same, so many seconds of data back to back")
    options = parser.parse_args()
    about = conditions(full=options.full)
    if options.steady or options.cycles:
        figures = asyncio.run(long_run(options.steady, options.cycles, options.folder))
        print(as_table(figures))
        return
    size = FULL if options.full else QUICK
    if options.engine == "postgres":
        figures = asyncio.run(postgres.run(size.postgres_rows, size.rounds))
        about["mode"] = f"postgres-{about['mode']}"
        print(as_table(figures), postgres.ABOUT, sep="\n\n")
    else:
        figures = asyncio.run(measure(size, options.folder))
        print(as_table(figures), flat.ABOUT, sep="\n\n")
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
    with tempfile.TemporaryDirectory(dir=parent) as name:
        figures += await events.run(Path(name), size.events, size.rounds)
    if size.million_rows:
        with tempfile.TemporaryDirectory(dir=parent) as name:
            figures += await node.run(Path(name), size.million_rows)
    return figures


async def long_run(minutes: int | None, cycles: int | None, parent: Path | None) -> list[Figure]:
    """Run many slow streams alone, in real time or back to back."""
    with tempfile.TemporaryDirectory(dir=parent) as name:
        if minutes:
            return await steady.run(Path(name), 60 * minutes, period_s=1.0)
        return await steady.run(Path(name), cycles or 0, period_s=0.0)


if __name__ == "__main__":
    main()
