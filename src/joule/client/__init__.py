"""Base classes of modules: readers, filters, and composites of both.

::

    class Ramp(joule.client.ReaderModule):
        async def run(self, parsed_args, output):
            ...

    Ramp().start()

A module is a process that the node starts and feeds through pipes; the same program can be run
alone against a node, see ``--help``. Nothing here loads a HTTP library unless the module has a
web interface or uses its node.
"""

from __future__ import annotations

from joule.client.base_module import BaseModule
from joule.client.composite_module import CompositeModule
from joule.client.filter_module import FilterModule
from joule.client.fir_filter_module import FIRFilterModule
from joule.client.reader_module import ReaderModule

__all__ = ["BaseModule", "CompositeModule", "FIRFilterModule", "FilterModule", "ReaderModule"]
