"""Reading a folder of ``.conf`` files: one bad file never keeps the others from being read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that could not be used, and why; ``text`` names the file."""

    file: Path
    text: str


def read_folder(folder: Path, parse: Callable[[str, Path], T]) -> tuple[list[T], list[Fault]]:
    """Give ``parse(text, file)`` of every ``*.conf`` file of a folder, sorted by file name.

    Subfolders are not entered. A folder that does not exist holds no files.
    """
    values: list[T] = []
    faults: list[Fault] = []
    for file in conf_files(folder, faults):
        try:
            values.append(parse(read_text(file), file))
        except ConfigurationError as error:
            faults.append(Fault(file, str(error)))
    return values, faults


def conf_files(folder: Path, faults: list[Fault]) -> list[Path]:
    """Give the ``*.conf`` files of a folder by name; a folder that cannot be listed is a fault."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(".conf"))
    except FileNotFoundError:
        return []
    except OSError as error:
        faults.append(Fault(folder, f"Cannot read folder [{folder}]: {error.strerror}"))
        return []


def read_text(file: Path) -> str:
    """Give the text of a configuration file; ``ConfigurationError`` when it cannot be read."""
    try:
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"Cannot read file [{file}]: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"Cannot read file [{file}]: it is not UTF-8 text") from error
