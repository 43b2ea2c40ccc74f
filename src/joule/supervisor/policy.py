"""When a module is started again: states, events and the one function between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

RESTART_DELAY_S = 3.0
"""Wait between the end of a module, whatever its exit code, and its next start."""


class Phase(Enum):
    """What a module is doing; the values are the ``state`` that users see."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting to restart"
    FAILED = "failed to load"
    STOPPED = "stopped"


class Event(Enum):
    """What can happen to a module."""

    LAUNCHED = "the process runs"
    ENDED = "the process has ended, or could not be started"
    CHECKED = "time has passed"
    REFUSED = "its streams cannot be had"
    STOPPED = "it was told to stop and has ended"


@dataclass(frozen=True, slots=True)
class State:
    """Where a module stands; ``due`` is the earliest next start while it waits (monotonic s)."""

    phase: Phase = Phase.STARTING
    due: float = 0.0
    launches: int = 0

    @property
    def is_final(self) -> bool:
        """Whether the module will not be started any more."""
        return self.phase in (Phase.FAILED, Phase.STOPPED)


def restart_policy(
    state: State, event: Event, now: float, delay_s: float = RESTART_DELAY_S
) -> State:
    """Give the state after an event at ``now`` (monotonic seconds).

    Any end is followed by a wait and a new start, forever; a refused or stopped module stays so.
    """
    if state.is_final:
        return state
    match event:
        case Event.LAUNCHED:
            return State(Phase.RUNNING, launches=state.launches + 1)
        case Event.ENDED:
            return replace(state, phase=Phase.WAITING, due=now + delay_s)
        case Event.CHECKED if state.phase is Phase.WAITING and now >= state.due:
            return replace(state, phase=Phase.STARTING, due=0.0)
        case Event.CHECKED:
            return state
        case Event.REFUSED:
            return replace(state, phase=Phase.FAILED, due=0.0)
        case Event.STOPPED:
            return replace(state, phase=Phase.STOPPED, due=0.0)
