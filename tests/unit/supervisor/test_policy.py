from __future__ import annotations

import pytest

from joule.supervisor.policy import RESTART_DELAY_S, Event, Phase, State, restart_policy

STARTING = State()
RUNNING = restart_policy(STARTING, Event.LAUNCHED, 10.0)
WAITING = restart_policy(RUNNING, Event.ENDED, 20.0)


def test_a_launched_module_is_running() -> None:
    assert (RUNNING.phase, RUNNING.launches) == (Phase.RUNNING, 1)


@pytest.mark.parametrize("state", [STARTING, RUNNING])
def test_any_end_is_followed_by_three_seconds_of_waiting(state: State) -> None:
    after = restart_policy(state, Event.ENDED, 20.0)
    assert (after.phase, after.due) == (Phase.WAITING, 20.0 + RESTART_DELAY_S)
    assert RESTART_DELAY_S == 3.0


def test_a_waiting_module_starts_when_it_is_due_and_not_before() -> None:
    assert restart_policy(WAITING, Event.CHECKED, 22.999) == WAITING
    assert restart_policy(WAITING, Event.CHECKED, 23.0).phase is Phase.STARTING


def test_restarts_go_on_forever_and_are_counted() -> None:
    state, now = STARTING, 0.0
    for _ in range(100):
        state = restart_policy(state, Event.LAUNCHED, now)
        state = restart_policy(state, Event.ENDED, now)
        now = state.due
        state = restart_policy(state, Event.CHECKED, now)
    assert (state.phase, state.launches) == (Phase.STARTING, 100)


@pytest.mark.parametrize("state", [STARTING, RUNNING, WAITING])
def test_a_stopped_module_stays_stopped(state: State) -> None:
    stopped = restart_policy(state, Event.STOPPED, 30.0)
    assert stopped.phase is Phase.STOPPED
    assert {restart_policy(stopped, event, 99.0) for event in Event} == {stopped}


def test_a_refused_module_stays_refused_even_when_the_node_stops() -> None:
    refused = restart_policy(STARTING, Event.REFUSED, 0.0)
    assert refused.phase is Phase.FAILED
    assert {restart_policy(refused, event, 99.0) for event in Event} == {refused}
