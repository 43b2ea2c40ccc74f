"""Module files: what to start, with which arguments, on which streams."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from joule.config.ini import Section, main_section, parse_ini
from joule.config.pipe_spec import PipeSpec
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NODE_SCHEMAS = ("data", "metadata", "joule")


@dataclass(frozen=True)
class ModuleConf:
    """A module as its file describes it.

    ``fault`` says why it cannot be started although its ``[Main]`` is fine (a bad pipe); such a
    module keeps its place in the list of modules.
    """

    name: str
    exec_cmd: str
    description: str = ""
    is_app: bool = False
    arguments: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, PipeSpec] = field(default_factory=dict)
    outputs: dict[str, PipeSpec] = field(default_factory=dict)
    file: Path | None = None
    db_schema: str | None = None
    fault: str | None = None

    @property
    def command(self) -> list[str]:
        """``exec_cmd`` split like a POSIX shell would."""
        return shlex.split(self.exec_cmd)

    @property
    def argument_list(self) -> list[str]:
        """The arguments as they are put on the command line."""
        return [part for name, value in self.arguments.items() for part in (f"--{name}", value)]


def module_from_conf(text: str, file: Path) -> ModuleConf:
    """Read a module file; ``ConfigurationError`` names file, section and option."""
    module = module_with_fault(text, file)
    if module.fault is not None:
        raise ConfigurationError(module.fault)
    return module


def module_with_fault(text: str, file: Path) -> ModuleConf:
    """Read a module file, bad pipes left out and noted in ``fault``.

    Raises ``ConfigurationError`` when there is no saying which module it is or what to start.
    """
    sections = parse_ini(text, str(file))
    faults: list[str] = []
    try:
        main = main_section(sections)
        module = ModuleConf(
            name=main.required("name"),
            exec_cmd=_exec_cmd(main),
            description=main.text("description") or "",
            is_app=main.boolean("is_app", False),
            arguments=sections["Arguments"].items() if "Arguments" in sections else {},
            outputs=_pipes(sections, "Outputs", faults),
            inputs=_pipes(sections, "Inputs", faults),
            file=file,
            db_schema=_db_schema(main),
            fault=f"Invalid module [{file}]: {'; '.join(faults)}" if faults else None,
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"Invalid module [{file}]: {error}") from error
    return module


def _exec_cmd(main: Section) -> str:
    command = main.required("exec_cmd")
    parts = main.convert("exec_cmd", shlex.split, "quotes do not match")
    if not parts:
        raise main.fault("exec_cmd", "missing exec_cmd")
    return command


def _db_schema(main: Section) -> str | None:
    schema = main.text("db_schema")
    if schema in _NODE_SCHEMAS:
        raise main.fault("db_schema", f"the schema [{schema}] belongs to the node")
    return schema or None


def _pipes(sections: Mapping[str, Section], section: str, faults: list[str]) -> dict[str, PipeSpec]:
    pipes: dict[str, PipeSpec] = {}
    options = sections[section].items() if section in sections else {}
    for name, text in options.items():
        try:
            pipes[name] = PipeSpec.parse(text)
        except ConfigurationError as error:
            faults.append(f"{section[:-1]} [{name}={text}]: {error} ([{section}] {name})")
    return pipes
