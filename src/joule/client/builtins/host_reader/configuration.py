"""The configuration files of a host reader, made for the machine that this runs on."""

from __future__ import annotations

from joule.client.builtins.host_reader.meter import host_elements
from joule.client.stream_file import stream_file

COMMAND = "joule-host-reader"
DEFAULT_PATH = "/live/host"


def data_stream_conf(path: str = DEFAULT_PATH, keep: str = "1w") -> str:
    """Give the text of the data stream file for a stream at ``path``."""
    return stream_file(path, host_elements(), keep=keep, description="load of the machine")


def module_conf(path: str = DEFAULT_PATH, rate: float = 1.0) -> str:
    """Give the text of the module file that writes to the stream at ``path``."""
    lines = [
        "[Main]",
        "name = Host Reader",
        "description = load of the machine",
        f"exec_cmd = {COMMAND}",
        "",
        "[Arguments]",
        f"rate = {rate:g}",
        "",
        "[Outputs]",
        f"output = {path}",
    ]
    return "\n".join(lines) + "\n"


def both(path: str, rate: float) -> str:
    """Give both files as one text, each under a comment with the folder it belongs in."""
    return (
        f"# ---- data_stream_configs/host.conf ----\n{data_stream_conf(path)}\n"
        f"# ---- module_configs/host_reader.conf ----\n{module_conf(path, rate)}"
    )
