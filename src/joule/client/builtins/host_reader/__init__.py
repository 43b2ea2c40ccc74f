"""A reader that measures the machine it runs on."""

from __future__ import annotations

from joule.client.builtins.host_reader.configuration import data_stream_conf, module_conf
from joule.client.builtins.host_reader.host_reader import HostReader
from joule.client.builtins.host_reader.meter import host_elements

__all__ = ["HostReader", "data_stream_conf", "host_elements", "main", "module_conf"]


def main() -> None:
    """Run the module; the entry point of ``joule-host-reader``."""
    HostReader().start()
