"""The tables of Joule 1.0, made as it makes them, and our own schema ``joule`` beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

TYPES: Final = {
    "datatype": ("FLOAT64", "FLOAT32", "INT64", "INT32", "INT16"),
    "displaytype": ("DISCRETE", "CONTINUOUS", "EVENT"),
    "type": ("USER", "JOULE_NODE", "LUMEN_NODE"),
}

OWN: Final = """
CREATE SCHEMA IF NOT EXISTS joule;
CREATE TABLE IF NOT EXISTS joule.property (name text PRIMARY KEY, value jsonb NOT NULL);
"""

METADATA: Final = """
CREATE SCHEMA IF NOT EXISTS data;
CREATE SCHEMA IF NOT EXISTS metadata;
CREATE TABLE IF NOT EXISTS metadata.node (
    uuid uuid PRIMARY KEY, private_key varchar, public_key varchar, version varchar,
    UNIQUE (uuid)
);
CREATE TABLE IF NOT EXISTS metadata.folder (
    name varchar NOT NULL, description varchar, id serial PRIMARY KEY,
    parent_id int REFERENCES metadata.folder (id), updated_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS metadata.stream (
    id serial PRIMARY KEY, name varchar NOT NULL, datatype datatype NOT NULL, decimate boolean,
    is_source boolean, is_destination boolean, is_configured boolean, keep_us bigint,
    description varchar, folder_id int REFERENCES metadata.folder (id),
    updated_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS metadata.element (
    id serial PRIMARY KEY, index int NOT NULL, name varchar, units varchar, plottable boolean,
    display_type displaytype, "offset" double precision NOT NULL,
    scale_factor double precision NOT NULL, default_max double precision,
    default_min double precision, stream_id int REFERENCES metadata.stream (id)
);
CREATE TABLE IF NOT EXISTS metadata.annotation (
    id serial PRIMARY KEY, title varchar, content varchar, start timestamptz NOT NULL,
    "end" timestamptz, stream_id int REFERENCES metadata.stream (id)
);
CREATE TABLE IF NOT EXISTS metadata.eventstream (
    id serial PRIMARY KEY, name varchar NOT NULL, event_fields jsonb, is_configured boolean,
    chunk_duration_us bigint, keep_us bigint, description varchar,
    folder_id int NOT NULL REFERENCES metadata.folder (id), updated_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS metadata.master (
    id serial PRIMARY KEY, name varchar NOT NULL, key varchar NOT NULL UNIQUE, type type,
    grantor_id int REFERENCES metadata.master (id)
);
CREATE TABLE IF NOT EXISTS metadata.follower (
    id serial PRIMARY KEY, name varchar NOT NULL UNIQUE, key varchar NOT NULL UNIQUE,
    location varchar NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS metadata.exporter_state (
    name varchar NOT NULL, source_type varchar NOT NULL, source_label varchar,
    state json NOT NULL, updated_at timestamptz NOT NULL, id serial PRIMARY KEY
);
"""


async def make(connection: asyncpg.Connection, scripts: Sequence[str]) -> None:
    """Make what is missing, in the transaction of the connection; ``scripts`` are more tables."""
    for name, labels in TYPES.items():
        await _make_type(connection, name, labels)
    for script in (METADATA, OWN, *scripts):
        await connection.execute(script)


async def _make_type(connection: asyncpg.Connection, name: str, labels: Sequence[str]) -> None:
    """Make an enumeration, for which there is no ``IF NOT EXISTS``."""
    if not await connection.fetchval("SELECT to_regtype($1) IS NOT NULL", f"public.{name}"):
        listed = ", ".join(f"'{label}'" for label in labels)
        await connection.execute(f"CREATE TYPE public.{name} AS ENUM ({listed})")
