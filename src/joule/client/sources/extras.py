"""Packages that only one reader needs, and that are installed with its extra."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import within this: a missing package becomes an error that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("joule"):
            raise
        raise ConfigurationError(
            f"the package [{error.name}] is not installed; run [pip install 'joule[{name}]']"
        ) from error
