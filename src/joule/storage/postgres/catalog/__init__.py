"""Streams, folders, masters, followers and keys; the schema and its versions."""
