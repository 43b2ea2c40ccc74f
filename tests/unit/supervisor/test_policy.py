from __future__ import annotations

import pytest

from joule.supervisor.policy import Backoff, Event, Phase, State, restart_policy

BACKOFF = Backoff()
STARTING = State()


def after(state: State, event: Event, now: float) -> State:
    return restart_policy(state, event, now, BACKOFF)


RUNNING = after(STARTING, Event.LAUNCHED, 10.0)
WAITING = after(RUNNING, Event.ENDED, 20.0)
STOPPED = after(RUNNING, Event.STOPPED, 20.0)
REFUSED = after(STARTING, Event.REFUSED, 0.0)


def waits(run_s: float, count: int, state: State = STARTING) -> list[float]:
    """The waits after so many runs of this length, one after the other."""
    found, now = [], 100.0
    for _ in range(count):
        state = after(state, Event.LAUNCHED, now)
        now += run_s
        state = after(state, Event.ENDED, now)
        found.append(state.due - now)
        now = state.due
        state = after(state, Event.CHECKED, now)
    assert state.phase is Phase.STARTING
    return found


def test_a_launched_module_is_running() -> None:
    assert (RUNNING.phase, RUNNING.launches) == (Phase.RUNNING, 1)


def test_waits_double_up_to_a_minute() -> None:
    assert waits(1.0, 10) == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_after_a_good_run_waits_begin_anew() -> None:
    assert waits(BACKOFF.good_run_s, 3) == [0.5] * 3
    failing = State(Phase.RUNNING, since=0.0, wait_s=60.0)
    assert after(failing, Event.ENDED, BACKOFF.good_run_s - 1).wait_s == 60.0
    assert after(failing, Event.ENDED, BACKOFF.good_run_s).wait_s == 0.5


def test_a_process_that_cannot_be_started_waits_longer_each_time_however_late_it_is_tried() -> None:
    state, found = STARTING, []
    for now in (0.0, 100.0, 200.0):
        state = after(state, Event.ENDED, now)
        found.append(state.wait_s)
        state = after(state, Event.CHECKED, now + 99)
    assert found == [0.5, 1.0, 2.0]


def test_a_waiting_module_starts_when_it_is_due_and_not_before() -> None:
    assert after(WAITING, Event.CHECKED, 20.499) == WAITING
    assert after(WAITING, Event.CHECKED, 20.5).phase is Phase.STARTING


@pytest.mark.parametrize("state", [STARTING, RUNNING, WAITING])
def test_a_stopped_module_stays_stopped_until_it_is_wanted(state: State) -> None:
    stopped = after(state, Event.STOPPED, 30.0)
    assert stopped.phase is Phase.STOPPED
    others = set(Event) - {Event.WANTED}
    assert {after(stopped, event, 99.0) for event in others} == {stopped}


def test_a_refused_module_stays_refused_even_when_the_node_stops() -> None:
    assert REFUSED.phase is Phase.FAILED
    assert {after(REFUSED, event, 99.0) for event in set(Event) - {Event.WANTED}} == {REFUSED}


@pytest.mark.parametrize("state", [WAITING, STOPPED, REFUSED])
def test_a_module_that_is_wanted_starts_at_once_with_a_clean_record(state: State) -> None:
    wanted = after(state, Event.WANTED, 40.0)
    assert (wanted.phase, wanted.wait_s) == (Phase.STARTING, 0.0)
    assert wanted.launches == state.launches
