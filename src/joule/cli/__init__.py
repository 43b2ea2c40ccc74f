"""The ``joule`` command: one file per noun, loaded when it is used.

``joule --help`` imports neither numpy nor an HTTP library. Commands ask the node through
``joule.api`` and say everything through ``output.py``; they know no rule of the node.
"""

from __future__ import annotations

from joule.cli.root import joule

__all__ = ["main"]


def main() -> None:
    """Run the ``joule`` command with the arguments of this process, and exit."""
    joule(prog_name="joule")
