"""Older names of functions that modules and tests import from here."""

from __future__ import annotations

from joule.client.node_pipes import open_pipes as build_fd_pipes
from joule.client.standalone.files import (
    load_args_from_file,
    module_args,
    read_module_config,
    read_stream_configs,
)
from joule.client.standalone.network_pipes import build_network_pipes
from joule.client.standalone.time_bounds import validate_time_bounds

__all__ = [
    "build_fd_pipes",
    "build_network_pipes",
    "load_args_from_file",
    "module_args",
    "read_module_config",
    "read_stream_configs",
    "validate_time_bounds",
]
