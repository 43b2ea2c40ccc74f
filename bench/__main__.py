"""Run the benchmarks: ``python -m bench [--rows N] [--folder DIR] [--out figures.json]``."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench import engine
from bench.figures import as_json, as_table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the large stream")
    parser.add_argument("--folder", type=Path, help="device to measure (default: temporary files)")
    parser.add_argument("--out", type=Path, help="write the figures as JSON to this file as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = asyncio.run(engine.run(Path(folder), options.rows))
    print(as_table(figures))
    if options.out is not None:
        options.out.write_text(as_json(figures) + "\n")


if __name__ == "__main__":
    main()
