"""When a module is started again: states, events and the one function between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


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
    WANTED = "it was told to start"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between the end of a module, whatever its exit code, and its next start.

    Each wait is twice as long as the one before, up to ``max_s``. After a run of ``good_run_s``
    they begin anew.
    """

    first_s: float = 0.5
    max_s: float = 60.0
    good_run_s: float = 30.0

    def after(self, previous_s: float, run_s: float) -> float:
        """Give the wait that follows a run of ``run_s`` before which it was ``previous_s``."""
        if not previous_s or run_s >= self.good_run_s:
            return self.first_s
        return min(2 * previous_s, self.max_s)


@dataclass(frozen=True, slots=True)
class State:
    """Where a module stands.

    ``due`` is the earliest next start while it waits, ``since`` when its process was started
    (monotonic s); ``wait_s`` is the last wait, 0 before the first.
    """

    phase: Phase = Phase.STARTING
    due: float = 0.0
    since: float = 0.0
    wait_s: float = 0.0
    launches: int = 0

    @property
    def is_at_rest(self) -> bool:
        """Whether the module will not be started unless somebody wants it."""
        return self.phase in (Phase.FAILED, Phase.STOPPED)


def restart_policy(state: State, event: Event, now: float, backoff: Backoff) -> State:
    """Give the state after an event at ``now`` (monotonic seconds).

    Any end is followed by a wait and a new start, forever; a refused or stopped module stays so
    until it is wanted again.
    """
    if event is Event.WANTED:
        return State(launches=state.launches)
    if state.is_at_rest:
        return state
    match event:
        case Event.LAUNCHED:
            return replace(state, phase=Phase.RUNNING, since=now, launches=state.launches + 1)
        case Event.ENDED:
            run_s = now - state.since if state.phase is Phase.RUNNING else 0.0
            wait_s = backoff.after(state.wait_s, run_s)
            return replace(state, phase=Phase.WAITING, due=now + wait_s, wait_s=wait_s)
        case Event.CHECKED if state.phase is Phase.WAITING and now >= state.due:
            return replace(state, phase=Phase.STARTING, due=0.0)
        case Event.CHECKED:
            return state
        case Event.REFUSED:
            return replace(state, phase=Phase.FAILED, due=0.0)
        case Event.STOPPED:
            return replace(state, phase=Phase.STOPPED, due=0.0)
