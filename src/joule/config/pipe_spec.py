"""What a module's ``[Inputs]`` and ``[Outputs]`` say about a stream.

::

    spec  := [node " "] path [ ":" datatype "[" names "]" ]
    path  := "/" folder { "/" folder } "/" stream
    names := name { "," name }
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from joule.config.rules import folder_path
from joule.errors import ConfigurationError
from joule.models.base import DATATYPES
from joule.models.layout import Layout

_INLINE = re.compile(r"(\w+)\s*\[(.*)\]")
_NAME = re.compile(r"[\w \-]+")


@dataclass(frozen=True, slots=True)
class PipeSpec:
    """A stream by path, on a follower when ``node`` is given, with its inline layout if it has one.

    ``datatype`` and ``names`` are both set or both None.
    """

    node: str | None
    path: str
    datatype: str | None = None
    names: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, text: str) -> PipeSpec:
        """Read a specification; ``ConfigurationError`` with the broken rule."""
        text = text.strip()
        node, rest = _split_node(text)
        path, colon, inline = rest.partition(":")
        _check_path(path.rstrip(), text)
        if not colon:
            if node is not None:
                raise ConfigurationError("invalid remote stream, must have inline config")
            return cls(None, path)
        return cls(node, path.rstrip(), *_parse_inline(inline.strip()))

    def __str__(self) -> str:
        node = f"{self.node} " if self.node else ""
        inline = f":{self.datatype}[{','.join(self.names)}]" if self.names else ""
        return f"{node}{self.path}{inline}"

    @property
    def is_remote(self) -> bool:
        """Whether the stream is on another node."""
        return self.node is not None

    @property
    def folder(self) -> str:
        """Path of the folder that holds the stream."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Name of the stream."""
        return self.path.rpartition("/")[2]

    @property
    def layout(self) -> Layout | None:
        """Layout of the inline part, None without one."""
        if self.datatype is None or self.names is None:
            return None
        return Layout(self.datatype, len(self.names))


def _split_node(text: str) -> tuple[str | None, str]:
    if not text:
        raise ConfigurationError("invalid pipe configuration []")
    if text.startswith("/"):
        return None, text
    node, blank, rest = text.partition(" ")
    if not blank:
        raise ConfigurationError(f"invalid pipe configuration [{text}]")
    return node, rest.strip()


def _check_path(path: str, text: str) -> None:
    if not path.startswith("/"):
        raise ConfigurationError(f"invalid pipe configuration [{text}]")
    folder, _, name = path.rpartition("/")
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"invalid stream name [{name}]")
    if not folder:
        raise ConfigurationError(f"invalid path [{path}], a stream must be in a folder")
    folder_path(folder)


def _parse_inline(text: str) -> tuple[str, tuple[str, ...]]:
    match = _INLINE.fullmatch(text)
    if match is None:
        raise _inline_fault(f"[{text}] is not datatype[name,name,...]")
    datatype = match[1].lower()
    if datatype not in DATATYPES:
        raise _inline_fault(f"[{match[1]}] is not one of {', '.join(DATATYPES)}")
    names = tuple(name.strip() for name in match[2].split(","))
    if not all(names):
        raise _inline_fault("an element has no name")
    if len(set(names)) != len(names):
        raise _inline_fault("element names must be unique")
    return datatype, names


def _inline_fault(text: str) -> ConfigurationError:
    return ConfigurationError(f"invalid inline configuration: {text}")
