"""Modules as a node reports them."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

from joule.models.base import Saved


@dataclass(frozen=True, slots=True)
class ModuleStatistics:
    """Resources of a module's process and its children; all None while it does not run.

    ``create_time`` is in UNIX seconds; ``cpu_percent`` is relative to one core and can exceed 100.
    ``pids`` are all of its processes, ``pid`` the one that was started.
    """

    pid: int | None = None
    create_time: float | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    pids: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return (
            f"<joule.api.ModuleStatistics pid={self.pid} create_time={self.create_time} "
            f"cpu_percent={self.cpu_percent} memory_percent={self.memory_percent}>"
        )


@dataclass(frozen=True, slots=True)
class ModuleConfiguration:
    """What a module's file says: what to start, with which arguments, on which streams.

    ``inputs`` and ``outputs`` map pipe names to what the file says about the stream, for example
    ``/folder/stream:float32[x,y]``.
    """

    name: str
    exec_cmd: str
    arguments: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class Module(Saved):
    """A supervised process; ``inputs`` and ``outputs`` map pipe names to stream paths.

    ``state`` is one of ``starting``, ``running``, ``waiting to restart``, ``failed to load`` and
    ``stopped``; ``reason`` says why it does not run. ``exit_code`` is how its last process ended,
    negative for a signal, None while none has; ``restarts`` counts the starts after the first.
    Nodes before 2.0 tell nothing of these.
    """

    name: str = ""
    description: str = ""
    is_app: bool = False
    _: KW_ONLY
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    statistics: ModuleStatistics | None = None
    state: str = ""
    reason: str = ""
    exit_code: int | None = None
    restarts: int = 0

    def __repr__(self) -> str:
        return (
            f"<joule.api.Module id={self._id} name={self.name!r} "
            f"description={self.description!r} is_app={self.is_app}>"
        )


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """A configuration file that could not be used, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What became of changed configuration files; modules by name."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    faults: tuple[ConfigFault, ...] = ()
