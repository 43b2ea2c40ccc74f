"""The configuration files of a module that is run by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from joule.config.folder import read_folder, read_text
from joule.config.module_conf import module_from_conf
from joule.config.stream_conf import data_stream_from_conf
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from joule.config.module_conf import ModuleConf
    from joule.models.streams import DataStream


def read_module_config(file: Path | str) -> ModuleConf:
    """Read a module file; ``ConfigurationError`` names file, section and option."""
    path = Path(file)
    return module_from_conf(read_text(path), path)


def module_args(module: ModuleConf) -> list[str]:
    """Give a module's ``[Arguments]`` as command line words."""
    return module.argument_list


def load_args_from_file(file: Path | str) -> list[str]:
    """Give the ``[Arguments]`` of a module file as command line words."""
    return module_args(read_module_config(file))


def read_stream_configs(folder: Path | str) -> dict[str, DataStream]:
    """Read the data stream files of a folder, by the path of the stream.

    Raises ``ConfigurationError`` for the first file that cannot be used.
    """
    if not Path(folder).is_dir():
        raise ConfigurationError(f"[{folder}] is not a folder of data stream files")
    configured, faults = read_folder(Path(folder), data_stream_from_conf)
    if faults:
        raise ConfigurationError(faults[0].text)
    return {item.path: item.stream for item in configured}
