"""The command line of ``jouled``, and which configuration it asks for."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import joule
from joule.config.main_conf import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    SYSTEM_FILE,
    MainConfig,
)
from joule.config.places import default_data_folder, find_config

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; None for what it leaves open."""

    config: Path | None = None
    data: Path | None = None
    host: str | None = None
    port: int | None = None
    demo: bool = False


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the command line; leaves the program with status 2 when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="jouled",
        description="Run a Joule node in the foreground until SIGINT or SIGTERM.",
        epilog=f"Without --config, --data, --host and --port {SYSTEM_FILE} is used when it exists.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="main configuration file")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder for the store, configuration files and sockets "
        "(default: $XDG_DATA_HOME/joule or ~/.local/share/joule)",
    )
    parser.add_argument("--host", metavar="ADDR", help=f"address (default: {DEFAULT_HOST})")
    parser.add_argument(
        "--port", type=_port, metavar="N", help=f"TCP port (default: {DEFAULT_PORT}), 0: any"
    )
    parser.add_argument(
        "--demo", action="store_true", help="write example modules and streams, if there are none"
    )
    parser.add_argument(
        "--version", action="version", version=f"jouled, version {joule.__version__}"
    )
    return Options(**vars(parser.parse_args(arguments)))


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("must be between 0 and 65535")
    return port


def resolve(options: Options, system_file: Path = SYSTEM_FILE) -> MainConfig:
    """Give the configuration that the options ask for; ``ConfigurationError`` when it is bad.

    A main file is read when one is named, or when nothing at all is said about the configuration
    and the system has one. Otherwise everything lives in the data folder. What the command line
    says wins over a file.
    """
    data = options.data
    if options.config is None and data is None and options != Options():
        data = default_data_folder()
    return _override(find_config(options.config, data, system_file), options)


def _override(config: MainConfig, options: Options) -> MainConfig:
    folders = config.folders
    if options.data is not None:
        folders = replace(folders, data=options.data.absolute())
    host = options.host or config.ip_address
    if options.port is not None and host is None:
        host = DEFAULT_HOST
    port = config.port if options.port is None else options.port
    return replace(config, folders=folders, ip_address=host, port=port)
