"""The command line of a module: the node's part, and the module's own."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNSET = "unset"
"""What the flags say that only the node sets."""


def parse(
    argv: Sequence[str], custom_args: Callable[[argparse.ArgumentParser], None]
) -> argparse.Namespace:
    """Read a command line; the arguments in the module file are appended to it.

    Leaves with a message and status 2 as ``argparse`` does. Raises ``ConfigurationError`` when the
    module file cannot be used.
    """
    return _parser(custom_args).parse_args([*argv, *_file_arguments(argv)])


def parse_development(
    custom_args: Callable[[argparse.ArgumentParser], None], more: Sequence[str] = ()
) -> argparse.Namespace:
    """Give the arguments under a development server: those of a module file, and live data.

    The environment variable ``JOULE_MODULE_CONFIG`` names the file; ``ConfigurationError`` when it
    is not set. ``more`` words are added.
    """
    file = os.environ.get("JOULE_MODULE_CONFIG")
    if not file:
        raise ConfigurationError("set JOULE_MODULE_CONFIG to the module file")
    return parse(["--module_config", file, "--live", *more], custom_args)


def _file_arguments(argv: Sequence[str]) -> list[str]:
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_module_config(early)
    file: str = early.parse_known_args(argv)[0].module_config
    if file == UNSET:
        return []
    # Only a module that is run by hand reads files; one under a node should start quickly.
    from joule.client.standalone.files import read_module_config

    return read_module_config(Path(file)).argument_list


def _parser(custom_args: Callable[[argparse.ArgumentParser], None]) -> argparse.ArgumentParser:
    # A module may define a flag that we have too, --start say; then the flag is the module's.
    parser = argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter, conflict_handler="resolve"
    )
    _add_reserved(parser.add_argument_group("joule", "set by the node"))
    _add_standalone(parser.add_argument_group("stand-alone", "run the module by hand"))
    custom_args(parser)
    return parser


def _add_reserved(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--pipes", default=UNSET, help="descriptors of the pipes, as JSON")
    group.add_argument("--socket", default=UNSET, help="UNIX socket for the web interface")
    group.add_argument("--api-socket", default=UNSET, help="UNIX socket of the node")


def _add_module_config(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--module_config",
        "--module-config",
        default=UNSET,
        metavar="FILE",
        help="module file with the arguments, inputs and outputs to use",
    )


def _add_standalone(group: argparse._ArgumentGroup) -> None:
    _add_module_config(group)
    group.add_argument(
        "--data_stream_configs",
        "--data-stream-configs",
        "--stream_configs",
        "--stream-configs",
        default=UNSET,
        metavar="DIR",
        help="data stream files for outputs that do not exist yet",
    )
    group.add_argument("--node", default="", help="name of a saved node [the default node]")
    group.add_argument("--url", default="", help="URL of a saved node, in place of its name")
    group.add_argument("--live", action="store_true", help="follow the inputs as they are produced")
    for name, text in (("start", "read from this time on"), ("end", "read up to this time")):
        flags = (f"--{name}_time", f"--{name}-time", f"--{name}")
        group.add_argument(*flags, dest=f"{name}_time", metavar="TIME", help=text)
    group.add_argument("--new", action="store_true", help="start at the newest output data")
    group.add_argument("--force", action="store_true", help="replace output data without asking")
    group.add_argument("--host", default="0.0.0.0", help="address of the web interface")
    group.add_argument("--port", type=int, help="port of the web interface [first free from 8000]")
