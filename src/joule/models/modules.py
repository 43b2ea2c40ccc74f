"""Modules as a node reports them."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

from joule.models.base import Saved


@dataclass(frozen=True, slots=True)
class ModuleStatistics:
    """Resources of a module's process and its children; all None while it does not run.

    ``create_time`` is in UNIX seconds; ``cpu_percent`` is relative to one core and can exceed 100.
    """

    pid: int | None = None
    create_time: float | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None

    def __repr__(self) -> str:
        return (
            f"<joule.api.ModuleStatistics pid={self.pid} create_time={self.create_time} "
            f"cpu_percent={self.cpu_percent} memory_percent={self.memory_percent}>"
        )


@dataclass(eq=False, repr=False)
class Module(Saved):
    """A supervised process; ``inputs`` and ``outputs`` map pipe names to stream paths.

    ``state`` is one of ``starting``, ``running``, ``waiting to restart``, ``failed to load`` and
    ``stopped``.
    """

    name: str = ""
    description: str = ""
    is_app: bool = False
    _: KW_ONLY
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    statistics: ModuleStatistics | None = None
    state: str = ""

    def __repr__(self) -> str:
        return (
            f"<joule.api.Module id={self._id} name={self.name!r} "
            f"description={self.description!r} is_app={self.is_app}>"
        )
