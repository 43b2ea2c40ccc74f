"""The version of this package, as the node and the commands report it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("joule")
except PackageNotFoundError:  # running from a source tree that is not installed
    VERSION = "2.0.0.dev0"
